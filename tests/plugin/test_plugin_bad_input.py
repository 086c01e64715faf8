"""Bad input ends the run before load is sent, with the place, the value, what is allowed and what to do."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Run = Callable[..., pytest.RunResult]
Make = Callable[..., object]

USAGE_ERROR = pytest.ExitCode.USAGE_ERROR


@pytest.mark.parametrize(
    ("marker", "message"),
    [
        ('sla("p96x < 3 s")', "*test_it.py:*marker sla*unknown metric: 'p96x' (allowed: p50 *"),
        ('sla("p95 in stedy < 3 s")', "*test_it.py:*unknown phase: 'stedy' (allowed: *); did you mean steady?"),
        ('sla("p95 < 3 MB")', "*test_it.py:*not a unit of time: '3 MB' (allowed: *ms*"),
        ('sla("p95 is fine")', "*test_it.py:*not an objective: 'p95 is fine'*"),
        ("sla(p95=3)", "*test_it.py:*wrong marker argument: {'p95': 3}*"),
        ("sla()", "*test_it.py:*wrong marker argument: 'nothing'*"),
        ('scenario("nope")', "*test_it.py:*unknown scenario: 'nope'*"),
        ("scenario(1)", "*test_it.py:*wrong marker argument: (1,)*"),
    ],
)
def test_markers(make_tests: Make, run_pytest: Run, marker: str, message: str) -> None:
    make_tests(f"""
        @pytest.mark.{marker}
        def test_marked(virtual_users):
            virtual_users.run(visit, constant_users(1, "1 s"))
    """)
    outcome = run_pytest()
    outcome.stdout.fnmatch_lines([message])
    assert outcome.ret == USAGE_ERROR


def test_a_marker_on_a_test_that_measures_nothing(make_tests: Make, run_pytest: Run) -> None:
    make_tests("""
        @pytest.mark.sla("p95 < 3 s")
        def test_other():
            pass
    """)
    outcome = run_pytest()
    outcome.stdout.fnmatch_lines(["*test_it.py:*on a test that measures nothing: 'test_other'*virtual_users*"])
    assert outcome.ret == USAGE_ERROR


def test_an_async_test(make_tests: Make, run_pytest: Run) -> None:
    make_tests("""
        async def test_async(virtual_users):
            virtual_users.run(visit, constant_users(1, "1 s"))
    """)
    outcome = run_pytest()
    outcome.stdout.fnmatch_lines(["*test_it.py:*a test that measures is async: 'test_async'*"])
    assert outcome.ret == USAGE_ERROR


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ('[scenaro.x]\nobjectives = ["p95 < 3 s"]', "*sla.toml:1: unknown table: 'scenaro'*did you mean scenario?"),
        ('[scenario.x]\nobjectve = ["p95 < 3 s"]', "*sla.toml:2: unknown key*'objectve'*did you mean objectives?"),
        ('[scenario.x]\nobjectives = ["p95 < 3 s",\n "p95 < 3"]', "*sla.toml:3: *unit missing for a time: '3'*"),
        ("[scenario", "*sla.toml*not TOML*"),
        ("[scenario.x]\nobjectives = []", "*sla.toml:2: a scenario without objectives would pass whatever happens*"),
        ('[scenario.x]\nobjectives = ["error_rate < 300 %"]', "*sla.toml:2: *out of range: '300 %'*"),
        ("[scenario.x]\nobjectives = 5", "*sla.toml:2: objectives is not a list: 5*"),
    ],
)
def test_the_table_of_objectives(
    make_tests: Make, run_pytest: Run, pytester: pytest.Pytester, table: str, message: str
) -> None:
    (pytester.path / "sla.toml").write_text(table, encoding="utf-8")
    make_tests("""
        @pytest.mark.scenario("x")
        def test_scenario(virtual_users):
            virtual_users.run(visit, constant_users(1, "1 s"))
    """)
    outcome = run_pytest()
    outcome.stdout.fnmatch_lines([message])
    assert outcome.ret == USAGE_ERROR


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--roo-scale=big", "*option --roo-scale: unknown value: 'big' (allowed: quick, standard, soak)"),
        ("--roo-generators=0", "*option --roo-generators: *'0' (allowed: a whole number from 1 to 256)"),
        ("--roo-fleet=moon", "*option --roo-fleet: unknown value: 'moon' (allowed: local, inline, xdist)"),
        ("--roo-seed=x", "*option --roo-seed: not a number in range: 'x'*"),
        ("--roo-target=ftp://127.0.0.1", "*option --roo-target: not a URL for this option*"),
        ("--roo-target=http://127.0.0.1:80/shop", "*option --roo-target: not the address of a server*paths belong*"),
        ("--roo-target=http:/127.0.0.1:80", "*option --roo-target: not the address of a server*"),
        ("--roo-target=http://127.0.0.1:99999", "*option --roo-target: not a URL for this option*"),
        ("--roo-target=http://127.0.0.1:1", "*option --roo-target: cannot be reached*start it*"),
        ("--roo-target=http://example.com", "*load would leave this machine*--roo-allow-remote example.com"),
        ("--roo-postgres=postgresql://u:secret@127.0.0.1:1/d", "*option --roo-postgres: cannot be used*u:[*][*][*]@*"),
        ("--roo-redis=redis://127.0.0.1:1", "*option --roo-redis: cannot be used*"),
        ("--roo-sla=nowhere.toml", "*--roo-sla: no such file: '*nowhere.toml'*"),
    ],
)
def test_options(make_tests: Make, run_pytest: Run, option: str, message: str) -> None:
    make_tests("""
        def test_plain(virtual_users):
            virtual_users.run(visit, constant_users(1, "1 s"))
    """)
    outcome = run_pytest(option)
    assert outcome.ret == USAGE_ERROR
    assert "secret" not in outcome.stdout.str() + outcome.stderr.str()
    (outcome.stdout if "sla" in option else outcome.stderr).fnmatch_lines([message])


def test_options_from_the_environment_and_the_ini_file(
    make_tests: Make, run_pytest: Run, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_tests("def test_plain(virtual_users): pass")
    pytester.makeini("[pytest]\nroo_scale = huge")
    run_pytest().stderr.fnmatch_lines(["*ini key roo_scale: unknown value: 'huge'*"])
    monkeypatch.setenv("ROO_SCALE", "tiny")
    run_pytest().stderr.fnmatch_lines(["*variable ROO_SCALE: unknown value: 'tiny'*"])
    outcome = run_pytest("--roo-scale=quick")
    outcome.stdout.fnmatch_lines(["roo-load: quick scale*"])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("virtual_users.run(plain, constant_users(1, '1 s'))", "*test_it.py:*a journey is not async: 'plain'*"),
        (
            "virtual_users.run(greedy, constant_users(1, '1 s'))",
            "*a journey captures something mutable (list): 'SEEN'*",
        ),
        ("virtual_users.run({visit: 0}, constant_users(1, '1 s'))", "*weight is out of range: 0*"),
        ("virtual_users.run({}, constant_users(1, '1 s'))", "*no journey*"),
        ("virtual_users.run(visit, 5)", "*not a profile: 5*"),
        ("virtual_users.run(visit, constant_users(0, '1 s'))", "*users is out of range: 0*"),
        ("virtual_users.run(visit, constant_users(1, '1 parsec'))", "*argument duration: *'1 parsec'*"),
    ],
)
def test_what_is_passed_to_run(
    make_tests: Make, run_pytest: Run, small_server: object, call: str, message: str
) -> None:
    make_tests(f"""
        SEEN = []

        def plain(user): pass

        async def greedy(user):
            SEEN.append(user.id)

        def test_call(virtual_users):
            {call}
    """)
    before = getattr(small_server, "requests")  # noqa: B009 - the fixture's class lives in conftest
    outcome = run_pytest()
    outcome.assert_outcomes(failed=1)
    outcome.stdout.fnmatch_lines([f"test_it.py:*{message}"])
    outcome.stdout.no_fnmatch_line("*journeys.py*")
    assert getattr(small_server, "requests") == before  # noqa: B009


def test_a_measuring_fixture_must_be_in_the_signature(make_tests: Make, run_pytest: Run) -> None:
    make_tests("""
        def test_dynamic(request):
            request.getfixturevalue("virtual_users")
    """)
    outcome = run_pytest()
    outcome.assert_outcomes(failed=1)
    outcome.stdout.fnmatch_lines(["*a fixture that measures was asked for while the test ran*virtual_users*"])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('constant_users(1, durration="1 s")', "no such argument of constant_users(): 'durration' (allowed: users, *"),
        ("virtual_users.run(visit, profil=1)", "no such argument of VirtualUsers.run(): 'profil' (*); did you mean p*"),
        (
            "constant_users(1)",
            "wrong arguments: *missing 1 required *'duration'* (allowed: users, duration, *",
        ),
    ],
)
def test_arguments_that_a_call_does_not_take(make_tests: Make, run_pytest: Run, line: str, message: str) -> None:
    make_tests(f"def test_it(virtual_users):\n    {line}\n")
    outcome = run_pytest()
    outcome.stdout.fnmatch_lines([f"test_it.py:*: {message}"])
    outcome.assert_outcomes(failed=1)


MISTAKES = """
    async def misspelt(user):
        async for _ in user.iterations():
            await user.http.get("/x", jsn=1)

    async def breaks(user):
        async for _ in user.iterations():
            await user.think(0.01)
            int("x", bas=8)

    @pytest.mark.sla("error_rate < 1 %")
    @pytest.mark.parametrize("journey", [misspelt, breaks])
    def test_it(virtual_users, journey):
        virtual_users.run(journey, constant_users(2, "1 h" if journey is misspelt else "1 s"))
"""


@pytest.mark.parametrize("arguments", [(), ("-n", "2")], ids=["alone", "workers"])
def test_a_mistake_in_a_journey_ends_its_load_and_an_exception_of_its_own_does_not(
    make_tests: Make, distribute: Run, arguments: tuple[str, ...]
) -> None:
    make_tests(MISTAKES)
    outcome = distribute(*arguments)
    outcome.assert_outcomes(failed=2)
    outcome.stdout.fnmatch_lines_random(
        [
            "test_it.py:*: no such option of a request: 'jsn' (allowed: name, headers, *); did you mean json?",
            "FAIL: error_rate < 1 %, was 100 % *",
            "*TypeError: *bas*",
        ]
    )
