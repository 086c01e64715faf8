"""The report in a real browser: what it shows equals the JSON, it asks nobody for anything, and everyone can use it."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sample_runs import JSON, Load, failing, ramp, result_dict, run_dict, run_json, write, write_live

from pytest_roo_load.core.units import Dimension, format_quantity
from pytest_roo_load.report.html import write_report

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
AXE = Path(__file__).parent / "vendor/axe.min.js"
LONG = Load(users=10, seconds=7140, warm_up=60, per_second=2)
SHORT = Load(users=3, seconds=1, warm_up=0)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="pip install 'pytest-roo-load[browser]' to open reports in a browser"
    )
    if CHROMIUM is None:
        pytest.skip("apt install chromium, or put another Chrome on PATH, to open reports in a browser")
    with playwright.sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Directories of runs with their reports: some tests, several runs of one test, a long run, a short one."""
    folder = tmp_path_factory.mktemp("reports")
    runs = [run_dict(Load()), run_dict(Load(users=20), number=2), run_dict(Load(users=30, failing=0.1), number=3)]
    runs[1]["live"] = "live/users-20-1-1.ndjson"
    made: dict[str, tuple[list[JSON], list[Load]]] = {
        "some": ([*ramp(), failing()], [Load(users=10, slowness=1.25)]),
        "several": ([result_dict("test_x", runs)], [Load(), Load(users=20)]),
        "long": ([result_dict("test_x", [run_dict(LONG)])], [LONG]),
        "short": ([result_dict("test_x", [run_dict(SHORT)])], [SHORT]),
        "nothing": ([], []),
    }
    for name, (results, loads) in made.items():
        directory = write(folder / name, run_json(exit_status=1), results)
        for load in loads:
            write_live(directory, load)
        write_report(directory)
    return {name: folder / name for name in made}


class Opened:
    """A page that remembers what it asked for and what went wrong."""

    def __init__(self, page: Page, report: Path) -> None:
        self.page = page
        self.requests: list[str] = []
        self.problems: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("console", lambda message: self.problems.append(message.text))
        page.goto(report.as_uri())

    def draw(self, chart: str) -> Any:
        """Scroll to a chart and give its plot, drawn."""
        figure = self.page.locator(f"figure[data-chart='{chart}']")
        figure.scroll_into_view_if_needed()
        figure.locator(".plot canvas").wait_for()
        return figure


@pytest.fixture
def opened(request: pytest.FixtureRequest, browser: Browser, reports: dict[str, Path]) -> Iterator[Opened]:
    """The report that the test's parameters name, in a window as they say."""
    settings = {"report": "some", **getattr(request, "param", {})}
    report = reports[settings.pop("report")] / "report.html"
    context = browser.new_context(**settings)
    result = Opened(context.new_page(), report)
    yield result
    context.close()
    assert result.requests == [report.as_uri()], "a report asks for nothing but itself"
    assert result.problems == []


EVERY_REPORT = [{"report": name} for name in ("some", "several", "long", "short", "nothing")]
WINDOWS: list[dict[str, Any]] = [
    {"color_scheme": "light"},
    {"color_scheme": "dark"},
    {"color_scheme": "light", "viewport": {"width": 390, "height": 844}},
    {"color_scheme": "dark", "viewport": {"width": 390, "height": 844}},
]


def of_reports(*windows: dict[str, Any], reports: tuple[str, ...]) -> list[dict[str, Any]]:
    return [{**window, "report": report} for window in windows for report in reports]


def rows(page: Page, caption: str) -> list[list[str]]:
    """The cells of the first table with a caption, as they are shown."""
    table = page.locator("table", has=page.locator("caption", has_text=re.compile(f"^{re.escape(caption)}$"))).first
    found: list[list[str]] = table.locator("tbody tr").evaluate_all(
        "rows => rows.map(row => [...row.cells].map(cell => cell.innerText.split('\\n')[0].trim()))"
    )
    return found


def stored(reports: dict[str, Path], name: str, test: int = 1) -> JSON:
    found: JSON = json.loads((reports[name] / f"results/test-{test}-1.json").read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("opened", EVERY_REPORT, indirect=True, ids=lambda value: value["report"])
def test_nothing_is_asked_for_and_nothing_goes_wrong(opened: Opened) -> None:
    opened.page.evaluate("scrollTo(0, document.body.scrollHeight)")

    assert opened.page.locator("h1").count() == 1


@pytest.mark.parametrize("opened", of_reports(*WINDOWS, reports=("some", "several")), indirect=True)
def test_axe_finds_no_barrier(opened: Opened) -> None:
    opened.page.evaluate(AXE.read_text(encoding="utf-8") + "; undefined")
    for height in (0, 1, 2):
        opened.page.evaluate(f"scrollTo(0, {height} * innerHeight)")
    found = opened.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    told = [
        f"{one['impact']}: {one['id']} at {node['target']}: {node['failureSummary']}"
        for one in found["violations"]
        for node in one["nodes"][:2]
    ]

    assert told == []


def test_figures_equal_the_json(opened: Opened, reports: dict[str, Path]) -> None:
    for place, row in enumerate(rows(opened.page, "All tests"), 1):
        (run,) = stored(reports, "some", place)["runs"]
        phase = run["phases"][-1]
        figures = phase["statistics"]
        expected = [
            format_quantity(phase["users"], Dimension.COUNT),
            format_quantity(figures["throughput"], Dimension.RATE),
            *(format_quantity(figures[name], Dimension.TIME) for name in ("p50", "p95", "p99")),
            format_quantity(figures["error_rate"], Dimension.RATIO),
        ]
        assert [row[3], row[4], *row[6:10]] == expected


def test_the_cursor_reads_what_the_json_has(opened: Opened, reports: dict[str, Path]) -> None:
    timeline = stored(reports, "some")["runs"][0]["timeline"]
    figure = opened.draw("test-1-run-1-1")
    plot = figure.locator(".plot")
    plot.focus()
    for second in range(len(timeline["t"])):
        plot.press("ArrowRight")
        shown = figure.locator(".reading").all_inner_texts()
        assert shown == [format_quantity(timeline[name][second], Dimension.TIME) for name in ("p50", "p95", "p99")]
        assert plot.get_attribute("aria-valuetext").startswith(f"at {second + 0.5:g} s: p50 {shown[0]}")


def test_the_cursor_stands_over_all_charts_of_a_run(opened: Opened, reports: dict[str, Path]) -> None:
    timeline = stored(reports, "some")["runs"][0]["timeline"]
    other = opened.draw("test-1-run-1-3")
    figure = opened.draw("test-1-run-1-1")
    box = figure.locator(".u-over").bounding_box()
    opened.page.mouse.move(box["x"] + box["width"] * 12.4 / 25, box["y"] + 40)

    assert figure.locator(".when").inner_text() == other.locator(".when").inner_text() == "at 12.5 s"
    assert other.locator(".reading").first.inner_text() == f"{timeline['throughput'][12]}/s"


def test_dragging_zooms_into_all_charts_of_a_run_and_the_button_shows_all_again(opened: Opened) -> None:
    opened.draw("test-1-run-1-3")
    box = opened.draw("test-1-run-1-1").locator(".u-over").bounding_box()
    mouse = opened.page.mouse
    mouse.move(box["x"] + box["width"] * 0.2, box["y"] + 40)
    mouse.down()
    mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 40, steps=4)
    mouse.up()
    shown = "[...runs.get('test-1-run-1').plots].map(({plot}) => [plot.scales.x.min, plot.scales.x.max])"

    zoomed = opened.page.evaluate(shown)
    assert len(zoomed) >= 2
    assert all(limits == pytest.approx([5, 15], abs=0.2) for limits in zoomed)
    opened.page.get_by_role("button", name="Show all of it").first.click()
    assert opened.page.evaluate(shown) == [[0, 25]] * len(zoomed)


def test_the_keyboard_zooms_too(opened: Opened) -> None:
    plot = opened.draw("test-1-run-1-1").locator(".plot")
    plot.focus()
    plot.press("+")
    button = opened.page.get_by_role("button", name="Show all of it").first
    assert button.is_visible()
    plot.press("Escape")
    assert not button.is_visible()


@pytest.mark.parametrize("opened", [{"report": "several"}], indirect=True)
def test_runs_of_a_test_are_tabs_that_the_keyboard_reaches(opened: Opened) -> None:
    tabs = opened.page.get_by_role("tab")
    assert tabs.all_inner_texts() == ["Run 1\n✓ pass", "Run 2\n✓ pass", "Run 3\n✗ fail"]
    tabs.first.focus()
    opened.page.keyboard.press("ArrowRight")
    assert opened.page.locator("#test-1-run-2").is_visible()
    assert not opened.page.locator("#test-1-run-1").is_visible()
    opened.page.keyboard.press("ArrowLeft")
    opened.page.keyboard.press("ArrowLeft")
    assert opened.page.locator("#test-1-run-3").is_visible()
    opened.page.locator(".contents a[href='#test-1-run-1']").click()
    assert opened.page.locator("#test-1-run-1").is_visible()


@pytest.mark.parametrize("opened", of_reports(WINDOWS[2], reports=("some", "several", "long")), indirect=True)
def test_a_phone_needs_no_sideways_scrolling(opened: Opened) -> None:
    assert opened.page.evaluate("document.documentElement.scrollWidth") == 390
    assert opened.page.evaluate("document.querySelector('.contents').open") is False


def assert_the_svg_is_there(page: Page) -> None:
    figure = page.locator("figure[data-chart='test-1-run-1-1']")

    assert figure.locator("svg.chart").is_visible()
    assert figure.locator(".plot:visible").count() == 0


@pytest.mark.parametrize("opened", [{"java_script_enabled": False}], indirect=True)
def test_without_scripts_the_charts_are_there(opened: Opened) -> None:
    assert_the_svg_is_there(opened.page)


def test_on_paper_the_charts_are_there(opened: Opened) -> None:
    opened.draw("test-1-run-1-1")
    opened.page.emulate_media(media="print")

    assert_the_svg_is_there(opened.page)


@pytest.mark.parametrize("opened", [{"report": "long"}], indirect=True)
def test_two_hours_are_read_in_hours_and_open_quickly(opened: Opened) -> None:
    figure = opened.draw("test-1-run-1-1")
    plot = figure.locator(".plot")
    plot.focus()
    plot.press("End")

    assert figure.locator(".when").inner_text().startswith(("at 2:00:00", "at 1:59:5"))
    spent = opened.page.evaluate("performance.getEntriesByType('navigation')[0].domComplete")
    assert 0 < spent < 10_000


def test_numbers_are_written_as_in_the_tables(opened: Opened) -> None:
    values = [0, 0.00123456, 0.0999, 0.99951, 1, 9.8765, 99.95, 123.4, 599.0, 12345.678, 1234567.0]
    for dimension in Dimension:
        write_all = "([values, name]) => values.map((value) => quantity(value, name))"
        shown = opened.page.evaluate(write_all, [values, dimension.value])
        assert shown == [format_quantity(value, dimension) for value in values], dimension
