"""A user's devices."""

from __future__ import annotations

from aiohttp import web

from pytest_roo_load.ccs.data.devices import (
    DEVICE_TYPES,
    DeviceForm,
    create_device,
    delete_device,
    list_devices,
    update_device,
)
from pytest_roo_load.ccs.envelope import dumps, success, success_page
from pytest_roo_load.ccs.identity import authenticate
from pytest_roo_load.ccs.json_body import read_object
from pytest_roo_load.ccs.routes.paths import path_id
from pytest_roo_load.ccs.services import SERVICES
from pytest_roo_load.ccs.validation import Form

_MAX_NAME = 100
_MAX_FINGERPRINT = 256
_DEFAULT_LIMIT = 100


async def devices(request: web.Request) -> web.Response:
    """List the devices, oldest first."""
    identity = await authenticate(request)
    form = Form(request.query)
    page = form.page(_DEFAULT_LIMIT)
    form.check()
    total, rows = await list_devices(request.app[SERVICES].database, identity.user_id, page)
    return success_page(page, total=total, devices=rows)


async def create(request: web.Request) -> web.Response:
    """Add a device: 201, or 409 ``DEVICE_EXISTS``."""
    identity = await authenticate(request)
    form = Form(await read_object(request))
    device = take_device(form)
    form.check()
    return success(201, device=await create_device(request.app[SERVICES].database, identity.user_id, device))


async def update(request: web.Request) -> web.Response:
    """Change a device."""
    identity = await authenticate(request)
    device_id = path_id(request)
    form = Form(await read_object(request))
    capabilities = form.mapping_or_none("capabilities")
    device = DeviceForm(
        name=form.text_or_none("device_name", longest=_MAX_NAME, shortest=1),
        kind=form.choice_or_none("device_type", DEVICE_TYPES),
        platform=form.text_or_none("platform", longest=_MAX_NAME),
        capabilities=None if capabilities is None else dumps(capabilities),
    )
    form.check()
    database = request.app[SERVICES].database
    return success(device=await update_device(database, identity.user_id, device_id, device))


async def delete(request: web.Request) -> web.Response:
    """Delete a device; its sessions end."""
    services = request.app[SERVICES]
    identity = await authenticate(request)
    ended = await delete_device(services.database, identity.user_id, path_id(request))
    await services.revoke(ended)
    return success(deleted="true", sessions_ended=str(len(ended)))


def take_device(form: Form) -> DeviceForm:
    """Take the fields of a new device, as sent by a login too."""
    capabilities = form.mapping_or_none("capabilities")
    return DeviceForm(
        name=form.text("device_name", longest=_MAX_NAME),
        kind=form.choice("device_type", DEVICE_TYPES),
        platform=form.text_or_none("platform", longest=_MAX_NAME),
        capabilities=None if capabilities is None else dumps(capabilities),
        fingerprint=form.text_or_none("device_fingerprint", longest=_MAX_FINGERPRINT, shortest=1),
    )


ROUTES = (
    web.get("/users/devices", devices),
    web.post("/users/devices", create),
    web.put("/users/devices/{id}", update),
    web.delete("/users/devices/{id}", delete),
)
