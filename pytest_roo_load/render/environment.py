"""Where the run took place, and which services it used."""

from __future__ import annotations

from pytest_roo_load.render import figures
from pytest_roo_load.render.reading import JSON
from pytest_roo_load.render.tables import Cell, Table, table

__all__ = ["environment", "services"]

_LABELS = (
    ("host", "host"),
    ("platform", "platform"),
    ("kernel", "kernel"),
    ("cpu_model", "processor"),
    ("cores", "cores"),
    ("python", "Python"),
    ("plugin", "pytest-roo-load"),
    ("user", "user"),
)


def environment(run: JSON) -> Table:
    """The machine and the software that generated the load."""
    facts = run.get("environment") or {}
    rows = [(label, _text(facts.get(key))) for key, label in _LABELS]
    rows.insert(5, ("memory", figures.size(facts.get("memory_bytes"))))
    packages = facts.get("packages") or {}
    rows.append(("packages", ", ".join(f"{name} {version}" for name, version in packages.items()) or figures.MISSING))
    return table("Environment", "what | ~value", rows)


def services(run: JSON) -> Table:
    """What the load went to, and what stood behind it."""
    rows = (_service(name, service) for name, service in (run.get("services") or {}).items())
    return table(
        "Services",
        "service | address | version | started by this run | >ready after | from template | process ids",
        rows,
    )


def _service(name: str, service: JSON) -> tuple[Cell | str, ...]:
    return (
        name,
        Cell(text=_text(service.get("url")), code=True),
        _text(service.get("version")),
        _yes(service.get("embedded")),
        figures.time(service.get("ready_s")),
        _yes(service.get("from_template")),
        ", ".join(str(pid) for pid in service.get("pids") or ()) or figures.MISSING,
    )


def _text(value: object) -> str:
    return figures.MISSING if value is None or value == "" else str(value)


def _yes(value: bool | None) -> str:  # noqa: FBT001 - a value of the run directory
    return {True: "yes", False: "no", None: figures.MISSING}[value]
