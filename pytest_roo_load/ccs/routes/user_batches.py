"""Many users in one request."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from aiohttp import web

from pytest_roo_load.ccs.data.user_batches import OPERATIONS, Changed, UserOperation, run_operations
from pytest_roo_load.ccs.envelope import dumps, success
from pytest_roo_load.ccs.errors import ApiError, Problem, UnavailableError, invalid
from pytest_roo_load.ccs.identity import authenticate
from pytest_roo_load.ccs.json_body import read_object
from pytest_roo_load.ccs.services import SERVICES, Services
from pytest_roo_load.ccs.validation import Form

_MAX_OPERATIONS = 1000
_CHUNK = 100
_MAX_NAME = 100
_DONE = {"create": "created", "update": "updated", "deactivate": "deactivated", "delete": "deleted"}

Result = dict[str, Any]


async def batch(request: web.Request) -> web.Response:
    """Carry out up to 1000 operations in order, in transactions of 100, and answer what became of each.

    An operation that is not valid, or whose user does not exist, fails alone. A transaction that fails takes its
    operations with it; users are never left half-made.
    """
    services = request.app[SERVICES]
    identity = await authenticate(request)
    wanted = _take_list(await read_object(request))
    results: list[Result] = []
    for start in range(0, len(wanted), _CHUNK):
        results += await _run_chunk(services, identity.user_id, wanted[start : start + _CHUNK])
    for place, result in enumerate(results):
        result["index"] = place
    if results and all(result.get("code") == "SERVICE_UNAVAILABLE" for result in results):
        raise UnavailableError("database")
    succeeded = sum(result["success"] for result in results)
    summary = {"total": len(results), "succeeded": succeeded, "failed": len(results) - succeeded}
    return success(results=dumps(results), summary=dumps(summary))


ROUTES = (web.post("/users/batch", batch),)


def _take_list(body: Mapping[str, Any]) -> list[Any]:
    wanted = body.get("operations")
    if not isinstance(wanted, list) or not 1 <= len(wanted) <= _MAX_OPERATIONS:
        message = f"must be a list of 1 to {_MAX_OPERATIONS} operations"
        raise invalid(Problem(field="operations", message=message, code="INVALID_TYPE"))
    return wanted


async def _run_chunk(services: Services, manager_id: str, chunk: Sequence[Any]) -> list[Result]:
    taken = [_take_operation(item) for item in chunk]
    good = [operation for operation in taken if isinstance(operation, UserOperation)]
    hashed = await asyncio.gather(*(_with_hash(services, operation) for operation in good))
    try:
        outcomes = iter(await run_operations(services.database, manager_id, hashed))
    except ApiError as error:
        return [_failed(item, error) if isinstance(item, UserOperation) else item for item in taken]
    results = [_result(item, next(outcomes)) if isinstance(item, UserOperation) else item for item in taken]
    await services.revoke([session for result in results for session in result.pop("ended", ())])
    return results


def _take_operation(item: Any) -> UserOperation | Result:
    form = Form(item if isinstance(item, Mapping) else {})
    op = form.choice("op", OPERATIONS)
    preferences = form.mapping_or_none("preferences")
    operation = UserOperation(
        op=op,
        user_id="" if op == "create" else form.uuid("user_id"),
        email=form.email("email") if op == "create" else "",
        password_hash=form.new_password("password") if op == "create" else "",  # hashed later, off the event loop
        name=form.text_or_none("display_name", longest=_MAX_NAME),
        preferences=None if preferences is None else dumps(preferences),
    )
    try:
        form.check()
    except ApiError as error:
        return {"success": False, "op": op, "code": error.code, "details": [asdict(detail) for detail in error.details]}
    return operation


async def _with_hash(services: Services, operation: UserOperation) -> UserOperation:
    if operation.op != "create":
        return operation
    return replace(operation, password_hash=await services.passwords.hash(operation.password_hash))


def _result(operation: UserOperation, changed: Changed | None) -> Result:
    if changed is not None:
        done = _DONE[operation.op]
        return {"success": True, "op": operation.op, "status": done, "user_id": changed.user_id, "ended": changed.ended}
    if operation.op == "create":
        return _failed(operation, ApiError(409, "USER_EXISTS", "A user with this e-mail exists already"))
    return _failed(operation, ApiError(404, "USER_NOT_FOUND", "User not found"))


def _failed(operation: UserOperation, error: ApiError) -> Result:
    return {"success": False, "op": operation.op, "code": error.code, "error": error.message}
