"""Complete files: listed, sent, deleted."""

from __future__ import annotations

from aiohttp import web

from pytest_roo_load.ccs.data.files import delete_file, list_files, read_content, read_file
from pytest_roo_load.ccs.envelope import success, success_page
from pytest_roo_load.ccs.files.sending import send_file
from pytest_roo_load.ccs.identity import authenticate
from pytest_roo_load.ccs.routes.paths import path_id
from pytest_roo_load.ccs.services import SERVICES
from pytest_roo_load.ccs.validation import Form


async def files(request: web.Request) -> web.Response:
    """List the files of the user, newest first."""
    identity = await authenticate(request)
    form = Form(request.query)
    page = form.page()
    form.check()
    total, rows = await list_files(request.app[SERVICES].database, identity.user_id, page)
    return success_page(page, total=total, files=rows)


async def read(request: web.Request) -> web.Response:
    """Answer what is known of a file."""
    identity = await authenticate(request)
    return success(file=await read_file(request.app[SERVICES].database, identity.user_id, path_id(request)))


async def download(request: web.Request) -> web.StreamResponse:
    """Send a file, or the part that ``Range`` asks for."""
    services = request.app[SERVICES]
    identity = await authenticate(request)
    content = await read_content(services.database, identity.user_id, path_id(request))
    return await send_file(request, services.uploads.storage.path(content.id), content)


async def delete(request: web.Request) -> web.Response:
    """Delete a file, or give up its upload."""
    identity = await authenticate(request)
    await delete_file(request.app[SERVICES].database, identity.user_id, path_id(request))
    return success(deleted="true")


ROUTES = (
    web.get("/files", files),
    web.get("/files/{id}", read),
    web.get("/files/{id}/download", download),
    web.delete("/files/{id}", delete),
)
