"""Recorded traces: access logs and JSON lines."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_roo_load.core.trace import Recorded, Trace, parse_trace
from pytest_roo_load.errors import UsageError

COMBINED = """\
127.0.0.1 - alice [10/Oct/2026:13:55:36 +0000] "GET /a?x=1 HTTP/1.1" 200 2326 "http://example.com/" "Mozilla/5.0 (X11)"
::1 - - [10/Oct/2026:13:55:36 +0000] "POST /b HTTP/1.0" 201 -

10.0.0.1 - - [10/Oct/2026:13:55:39 +0000] "-" 408 0 "-" "-"
10.0.0.1 - - [10/Oct/2026:15:55:38 +0200] "GET /c\\"d HTTP/2" 404 12 "-" "an \\"agent\\""
"""


def of(text: str) -> Trace:
    return parse_trace(text.splitlines(), "some.log")


def test_an_access_log_is_a_trace() -> None:
    trace = of(COMBINED)
    assert trace.requests == (
        Recorded(at_s=0.0, method="GET", path="/a?x=1"),
        Recorded(at_s=0.5, method="POST", path="/b"),
        Recorded(at_s=2.0, method="GET", path='/c\\"d'),
    )
    assert (trace.source, trace.passed_over, trace.length_s) == ("some.log", 1, 3.0)


def test_json_lines_are_a_trace_with_moments_as_they_are() -> None:
    trace = of("""
        {"at": 12.5, "path": "/a"}
        {"at": 12.5, "method": "PUT", "path": "/b", "json": {"x": [1]}}
        {"at": 12, "path": "/first"}
    """)
    assert [(one.at_s, one.method, one.path, one.json) for one in trace.requests] == [
        (0.0, "GET", "/first", None),
        (0.5, "GET", "/a", None),
        (0.5, "PUT", "/b", {"x": [1]}),
    ]
    timed = of('{"time": "2026-10-10T13:55:36+00:00", "path": "/a"}\n{"time": "2026-10-10T13:55:36.25Z", "path": "/b"}')
    assert [one.at_s for one in timed.requests] == [0.0, 0.25]


@given(gaps=st.lists(st.integers(0, 3), min_size=1, max_size=60))
def test_requests_of_one_second_are_spread_over_it_in_their_order(gaps: list[int]) -> None:
    moment, lines, seconds = datetime(2026, 10, 10, tzinfo=UTC), [], []
    for number, gap in enumerate(gaps):
        moment += timedelta(seconds=gap)
        seconds.append(moment.timestamp())
        lines.append(f'h - - [{moment:%d/%b/%Y:%H:%M:%S %z}] "GET /{number} HTTP/1.1" 200 1')
    found = parse_trace(lines, "log").requests
    assert [one.path for one in found] == [f"/{number}" for number in range(len(gaps))]
    for one, second in zip(found, seconds, strict=True):
        assert 0 <= one.at_s - (second - seconds[0]) < 1
    assert len({one.at_s for one in found}) == len(found)


@given(values=st.lists(st.floats(0, 1000), min_size=1, max_size=50))
def test_a_trace_is_in_order_from_zero_and_loses_nothing(values: list[float]) -> None:
    trace = parse_trace([json.dumps({"at": value, "path": f"/{number}"}) for number, value in enumerate(values)], "x")
    moments = [one.at_s for one in trace.requests]
    assert moments == sorted(moments)
    assert moments[0] == 0
    assert sorted(one.path for one in trace.requests) == sorted(f"/{number}" for number in range(len(values)))
    assert trace.length_s >= moments[-1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a trace without a request: 'some.log'"),
        ('h - - [10/Oct/2026:13:55:36 +0000] "-" 408 0', "a trace without a request"),
        ("hello", "some.log:1: not a line of an access log: 'hello'"),
        ('h - - [10/Oct/2026:13:55:36 +0000] "GET /" 200 1', "some.log:1: not a request: 'GET /'"),
        ('h - - [40/Oct/2026:13:55:36 +0000] "GET / HTTP/1.1" 200 1', "not a moment of an access log"),
        ('{"at": 1, "path": "/"}\n{', "some.log:2: not JSON"),
        ('{"at": 1, "path": "x"}', "no path that begins with /: 'x'"),
        ('{"at": 1, "path": "/"}\n[]', "no path that begins with /"),
        ('{"at": 1, "path": "/", "method": "get it"}', "not a method: 'get it'"),
        ('{"path": "/"}', "no moment"),
        ('{"at": true, "path": "/"}', "no moment"),
        ('{"at": NaN, "path": "/"}', "no moment"),
        ('{"time": "soon", "path": "/"}', "no moment"),
    ],
)
def test_what_is_no_trace_is_refused_with_its_line(text: str, message: str) -> None:
    with pytest.raises(UsageError) as told:
        of(text)
    assert message in str(told.value)


def test_a_trace_that_is_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_roo_load.core.trace._MOST", 2)
    with pytest.raises(UsageError, match="the trace is too long: 3"):
        of('{"at": 1, "path": "/"}\n' * 3)
