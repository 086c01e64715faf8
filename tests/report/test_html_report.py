import base64
import hashlib
import json
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from page_reader import Node, read_page
from sample_runs import JSON, Load, failing, invalid, ramp, result_dict, run_dict, run_json, search_dict, write

from pytest_roo_load.core.histogram import Histogram
from pytest_roo_load.report.html import write_report

HOSTILE = (
    "</script></title></style><script>alert(1)</script><img src=x onerror=alert(1)> \x1b[31m 'q' \"d\" &amp; 日本語 "
    + "x" * 400
)


def hostile() -> JSON:
    run = run_dict(Load(users=3, failing=0.2))
    steady = run["phases"][1]
    steady["operations"] = {HOSTILE: steady["operations"]["POST /auth/login"]}
    steady["groups"] = {HOSTILE: steady["groups"]["round trip"]}
    steady["checks"] = {HOSTILE: [1, 2]}
    steady["operations"][HOSTILE]["errors"][HOSTILE] = {"count": 3, "exemplar": HOSTILE}
    run["timeline"]["resources"][HOSTILE] = run["timeline"]["resources"].pop("ccs")
    run["spans"] = {HOSTILE: [0, 5], "steady": [5, 25]}
    run["values"] = {HOSTILE: {"count": 1, "omitted": 0, "first": [HOSTILE]}}
    run["problems"] = [HOSTILE]
    run["profile"] = run["fleet"] = HOSTILE
    run["objectives"][0]["text"] = run["objectives"][0]["reason"] = HOSTILE
    run["generators"][0]["name"] = HOSTILE
    result = result_dict(HOSTILE, [run], title=HOSTILE, requirement=1)
    result["test"]["message"] = HOSTILE
    return result


SAMPLES: dict[str, Callable[[], tuple[JSON, list[JSON]]]] = {
    "pass": lambda: (run_json(), ramp()),
    "fail": lambda: (run_json(exit_status=1), [*ramp(), failing(), invalid()]),
    "incomplete": lambda: (run_json(status="incomplete", reason="interrupted", finished_at=None), ramp()[:2]),
    "running": lambda: (run_json(status="running", finished_at=None, exit_status=None), ramp()[:1]),
    "empty": lambda: (run_json(), []),
    "without runs": lambda: (run_json(), [result_dict("test_x", [])]),
    "hostile": lambda: (run_json(command=HOSTILE, scale=HOSTILE, services={HOSTILE: {"url": HOSTILE}}), [hostile()]),
    "one second": lambda: (run_json(), [result_dict("test_x", [run_dict(Load(seconds=1, warm_up=0))])]),
    "two hours": lambda: (
        run_json(),
        [result_dict("test_x", [run_dict(Load(seconds=7140, warm_up=60, per_second=3))])],
    ),
    "two runs": lambda: (run_json(), [result_dict("test_x", [run_dict(Load()), run_dict(Load(users=20), number=2)])]),
    "bare": lambda: ({"schema": "pytest-roo-load/run/1", "id": "x", "status": "complete"}, [_bare()]),
}


def _bare() -> JSON:
    """Only what the report cannot do without."""
    run = {"number": 1, "verdict": "no data"}
    return {"schema": "pytest-roo-load/result/1", "test": {"name": "test_x"}, "verdict": "no data", "runs": [run]}


def report(tmp_path: Path, run: JSON, results: list[JSON]) -> str:
    return write_report(write(tmp_path / "run", run, results)).read_text(encoding="utf-8")


def page(tmp_path: Path, run: JSON, results: list[JSON]) -> Node:
    return read_page(report(tmp_path, run, results))


@pytest.fixture(params=SAMPLES, scope="module")
def text(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    return report(tmp_path_factory.mktemp("report"), *SAMPLES[request.param]())


def content_of(node: Node) -> str:
    return "".join(child for child in node.children if isinstance(child, str))


class TestEveryReport:
    def test_is_well_formed(self, text: str) -> None:
        document = read_page(text)

        assert text.startswith("<!DOCTYPE html>")
        assert document.one("html").attributes["lang"] == "en"

    def test_loads_nothing_and_runs_nothing_but_its_own_script(self, text: str) -> None:
        document = read_page(text)
        data, script = document.all("script")
        (policy,) = (node for node in document.all("meta") if "http-equiv" in node.attributes)
        digest = base64.b64encode(hashlib.sha256(content_of(script).encode()).digest()).decode()

        assert data.attributes == {"type": "application/json", "id": "figures"}
        assert policy.attributes["content"].startswith("default-src 'none'; ")
        assert policy.attributes["content"].endswith(f"; script-src 'sha256-{digest}'")
        assert not list(document.all("img", "iframe", "object", "embed", "link", "base", "form"))
        for node in document.all():
            assert not [name for name in node.attributes if name.startswith("on") or name in {"src", "style", "xmlns"}]
            assert node.attributes.get("href", "#").startswith("#")
        (style,) = document.all("style")
        assert not re.search(r"url\(|@import|https?:", style.text)

    def test_has_ids_that_are_unique_and_references_that_lead_somewhere(self, text: str) -> None:
        document = read_page(text)
        ids = [node.attributes["id"] for node in document.all() if "id" in node.attributes]
        links = [node.attributes["href"][1:] for node in document.all("a")]
        labels = " ".join(node.attributes.get("aria-labelledby", "") for node in document.all()).split()

        assert len(ids) == len(set(ids))
        assert set(links) | set(labels) <= set(ids)

    def test_has_one_title_and_headings_without_gaps(self, text: str) -> None:
        levels = [int(node.tag[1]) for node in read_page(text).all("h1", "h2", "h3", "h4", "h5")]

        assert levels.count(1) == 1
        assert levels[0] == 1
        assert all(after <= before + 1 for before, after in pairwise(levels))

    def test_has_tables_that_screen_readers_understand(self, text: str) -> None:
        tables = list(read_page(text).all("table"))

        assert tables
        for table in tables:
            assert table.one("caption").text
            assert {head.attributes["scope"] for head in table.one("thead").all("th")} == {"col"}
            for row in table.one("tbody").all("tr"):
                assert [head.attributes["scope"] for head in row.all("th")] == ["row"]
                assert len(list(row.all("th", "td"))) == len(list(table.one("thead").all("th")))

    def test_says_its_verdict_with_a_word_and_a_sign(self, text: str) -> None:
        marks = [node for node in read_page(text).all("span") if "mark" in node.attributes.get("class", "").split()]

        assert marks
        words = {"✓ pass", "✗ fail", "∅ no data", "! invalid", "… incomplete"}
        assert {mark.text for mark in marks} <= words

    def test_has_no_figure_that_is_no_number(self, text: str) -> None:
        assert not re.search(r"\b(nan|inf|None|null|undefined)\b", read_page(text).one("body").text)

    def test_describes_its_charts(self, text: str) -> None:
        charts = [node for node in read_page(text).all("svg") if node.attributes.get("class") == "chart"]

        for chart in charts:
            assert chart.attributes["role"] == "img"
            assert chart.one("title").text
            assert chart.one("desc").text


def test_figures_in_the_summary_are_those_of_the_result_file(tmp_path: Path) -> None:
    document = page(tmp_path, run_json(), ramp())
    (third,) = (row for row in document.table("All tests") if row["no."] == "3")
    stored = json.loads((tmp_path / "run/results/test-3-1.json").read_text())
    (run,) = stored["runs"]
    statistics = run["phases"][1]["statistics"]

    assert third["scenario"] == "50 users, high use test_users[50]"
    assert third["users"] == "50"
    assert third["per second"] == f"{statistics['throughput']:g}/s"
    assert third["per minute"] == f"{statistics['throughput'] * 60:,.0f}/min"
    for name in ("p50", "p95", "p99"):
        assert third[name] == f"{statistics[name] * 1000:.3g} ms"
    assert (third["error rate"], third["CPU of the target"], third["memory of the target"]) == (
        "0 %",
        "34.7 %",
        "214 MB",
    )
    assert third["verdict"] == "✓ pass"


def test_stored_percentiles_equal_those_of_the_stored_histogram(tmp_path: Path) -> None:
    """What the distribution draws and what the tables say come from the same samples."""
    write(tmp_path / "run", run_json(), ramp())
    for path in (tmp_path / "run/results").iterdir():
        statistics = json.loads(path.read_text())["runs"][0]["phases"][1]["statistics"]
        assert Histogram.from_dict(statistics["histogram"]).percentile(95) == statistics["p95"]


def test_objectives_show_all_they_were_judged_by(tmp_path: Path) -> None:
    first = page(tmp_path, run_json(), [failing()]).table("Service level")[0]

    assert first["objective"] == "p95 < 3 s"
    assert first["measured"] == "3.78 s"
    assert first["95 % confidence"] == "3.2 s to 4.42 s"
    assert first["limit"] == "< 3 s"
    assert first["margin"] == "−26 %"
    assert first["samples"] == "2,800"
    assert first["verdict"] == "✗ fail"
    assert first["why, and where it was set"] == "sla.toml:12"


def test_operations_and_errors_are_listed(tmp_path: Path) -> None:
    result = failing()
    document = page(tmp_path, run_json(), [result])
    steady = result["runs"][0]["phases"][1]
    login, *_, everything = document.table("Operations in the steady phase")
    worst = document.table("Errors")[0]

    assert login["operation"] == "POST /auth/login"
    assert login["failed"] == str(steady["operations"]["POST /auth/login"]["failed"])
    assert everything["operation"] == "all operations"
    assert everything["ended"] == f"{steady['statistics']['count']:,}"
    assert (worst["kind"], worst["operation"], worst["phase"]) == ("timeout", "POST /auth/login", "steady")
    assert worst["the first of them"] == "show timeout: the <server> said & did nothing at line 3"


def test_a_failed_run_leads_with_what_was_missed(tmp_path: Path) -> None:
    header = page(tmp_path, run_json(exit_status=1), [*ramp(), failing()]).one("header")

    assert header.one("h1").text == "4 of 5 tests met their SLA"
    assert "✗ fail" in header.text
    assert "“4 · 250 users, peak” missed p95 < 3 s: it measured 3.78 s. 1 more objective missed." in header.text


def test_an_incomplete_run_never_reads_as_a_pass(tmp_path: Path) -> None:
    run = run_json(status="incomplete", reason="interrupted", finished_at=None)
    header = page(tmp_path, run, ramp()[:2]).one("header")

    assert "… incomplete" in header.text
    assert "✓ pass" not in header.text
    assert header.one("h1").text == "2 of 2 tests measured so far met their SLA"
    assert "the run ended before all its tests had (interrupted)" in header.text


def test_a_failure_in_an_incomplete_run_stays_a_failure(tmp_path: Path) -> None:
    verdicts = next(page(tmp_path, run_json(status="running"), [failing()]).one("header").all("div")).text

    assert "✗ fail" in verdicts
    assert "… incomplete" in verdicts


def test_a_run_without_results_says_that_nothing_was_measured(tmp_path: Path) -> None:
    document = page(tmp_path, run_json(), [])

    assert document.one("h1").text == "Nothing was measured"
    assert "∅ no data" in document.one("header").text
    assert not [table for table in document.all("table") if table.one("caption").text == "All tests"]


def test_what_was_not_measured_is_a_dash(tmp_path: Path) -> None:
    (row,) = page(tmp_path, run_json(), [result_dict("test_x", [])]).table("All tests")

    assert {value for name, value in row.items() if name not in {"no.", "scenario", "verdict"}} == {"–"}
    assert row["verdict"] == "∅ no data"


def test_a_saturated_generator_is_told_before_the_figures(tmp_path: Path) -> None:
    section = page(tmp_path, run_json(), [invalid()]).with_id("test-1")
    health, limits = section.table("Generators in the steady phase")

    assert section.text.index("The latencies cannot be trusted") < section.text.index("Service level")
    assert health["used of a core"] == "! invalid 99 % over the limit"
    assert health["waited for a core"] == "2 %"
    assert limits["used of a core"] == "95 %"
    assert section.table("Service level")[0]["verdict"] == "! invalid"


def test_a_search_for_a_capacity_has_its_steps_before_the_runs(tmp_path: Path) -> None:
    result = result_dict("test_x", [run_dict(Load())])
    result["capacities"] = [search_dict((40.0, "holds"), (80.0, "fails"), (60.0, "holds"))]
    section = page(tmp_path, run_json(), [result]).with_id("test-1")

    assert "Capacity 60 arrivals/s (80/s is too much, 3 steps)" in section.text
    assert [row["rate"] for row in section.table("Steps of the search")] == ["40/s", "80/s", "60/s"]
    assert section.table("Steps of the search")[1]["outcome"] == "✗ too much"
    assert section.text.index("Steps of the search") < section.text.index("Service level")


def test_a_test_that_only_searched_has_measured_something(tmp_path: Path) -> None:
    search = search_dict((40.0, "holds"), (44.0, "fails"))
    result = result_dict("test_x", []) | {"capacities": [search], "verdict": "pass"}
    result["test"]["outcome"] = "passed"
    made = page(tmp_path, run_json(), [result])
    assert "Nothing was measured" not in made.text
    assert "nothing judged" not in made.text
    assert "Capacity 40 arrivals/s" in made.text


def test_what_a_test_without_data_said_is_to_be_seen_at_once(tmp_path: Path) -> None:
    result = result_dict("test_x", []) | {"verdict": "no data"}
    result["test"]["message"] = "no data: the test ended without a run()"
    text = report(tmp_path, run_json(), [result])
    assert "<details open><summary>What the test said</summary>" in text


def test_a_run_that_was_given_up_says_why(tmp_path: Path) -> None:
    run = {"number": 1, "verdict": "invalid", "problems": ["generator local-1 died"], "phases": [], "generators": []}
    section = page(tmp_path, run_json(), [result_dict("test_x", [run])]).with_id("test-1")

    assert "The run was given up: there are no latencies. generator local-1 died" in section.text
    assert "can be trusted" not in section.text


def test_a_test_that_failed_by_itself_is_not_a_pass(tmp_path: Path) -> None:
    result = ramp()[0]
    result["test"].update(outcome="failed", message="AssertionError: lost 3 messages")
    document = page(tmp_path, run_json(), [result])

    assert document.one("h1").text == "0 of 1 test met its SLA"
    assert "Every objective was met, but the test itself failed." in document.with_id("test-1").text
    assert "lost 3 messages" in document.with_id("test-1").text


def test_levels_of_users_are_drawn_against_users_without_invalid_ones(tmp_path: Path) -> None:
    scaling = page(tmp_path, run_json(), [*ramp(), invalid()]).with_id("scaling")
    descriptions = [node.text for node in scaling.all("desc")]

    assert len(descriptions) == 2
    assert descriptions[1].endswith(". 10 users: 40/s; 25 users: 49.5/s; 50 users: 80/s; 100 users: 130/s.")


def test_hostile_text_is_shown_as_it_is(tmp_path: Path) -> None:
    run, results = SAMPLES["hostile"]()
    document = page(tmp_path, run, results)
    shown = " ".join(HOSTILE.replace("\x1b", "\ufffd").split())

    assert shown in document.with_id("test-1").text
    assert shown in document.one("header").text


def test_two_hours_of_seconds_stay_small(tmp_path: Path) -> None:
    run, results = SAMPLES["two hours"]()

    assert len(report(tmp_path, run, results)) < 1_000_000


def test_many_long_tests_stay_small(tmp_path: Path) -> None:
    run = run_dict(Load(seconds=7140, warm_up=60, per_second=3))
    results = [result_dict(f"test_x[{number}]", [run]) for number in range(30)]

    assert len(report(tmp_path, run_json(), results)) < 4_000_000


def test_seconds_without_samples_interrupt_the_latency_lines(tmp_path: Path) -> None:
    def stretches(silent: tuple[int, ...]) -> int:
        result = result_dict("test_x", [run_dict(Load(silent=silent))])
        document = page(tmp_path / str(silent), run_json(), [result])
        (chart,) = (
            node
            for node in document.all("svg")
            if node.attributes.get("aria-labelledby", "").startswith("test-1-run-1-1-")
        )
        return sum(node.attributes["d"].count("M") for node in chart.all("path"))

    assert stretches(()) == 3
    assert stretches((12, 13)) == 6
