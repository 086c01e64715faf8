"""Commands: queued one by one or in bulk, looked at, cancelled, counted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from pytest_roo_load.ccs.commands.command import DEFAULT_PRIORITY, DEVICE_ONLY, PRIORITIES, STATES, TYPES
from pytest_roo_load.ccs.data.commands import (
    CommandForm,
    cancel_command,
    command_stats,
    list_commands,
    queue_commands,
    read_command,
)
from pytest_roo_load.ccs.envelope import dumps, success, success_page
from pytest_roo_load.ccs.errors import Problem, invalid
from pytest_roo_load.ccs.identity import authenticate
from pytest_roo_load.ccs.json_body import read_value
from pytest_roo_load.ccs.routes.paths import path_id
from pytest_roo_load.ccs.services import SERVICES
from pytest_roo_load.ccs.validation import Form, is_uuid

_MAX_BULK = 1000
_MAX_TARGETS = 100
_MAX_KEY = 200
_MAX_TIMEOUT_S, _MAX_DELAY_S, _MAX_RETRIES = 86_400, 3600, 20


async def queue(request: web.Request) -> web.Response:
    """Queue one command, or those of a list, all or none: 202 and their ids."""
    services = request.app[SERVICES]
    identity = await authenticate(request)
    forms = _take_commands(await read_value(request))
    longest = services.settings.command_queue_size
    queued = await queue_commands(services.database, identity.user_id, forms, longest=longest)
    await services.commands.queued(identity.user_id, queued.worker)
    return success(202, ids=dumps(queued.ids), count=str(len(queued.ids)))


async def commands(request: web.Request) -> web.Response:
    """List the user's commands, oldest first, those of one ``status`` or all."""
    identity = await authenticate(request)
    form = Form(request.query)
    page = form.page()
    status = form.choice_or_none("status", STATES)
    form.check()
    total, rows = await list_commands(request.app[SERVICES].database, identity.user_id, page, status)
    return success_page(page, total=total, commands=rows)


async def stats(request: web.Request) -> web.Response:
    """Answer how many commands the user has, by status, and the limits."""
    services = request.app[SERVICES]
    identity = await authenticate(request)
    at_a_time, longest = services.settings.commands_per_user, services.settings.command_queue_size
    counted = await command_stats(services.database, identity.user_id, at_a_time=at_a_time, longest=longest)
    return success(stats=counted)


async def read(request: web.Request) -> web.Response:
    """Answer one command and the effects that it has had."""
    identity = await authenticate(request)
    return success(command=await read_command(request.app[SERVICES].database, path_id(request), identity.user_id))


async def cancel(request: web.Request) -> web.Response:
    """Cancel a command that has not ended, or 409 ``COMMAND_FINISHED``."""
    services = request.app[SERVICES]
    identity = await authenticate(request)
    command_id = path_id(request)
    cancelled = await cancel_command(services.database, command_id, identity.user_id)
    await services.commands.cancelled(identity.user_id, command_id, cancelled.targets)
    return success(command=cancelled.body)


ROUTES = (
    web.post("/commands", queue),
    web.get("/commands", commands),
    web.get("/commands/stats", stats),
    web.get("/commands/{id}", read),
    web.post("/commands/{id}/cancel", cancel),
)


def _take_commands(body: Any) -> list[CommandForm]:
    if isinstance(body, Mapping):
        return [_take_command(body, "")]
    if not isinstance(body, list) or not 1 <= len(body) <= _MAX_BULK:
        message = f"The body must be a command or a list of 1 to {_MAX_BULK}"
        raise invalid(Problem(field="", message=message, code="INVALID_TYPE"))
    return [_take_command(item, f"[{place}].") for place, item in enumerate(body)]


def _take_command(item: Any, where: str) -> CommandForm:
    if not isinstance(item, Mapping):
        raise invalid(Problem(field=where.rstrip("."), message="must be an object", code="INVALID_TYPE"))
    form = Form(item, where=where)
    kind = form.choice("type", TYPES)
    command = CommandForm(
        type=kind,
        priority=form.integer("priority", low=PRIORITIES[0], high=PRIORITIES[-1], default=DEFAULT_PRIORITY),
        targets=_take_targets(form, item.get("target_device_ids"), kind),
        payload=dumps(form.mapping_or_none("payload") or {}),
        config=_take_config(form),
        idempotency_key=form.text_or_none("idempotency_key", longest=_MAX_KEY, shortest=1),
    )
    form.check()
    return command


def _take_targets(form: Form, wanted: Any, kind: str) -> tuple[str, ...]:
    if not wanted and kind in DEVICE_ONLY:
        form.problem("target_device_ids", f"is required: only a device can do {kind}", "REQUIRED")
    if wanted is None:
        return ()
    if not isinstance(wanted, list) or len(wanted) > _MAX_TARGETS or not all(is_uuid(item) for item in wanted):
        form.problem("target_device_ids", f"must be a list of at most {_MAX_TARGETS} UUIDs", "INVALID_TYPE")
        return ()
    return tuple(dict.fromkeys(item.lower() for item in wanted))


def _take_config(form: Form) -> str:
    config = form.mapping_or_none("config")
    if not config:
        return "{}"
    inner = form.inside("config", config)
    inner.number_or_none("timeout_s", low=0.01, high=_MAX_TIMEOUT_S)
    inner.integer("retries", low=0, high=_MAX_RETRIES, default=0)
    inner.number_or_none("retry_delay_s", low=0.0, high=_MAX_DELAY_S)
    return dumps(config)
