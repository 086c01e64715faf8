"""What holds for every answer."""

from __future__ import annotations

import json

from .visit import Visit

JSON = {"Content-Type": "application/json"}
_MALFORMED = (b"{", b"nonsense", b'{"a": NaN}', b'{"email": "\xff"}', b"[" * 10_000)
_TOO_MUCH = 10 * 1024 * 1024


async def health_says_what_works(visit: Visit) -> None:
    """GET /health answers 200 with status, timestamp, uptime, version and environment."""
    health = (await visit.ask("GET", "/health")).must_be(200).json()
    assert health["status"] == "healthy", health
    assert {"timestamp", "uptime", "version", "environment"} <= health.keys(), health


async def detailed_health_names_services_and_metrics(visit: Visit) -> None:
    """GET /health/detailed tells of database, Redis and API, of requests, errors and response times."""
    health = (await visit.ask("GET", "/health/detailed")).must_be(200).json()
    assert {"database", "redis", "api"} <= health["services"].keys(), health
    assert {"memory", "requests", "responseTime"} <= health["metrics"].keys(), health


async def metrics_are_there_for_prometheus(visit: Visit) -> None:
    """GET /metrics answers in the text format of Prometheus."""
    answer = (await visit.ask("GET", "/metrics")).must_be(200)
    assert answer.headers["Content-Type"].startswith("text/plain"), answer.headers
    assert "# TYPE " in answer.text, answer.text[:200]


async def every_answer_names_its_instance(visit: Visit) -> None:
    """Every answer carries X-Instance-ID, errors as well, so that load balancing can be seen."""
    for path in ("/health", "/users/profile", "/no/such/route"):
        answer = await visit.ask_anyway("GET", path)
        assert answer.headers.get("X-Instance-ID"), f"{path}: {dict(answer.headers)}"


async def a_request_id_is_echoed(visit: Visit) -> None:
    """X-Request-ID comes back as it was sent."""
    answer = await visit.ask("GET", "/health", headers={"X-Request-ID": "contract-1"})
    assert answer.headers.get("X-Request-ID") == "contract-1", dict(answer.headers)


async def what_is_not_there_is_a_404_in_the_envelope(visit: Visit) -> None:
    """An unknown route is answered with 404 and {success: false, error, code}."""
    body = (await visit.ask_anyway("GET", "/no/such/route", by=await visit.person())).must_be(404).json()
    assert body["success"] is False, body
    assert {"error", "code"} <= body.keys(), body


async def malformed_json_is_answered_400(visit: Visit) -> None:
    """A body that is not JSON is the client's fault: 400, never 500."""
    for body in _MALFORMED:
        answer = await visit.ask("POST", "/auth/login", data=body, headers=JSON)
        assert answer.status == 400, f"{body[:20]!r}: status {answer.status}"


async def other_media_types_are_answered_415(visit: Visit) -> None:
    """A body that does not claim to be JSON is refused with 415."""
    (await visit.ask("POST", "/auth/login", data=b"a=b", headers={"Content-Type": "text/plain"})).must_be(415)


async def an_oversized_body_is_answered_413(visit: Visit) -> None:
    """A JSON body of more than 10 MB is refused with 413."""
    body = json.dumps({"email": "x" * _TOO_MUCH}).encode()
    (await visit.answer_to("/auth/login", body)).must_be(413)


async def validation_names_every_field(visit: Visit) -> None:
    """What is not valid is answered 400 VALIDATION_ERROR with field, message and code of each problem."""
    answer = await visit.register(email="nobody", password="short")
    details = answer.must_be(400, "VALIDATION_ERROR").json()["details"]
    assert {"email", "password"} <= {detail["field"] for detail in details}, details
    assert all({"field", "message", "code"} <= detail.keys() for detail in details), details


async def large_answers_are_compressed(visit: Visit) -> None:
    """An answer above 1 KiB is compressed for who takes gzip."""
    person = await visit.person()
    path = await visit.conversation(person)
    await visit.message(path, "compress me " * 300, person)
    answer = await visit.ask("GET", f"{path}/messages", by=person, headers={"Accept-Encoding": "gzip"})
    assert answer.must_be(200).headers.get("Content-Encoding") == "gzip", dict(answer.headers)


STATEMENTS = (
    health_says_what_works,
    detailed_health_names_services_and_metrics,
    metrics_are_there_for_prometheus,
    every_answer_names_its_instance,
    a_request_id_is_echoed,
    what_is_not_there_is_a_404_in_the_envelope,
    malformed_json_is_answered_400,
    other_media_types_are_answered_415,
    an_oversized_body_is_answered_413,
    validation_names_every_field,
    large_answers_are_compressed,
)
