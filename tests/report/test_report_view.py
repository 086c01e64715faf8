import copy
import json
from pathlib import Path

import pytest
from page_reader import read_page
from sample_runs import (
    JSON,
    Load,
    failing,
    invalid,
    ramp,
    result_dict,
    run_dict,
    run_json,
    search_dict,
    write,
    write_live,
)

from pytest_roo_load.core.units import Dimension, format_quantity
from pytest_roo_load.errors import UsageError
from pytest_roo_load.render.charts import Chart, LineChart
from pytest_roo_load.render.marks import mark_of
from pytest_roo_load.render.scaling import scalings
from pytest_roo_load.render.view import ReportView, view
from pytest_roo_load.report.html import write_report


def view_of(*results: JSON, **changes: object) -> ReportView:
    return view(run_json(**changes), {f"results/{number}.json": result for number, result in enumerate(results)})


def chart_named(content: ReportView, title: str) -> Chart:
    (found,) = (chart for _, chart in content.measurements[0].runs[0].charts if chart.title == title)
    return found


def lines_of(content: ReportView, title: str) -> LineChart:
    chart = chart_named(content, title)
    assert isinstance(chart, LineChart)
    return chart


def test_a_view_leaves_the_content_as_it_is_and_depends_on_nothing_else() -> None:
    run, results = run_json(), {"results/a.json": failing()}
    before = copy.deepcopy((run, results))

    assert view(run, results) == view(run, results)
    assert (run, results) == before


def test_tests_come_in_the_order_of_their_scenarios_and_the_rest_after_them() -> None:
    first, second, *_ = ramp()
    content = view_of(result_dict("test_other", [run_dict(Load())]), second, first)

    assert [test.heading for test in content.measurements] == [
        "1 · 10 users, baseline",
        "2 · 25 users, normal use",
        "test_other",
    ]
    assert [row[1].anchor for row in content.summary.rows] == [test.anchor for test in content.measurements]


def test_lines_are_the_seconds_of_the_timeline() -> None:
    result = ramp()[0]
    timeline = result["runs"][0]["timeline"]
    latency = lines_of(view_of(result), "Latency of successful operations")

    assert [series.name for series in latency.series] == ["p50", "p95", "p99"]
    for series in latency.series:
        assert series.points == tuple(zip([t + 0.5 for t in timeline["t"]], timeline[series.name], strict=True))


def test_seconds_that_are_missing_altogether_are_gaps() -> None:
    result = ramp()[0]
    timeline = result["runs"][0]["timeline"]
    for name in ("t", "p50", "p95", "p99"):
        del timeline[name][7:10]

    (p50, *_) = lines_of(view_of(result), "Latency of successful operations").series
    assert [x for x, y in p50.points if y is None] == [7.5]


def test_users_are_steps_that_last_a_second() -> None:
    (users,) = lines_of(view_of(ramp()[0]), "Virtual users").series

    assert users.points[:4] == ((0.0, 4), (1.0, 4), (1.0, 8), (2.0, 8))


def test_a_resource_is_drawn_where_it_was_looked_at() -> None:
    result = ramp()[0]
    cpu = lines_of(view_of(result), "CPU, share of the cores each may use")
    stored = result["runs"][0]["timeline"]["resources"]["ccs"]["cpu"]

    ccs = next(series for series in cpu.series if series.name == "ccs")
    assert ccs.points == tuple((t + 1.0, value) for t, value in enumerate(stored))
    assert ccs.points[0] == (1.0, None)


def test_a_limit_is_drawn_when_it_is_near_and_told_when_it_is_not() -> None:
    far = lines_of(view_of(ramp()[0]), "Latency of successful operations")
    near = lines_of(view_of(failing()), "Latency of successful operations")

    assert (far.limits, far.note) == ((), "Limit off the chart: p95 < 3 s.")
    assert [limit.value for limit in near.limits] == [3.0]
    assert "off the chart" not in near.note


def test_objectives_on_one_operation_or_another_phase_give_no_limit() -> None:
    result = failing()
    objective = result["runs"][0]["objectives"][0]
    for change in ({"of": "POST /auth/login"}, {"phase": "warm_up"}):
        objective.update({"of": None, "phase": "steady", **change})
        chart = lines_of(view_of(result), "Latency of successful operations")
        assert chart.limits == ()
        assert "off the chart" not in chart.note


def test_latencies_that_differ_much_are_drawn_logarithmically() -> None:
    result = ramp()[0]
    result["runs"][0]["timeline"]["p99"][3] = 9.0

    assert "Logarithmic scale." in lines_of(view_of(result), "Latency of successful operations").note


def test_phases_with_a_fault_or_a_spike_have_a_shade_of_their_own() -> None:
    run = run_dict(Load())
    run["spans"] = {"steady": [0, 4], "fault": [4, 6], "recovery": [6, 8], "spike 2": [8, 9], "steady 2": [9, 25]}
    bands = lines_of(view_of(result_dict("test_x", [run])), "Virtual users").bands
    assert [band.name for band in bands if band.broken] == ["fault", "spike 2"]


def test_phases_other_than_steady_are_shaded() -> None:
    bands = lines_of(view_of(ramp()[0]), "Virtual users").bands

    assert [(band.name, band.start, band.end, band.shaded) for band in bands] == [
        ("warm up", 0, 5, True),
        ("steady", 5, 25, False),
    ]


def test_seconds_after_the_last_phase_are_the_graceful_stop() -> None:
    result = ramp()[0]
    result["runs"][0]["spans"]["steady"] = [5, 23.5]
    *_, stop = lines_of(view_of(result), "Virtual users").bands

    assert (stop.name, stop.start, stop.end, stop.shaded) == ("stop", 23.5, 25, True)


def test_a_chart_without_any_value_is_left_out() -> None:
    result = ramp()[0]
    run = result["runs"][0]
    run["timeline"] = {"t": [0, 1], "users": [1, 1], "throughput": [0, 0], "failed": [2, 2], "p50": [None, None]}
    run["phases"] = []

    titles = [chart.title for _, chart in view_of(result).measurements[0].runs[0].charts]
    assert titles == ["Operations per second", "Virtual users"]


def test_ramps_need_two_levels_and_do_not_mix_journeys() -> None:
    first, second, *_ = ramp()
    assert view_of(first).scalings == ()
    assert len(view_of(first, second).scalings) == 1

    second["runs"][0]["journeys"] = {"browse": 1.0}
    assert view_of(first, second).scalings == ()


def test_ramps_do_not_mix_tests_nor_what_was_broken_with_what_was_not() -> None:
    first, second, *_ = ramp()
    second["test"]["name"] = "test_something_else[2]"
    assert view_of(first, second).scalings == ()

    first, second, *_ = ramp()
    assert len(scalings([first, second])) == 1
    second["runs"][0]["faults"] = [{"text": "kill redis"}]
    assert scalings([first, second]) == ()


def test_numbers_of_requirements_have_a_column_where_there_are_any() -> None:
    first, second, *_ = ramp()
    assert view_of(first, second).summary.columns[0].title == "no."
    for one in (first, second):
        one["test"]["scenario"] = None
    assert view_of(first, second).summary.columns[0].title == "scenario"


def test_a_ramp_has_the_confidence_intervals_of_its_percentiles() -> None:
    results = ramp()
    p95, throughput = view_of(*results).scalings[0].charts
    stored = [result["runs"][0]["phases"][1]["statistics"] for result in results]

    assert p95.series[0].points == tuple(zip([10.0, 25.0, 50.0, 100.0], [one["p95"] for one in stored], strict=True))
    assert [both for _, *both in p95.series[0].ranges] == [list(one["intervals"]["p95"]) for one in stored]
    assert throughput.series[0].ranges == ()


@pytest.mark.parametrize(
    ("health", "word", "sentence"),
    [
        ([], "no data", "Nothing tells whether"),
        (
            [{"name": "inline", "lag_p95_s": None, "starved": 0.1, "cpu": 0.1}],
            "no data",
            "not everything could (inline)",
        ),
        ([{"name": "inline", "lag_p95_s": 0.001, "starved": 0.1, "cpu": 0.1}], "pass", "can be trusted"),
    ],
)
def test_trust_is_only_claimed_when_everything_was_looked_at(health: list[JSON], word: str, sentence: str) -> None:
    result = ramp()[0]
    result["runs"][0]["generators"] = health
    trust = view_of(result).measurements[0].runs[0].trust

    assert trust.mark.word == word
    assert sentence in trust.sentence


def test_an_interrupted_test_is_incomplete_unless_it_had_failed_already() -> None:
    passed, failed = ramp()[0], failing()
    for result in (passed, failed):
        result["test"]["outcome"] = "interrupted"

    assert [test.mark.word for test in view_of(passed, failed).measurements] == ["incomplete", "fail"]


def test_several_runs_of_a_test_have_a_row_each() -> None:
    result = result_dict("test_x", [run_dict(Load()), run_dict(Load(users=20), number=2)])
    rows = view_of(result).summary.rows

    assert [row[0].note for row in rows] == ["run 1 of 2", "run 2 of 2"]
    assert [row[2].text for row in rows] == ["10", "20"]


def test_a_run_without_objectives_claims_nothing() -> None:
    result = ramp()[0]
    result["runs"][0]["objectives"] = []

    alone, beside = view_of(result).headline, view_of(result, ramp()[1]).headline
    assert alone.title == "1 test measured, nothing judged"
    assert alone.sentences == ("Measured without any objective to meet: 1 test.",)
    assert beside.title == "2 of 2 tests met their SLA"
    assert beside.sentences == ("Judged and met: 6 objectives. Measured without any objective to meet: 1 test.",)


def test_the_run_is_described_by_what_it_recorded() -> None:
    facts = {fact.name: fact.text for fact in view_of(seed=None, finished_at=None).facts}

    assert facts["took"] == "–"
    assert facts["seed"] == "–"
    assert facts["scale"] == "quick"
    assert facts["target"] == "http://127.0.0.1:41873 (started by this run)"
    assert facts["command"] == "pytest -m concurrent_users --roo-scale quick"


def test_the_contents_are_a_tree_over_siblings_and_runs() -> None:
    several = result_dict("test_x", [run_dict(Load()), run_dict(Load(failing=0.5), number=2)])
    family, single = view_of(*ramp(), several).contents

    assert (family.text, family.note, family.anchor) == ("test_users", "4 tests", "")
    assert [entry.anchor for entry in family.entries] == ["test-1", "test-2", "test-3", "test-4"]
    assert (single.text, single.anchor) == ("test_x", "test-5")
    assert [(entry.anchor, entry.mark and entry.mark.word) for entry in single.entries] == [
        ("test-5-run-1", "pass"),
        ("test-5-run-2", "fail"),
    ]


def test_rows_of_several_runs_lead_to_the_run() -> None:
    rows = view_of(result_dict("test_x", [run_dict(Load()), run_dict(Load(), number=2)])).summary.rows

    assert [row[0].anchor for row in rows] == ["test-1-run-1", "test-1-run-2"]


def test_totals_count_every_verdict() -> None:
    assert view_of(*ramp(), failing(), invalid()).headline.totals == "4 passed, 1 failed, 1 invalid"


def test_interrupted_operations_and_problems_stand_beside_the_verdict() -> None:
    first, second, *_ = ramp()
    first["runs"][0]["phases"][1]["statistics"]["interrupted"] = 3
    content = view_of(first, second, invalid())
    problem, interrupted = content.headline.warnings

    assert problem.startswith("“test_saturated”: generator local-0: used 99% of a core")
    assert interrupted == "3 operations of 1 test did not end with the load: interrupted, neither succeeded nor failed."
    (told,) = content.measurements[0].runs[0].warnings
    assert told.startswith("3 operations were still in flight")


def test_of_many_problems_the_first_are_told_and_the_rest_counted() -> None:
    *told, rest = view_of(*(invalid() for _ in range(8))).headline.warnings

    assert len(told) == 5
    assert rest == "3 more problems in other tests."


def test_dropped_arrivals_are_told() -> None:
    result = ramp()[0]
    result["runs"][0]["phases"][1].update(arrivals=400, dropped=1)
    run = view_of(result).measurements[0].runs[0]

    assert run.warnings == ("1 arrival found no free user and was dropped.",)
    assert [(one.name, one.value) for one in run.figures[1:3]] == [("arrivals", "400"), ("dropped", "1")]


def test_validity_lists_every_run_with_the_worst_of_its_generators() -> None:
    result = ramp()[0]
    generators = result["runs"][0]["generators"]
    generators.append({**generators[0], "lag_p95_s": 0.004})
    doubted = result["runs"][0]["warnings"] = ["Little's law does not hold."]
    trusted, saturated = view_of(result, invalid()).validity.rows

    seen = ["4 ms", "2 %", "31 %", "0.04 %", "–", "–", "3.2", "3.1", *doubted]
    assert [cell.text for cell in trusted[2:]] == seen
    assert [cell.mark and cell.mark.word for cell in (trusted[1], saturated[1])] == ["pass", "invalid"]
    assert "used 99% of a core" in saturated[-1].text


def test_key_figures_carry_what_was_asked_of_them() -> None:
    figures = {one.name: one for one in view_of(failing()).measurements[0].runs[0].figures}

    assert (figures["95 % within"].value, figures["95 % within"].note) == ("3.78 s", "< 3 s")
    assert figures["95 % within"].mark == view_of(failing()).measurements[0].mark
    assert (figures["users"].note, figures["median"].note, figures["median"].mark) == ("≥ 250", "", None)


def test_steps_with_names_are_bands_and_what_sums_them_up_is_none() -> None:
    result = ramp()[0]
    result["runs"][0]["spans"] = {"ramp": [0, 5], "20 users": [5, 25], "steady": [5, 25]}

    bands = lines_of(view_of(result), "Virtual users").bands
    assert [(band.name, band.shaded) for band in bands] == [("ramp", True), ("20 users", False)]


def test_what_the_live_file_adds(tmp_path: Path) -> None:
    directory = write(tmp_path / "run", run_json(), [result_dict("test_x", [run_dict(Load())])])
    with write_live(directory, Load()).open("a", encoding="utf-8") as live:
        live.write('{"t": 25, "phase": "ste')  # whoever wrote it was killed
    document = read_page(write_report(directory).read_text(encoding="utf-8"))
    slowest = document.table("Slowest operations in the steady phase")
    largest = json.loads((directory / "results/test-1-1.json").read_text())["runs"][0]["phases"][1]["statistics"]["max"]

    assert len(slowest) == 15
    assert slowest[0]["latency"] == format_quantity(largest, Dimension.TIME)
    assert [row["phase"] for row in document.table("Iterations per user")] == ["warm up", "steady"]
    assert "Every latency over time" in document.with_id("test-1").text


def test_a_live_file_of_another_shape_is_named(tmp_path: Path) -> None:
    directory = write(tmp_path / "run", run_json(), [result_dict("test_x", [run_dict(Load())])])
    path = write_live(directory, Load())
    path.write_text('{"t": 0}\n', encoding="utf-8")

    with pytest.raises(UsageError, match="damaged") as caught:
        write_report(directory)
    assert caught.value.place == str(path)


def test_what_only_sums_up_steps_is_not_counted_twice() -> None:
    result = failing()
    phases = result["runs"][0]["phases"]
    phases[1]["statistics"]["interrupted"] = 2
    phases[1]["dropped"] = 5
    phases.insert(1, {**copy.deepcopy(phases[1]), "name": "250 users"})
    run = view_of(result).measurements[0].runs[0]

    assert [warning.split(maxsplit=1)[0] for warning in run.warnings] == ["5", "2"]
    assert {row[2].text for row in run.errors.rows} == {"warm up", "steady"}


def test_a_search_is_told_in_the_headline_the_overview_and_the_page_on_validity() -> None:
    search = search_dict((40.0, "holds"), (80.0, "invalid"), (80.0, "fails"), (60.0, "fails"))
    alone, again = (result_dict(n, []) | {"capacities": [search], "verdict": "pass"} for n in ("test_x", "test_y"))
    alone["test"]["outcome"] = again["test"]["outcome"] = "passed"

    view = view_of(alone, again)
    assert view.headline.title == "Capacity 40 arrivals/s (60/s is too much, 4 steps)"
    assert view.headline.sentences == ("“test_x”: capacity 40 arrivals/s (60/s is too much, 4 steps) for p95 < 3 s.",)
    assert [row[0].note for row in view.summary.rows] == ["capacity 40 arrivals/s"] * 2
    assert [(row[0].note, row[1].mark) for row in view.validity.rows] == [("search", mark_of("pass"))] * 2
    assert view.validity.rows[0][-1].text == "1 of 4 steps could not be trusted: p95 < 3 s: 4 s"
    assert view_of(alone, ramp()[0]).headline.title == "2 of 2 tests met their SLA"
