"""What the processes of a run under xdist know of each other, through files in a folder that all of them see.

- ``nodes.json``, by the controller: which workers there are, and how many are still to replace lost ones.
- ``stopped``, by the controller: nothing may begin any more.
- ``NAME.begun``, by the worker NAME: the test that it has begun last.
- ``NAME.through``, by the worker NAME: it has run out of tests.
"""

from __future__ import annotations

import json
from pathlib import Path

from pytest_roo_load.session.run_directory import write_json

__all__ = ["Crew", "Nodes"]


class Crew:
    """The folder, which is made when a test that measures was collected; without it there is nothing to know.

    Args:
        folder: In the run's directory.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._nodes = folder / "nodes.json"
        self._stopped = folder / "stopped"

    def __repr__(self) -> str:
        state = "stopped" if self.stopped else "at work" if self.there else "not there"
        return f"<Crew in {self.folder}, {state}>"

    @property
    def there(self) -> bool:
        """Whether anything of this run measures."""
        return self.folder.exists()

    @property
    def stopped(self) -> bool:
        """Whether nothing may begin any more."""
        return self._stopped.exists()

    def stop(self) -> None:
        """Let nothing begin any more, and every wait end."""
        if self.there:
            self._stopped.touch()

    def post(self, up: set[str], awaited: int) -> None:
        """Tell which workers there are, and how many will come in place of lost ones."""
        if self.there:
            write_json(self._nodes, {"up": sorted(up), "awaited": awaited})

    def begin(self, worker: str, test: str) -> None:
        """The worker begins a test: it has waited for its turn."""
        (self.folder / f"{worker}.begun").write_text(test, encoding="utf-8")

    def has_begun(self, worker: str, test: str) -> bool:
        """Whether the worker has begun this test, and no other since."""
        try:
            return (self.folder / f"{worker}.begun").read_text(encoding="utf-8") == test
        except FileNotFoundError:
            return False

    def through(self, worker: str) -> None:
        """The worker has run out of tests."""
        (self.folder / f"{worker}.through").touch()

    def others_may_measure(self, worker: str) -> bool:
        """Whether any other worker, or one that is still to come, has not run out of tests.

        A worker that has died counts until the controller knows, and then its replacement does: so nothing is missed
        between a crash and what comes of it.
        """
        try:
            nodes = json.loads(self._nodes.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return False  # no test was ever given out
        others = (name for name in nodes["up"] if name != worker)
        return nodes["awaited"] > 0 or any(not (self.folder / f"{name}.through").exists() for name in others)


class Nodes:
    """The controller's list of workers; posts each change."""

    def __init__(self, crew: Crew) -> None:
        self._crew = crew
        self._up: set[str] = set()
        self._awaited = 0

    def __repr__(self) -> str:
        return f"<Nodes {', '.join(sorted(self._up))}, {self._awaited} awaited>"

    def add(self, name: str) -> None:
        """A worker is being started; it is the one awaited, if one is."""
        self._up.add(name)
        self._awaited = max(0, self._awaited - 1)
        self.post()

    def remove(self, name: str, *, replaced: bool) -> None:
        """A worker is gone, and another will come in its place or not."""
        self._up.discard(name)
        self._awaited += replaced
        self.post()

    def post(self) -> None:
        """Tell the workers."""
        self._crew.post(self._up, self._awaited)
