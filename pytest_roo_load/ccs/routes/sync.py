"""What a user's devices agree on about files: offers, conflicts, changes."""

from __future__ import annotations

import re

from aiohttp import web

from pytest_roo_load.ccs.data.sync import Place, changes_since, offer_version
from pytest_roo_load.ccs.envelope import dumps, success
from pytest_roo_load.ccs.errors import ConflictError
from pytest_roo_load.ccs.files.agreement import MANUAL, RESOLUTIONS, Offer
from pytest_roo_load.ccs.identity import authenticate
from pytest_roo_load.ccs.json_body import read_object
from pytest_roo_load.ccs.services import SERVICES
from pytest_roo_load.ccs.validation import Form

# Workspace and path are the key of an index, which takes 2,700 bytes.
_MAX_PATH = 300
_MAX_SIZE = 2**53
_MAX_CHANGES = 1000
_NUMBER = re.compile(r"[0-9]{1,18}")


async def offer(request: web.Request) -> web.Response:
    """Offer a version of a path: 200 when it is the devices' version now, 409 with both when it is in conflict.

    ``base_hash`` is the version that the offered one is based on, absent for a new file. ``deleted`` offers no file.
    """
    services = request.app[SERVICES]
    identity = await authenticate(request)
    form = Form(await read_object(request))
    deleted = form.boolean("deleted", default=False)
    offered = Offer(
        hash=None if deleted else form.sha256("hash"),
        base_hash=form.sha256_or_none("base_hash"),
        resolution=form.choice_or_none("resolution", RESOLUTIONS),
    )
    size = 0 if deleted else form.integer("size", low=0, high=_MAX_SIZE)
    workspace = form.text_or_none("workspace", longest=_MAX_PATH) or ""
    place = Place(user_id=identity.user_id, workspace=workspace, path=_take_path(form))
    form.check()
    agreed = await offer_version(services.database, place, identity.device_id, offered, size)
    if agreed.state is not None and (agreed.decision.taken or agreed.decision.conflict):
        await services.notices.file_sync(identity.user_id, [agreed.state], sender=identity.device_id)
    if agreed.decision.conflict and offered.resolution != MANUAL:
        local = {"path": place.path, "hash": offered.hash, "size": size, "base_hash": offered.base_hash}
        raise ConflictError(local=dumps(local), remote=agreed.state or "null")
    return success(file=agreed.state or "null", changed="true" if agreed.decision.taken else "false")


async def changes(request: web.Request) -> web.Response:
    """Answer what has changed after ``since``, a cursor of an earlier answer or a time; in order, everything once."""
    identity = await authenticate(request)
    form = Form(request.query)
    text = request.query.get("since", "0")
    since = int(text) if _NUMBER.fullmatch(text) else form.moment_or_none("since")
    workspace = form.text_or_none("workspace", longest=_MAX_PATH)
    limit = form.integer("limit", low=1, high=_MAX_CHANGES, default=_MAX_CHANGES)
    form.check()
    assert since is not None
    found = await changes_since(
        request.app[SERVICES].database, identity.user_id, since, workspace=workspace, limit=limit
    )
    return success(changes=found.body, cursor=str(found.cursor), has_more="true" if found.more else "false")


ROUTES = (
    web.get("/files/sync", changes),
    web.post("/files/sync", offer),
)


def _take_path(form: Form) -> str:
    path = form.text("path", longest=_MAX_PATH)
    if ".." in path.replace("\\", "/").split("/"):
        form.problem("path", "must not lead out of the workspace", "INVALID_FORMAT")
    return path
