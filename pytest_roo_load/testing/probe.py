"""A probe that sees what it was told to see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pytest_roo_load.core.timeline import ProcessUse
from pytest_roo_load.errors import UsageError

__all__ = ["FakeProbe"]


class FakeProbe:
    """A `core.ports.Probe` with a script.

    Args:
        script: Process → what it uses at the first look, the second and so on; the last repeats. None: it is gone.

    Raises:
        UsageError: A process has no looks at all, or its CPU time goes back, as no real one's does.
    """

    def __init__(self, script: Mapping[str, Sequence[ProcessUse | None]]) -> None:
        for name, uses in script.items():
            times = [use.cpu_s for use in uses if use is not None]
            if not uses or times != sorted(times):
                raise UsageError("not a script", value={name: uses}, allowed="at least one look, CPU time never less")
        self._script = script
        self.looks = 0

    def __repr__(self) -> str:
        return f"<FakeProbe of {', '.join(self._script) or 'nothing'} after {self.looks} looks>"

    def sample(self) -> Mapping[str, ProcessUse]:
        """The use of each process at this look; one that is gone is left out."""
        now = {name: uses[min(self.looks, len(uses) - 1)] for name, uses in self._script.items()}
        self.looks += 1
        return {name: use for name, use in now.items() if use is not None}
