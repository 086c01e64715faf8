from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pytest_roo_load.core.sla.table import SlaTable, parse_sla
from pytest_roo_load.errors import UsageError

OWN = Path(__file__).parents[2] / "sla.toml"


def table(text: str) -> SlaTable:
    return parse_sla(dedent(text), "sla.toml")


def refused(text: str) -> UsageError:
    with pytest.raises(UsageError) as caught:
        table(text)
    return caught.value


def test_objectives_apply_where_they_are_listed() -> None:
    read = table("""\
        [default]
        objectives = ["error_rate < 1 %"]

        [scenario.users-100]
        title = "100 users and more, peak"
        requirement = 4
        objectives = ["p95 < 3 s", "users >= 100"]

        [scenario.own]
        """)
    peak, own = read.scenario("users-100"), read.scenario("own")

    assert [objective.text for objective in read.default] == ["error_rate < 1 %"]
    assert (peak.name, peak.title, peak.requirement) == ("users-100", "100 users and more, peak", 4)
    assert [objective.text for objective in peak.objectives] == ["p95 < 3 s", "users >= 100"]
    assert (own.title, own.requirement, own.objectives) == ("own", None, ())


def test_an_empty_file_asks_for_nothing() -> None:
    assert table("") == SlaTable(source="sla.toml")


def test_each_objective_knows_its_line() -> None:
    read = table("""\
        # p95 < 3 s
        [default]
        objectives = ["p95 < 3 s"]

        [scenario."two words"]  # here
        objectives = [
            # "p95 < 3 s"
            "p99 < 3 s",
            'p95 < 3 s', "p95 < 30 s",
            "p95 of \\"x\\" < 1 s",
        ]
        """)
    two_words = read.scenario("two words")

    assert [objective.source for objective in read.default] == ["sla.toml:3"]
    assert [objective.source for objective in two_words.objectives] == [
        "sla.toml:8", "sla.toml:9", "sla.toml:9", "sla.toml:10",
    ]  # fmt: skip


def test_an_objective_spelt_with_escapes_has_the_line_of_its_list() -> None:
    read = table("""\
        [default]

        objectives = ["p95 \\u003c 3 s"]
        """)

    assert read.default[0].source == "sla.toml:3"


def test_windows_line_ends_do_not_move_the_lines() -> None:
    read = parse_sla('[default]\r\n\r\nobjectives = ["p95 < 3 s"]\r\n', "sla.toml")

    assert read.default[0].source == "sla.toml:3"


@pytest.mark.parametrize(
    ("text", "line", "problem", "value"),
    [
        ("# scenarios\n\n[scenarios.x]\n", 3, "unknown table", "scenarios"),
        ("title = 'x'\n", 1, "unknown table", "title"),
        ("[default]\nobjectives = []\n\n[scenario.x]\nobjective = []\n", 5, "unknown key in [scenario.x]", "objective"),
        ("[default]\nobjectives = []\nobj = 1\n", 3, "unknown key in [default]", "obj"),
        ("[scenario.x]\ntitle = 'y'\n[default]\ntitle = 'x'\n", 4, "unknown key in [default]", "title"),
        ("[default]\nobjectives = [\n  'p95 < 3 s',\n  'p95 < 3',\n]\n", 4, "unit missing for a time", "3"),
        ("[scenario.a]\nobjectives = ['p95 < 3 s']\n[scenario.b]\n#\nobjectives = ['p95 < 3']", 5,
         "unit missing for a time", "3"),
        ("[default]\nobjectives = [3]\n", 2, "an objective is text", 3),
        ("[default]\nobjectives = 'p95 < 3 s'\n", 2, "objectives is not a list", "p95 < 3 s"),
        ("[scenario.x]\n\ntitle = 3\n", 3, "title is not text", 3),
        ("[scenario.x]\nrequirement = 0\n", 2, "requirement is no number", 0),
        ("[scenario.x]\nrequirement = true\n", 2, "requirement is no number", True),
        ("[scenario.x]\nrequirement = '4'\n", 2, "requirement is no number", "4"),
        ("\ndefault = 3\n", 2, "[default] is not a table", 3),
        ("scenario = []\n", 1, "[scenario] is not a table", []),
        ("[scenario]\nx = 3\n", 2, "[scenario.x] is not a table", 3),
        ("[default]\n[[scenario]]\n", 2, "[scenario] is not a table", [{}]),
        ("scenario.x.title = 3\n", 1, "title is not text", 3),
    ],
)  # fmt: skip
def test_an_error_names_file_and_line(text: str, line: int, problem: str, value: object) -> None:
    error = refused(text)

    assert error.place is not None
    assert error.place.split(": ", maxsplit=1)[0] == f"sla.toml:{line}"
    assert (error.problem, error.value) == (problem, value)
    assert error.allowed


def test_what_is_no_toml_names_the_line_too() -> None:
    error = refused("[default]\nobjectives = [\n'p95 < 3 s'\nx\n")

    assert error.place == "sla.toml:4"
    assert error.problem == "not TOML"


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [
        ("[scenarios.x]", "scenario"),
        ("[defaults]", "default"),
        ("[scenario.x]\nobjectivs = []", "objectives"),
        ("[scenario.x]\nrequirment = 3", "requirement"),
    ],
)
def test_a_misspelt_word_gets_a_suggestion(text: str, suggestion: str) -> None:
    assert refused(text).remedy == f"did you mean {suggestion}?"


def test_an_unknown_scenario_is_told_those_that_there_are() -> None:
    read = table("[scenario.users-10]\n[scenario.outage]\n")
    with pytest.raises(UsageError) as caught:
        read.scenario("users10")
    with pytest.raises(UsageError) as empty:
        table("").scenario("users-10")

    assert (caught.value.allowed, caught.value.remedy) == ("users-10, outage", "did you mean users-10?")
    assert "there is no sla.toml with a [scenario.…] table" in empty.value.allowed
    assert empty.value.remedy is None


pieces = st.sampled_from(
    ["[default]\n", "[scenario.x]\n", "[scenario]\n", "[[scenario]]\n", "objectives = ", "['p95 < 3 s']\n", "['p95']\n",
     "[1]\n", "title = 3\n", "x = 1\n", '"""\n', "[\n", "]\n", "# no\n", "default = {objectives = ['p95 < 1']}\n"]
)  # fmt: skip


@given(text=st.text(max_size=30) | st.lists(pieces, max_size=6).map("".join))
@example(text="default = {objectives = ['p95 < 1']}")
@example(text="[[default]]")
def test_any_text_is_a_table_or_a_usage_error_that_names_the_file(text: str) -> None:
    try:
        outcome: SlaTable | UsageError = parse_sla(text, "sla.toml")
    except UsageError as error:
        outcome = error

    assert ((outcome.place or "") if isinstance(outcome, UsageError) else outcome.source).startswith("sla.toml")


def test_the_projects_own_file_is_read_and_every_line_is_right() -> None:
    text = OWN.read_text(encoding="utf-8")
    lines = text.splitlines()
    read = parse_sla(text, "sla.toml")
    objectives = [objective for one in read.scenarios.values() for objective in one.objectives]

    assert read.default
    assert read.scenarios
    assert all(one.objectives for one in read.scenarios.values())
    for objective in [*read.default, *objectives]:
        assert f'"{objective.text}"' in lines[int(objective.source.split(":")[1]) - 1]
