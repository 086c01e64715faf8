"""One fault as it is planned, and as it happened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Fault", "FaultRecord", "Setting"]

Setting = float | str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something that is broken at one moment of a load and mended at another.

    Attributes:
        verb: What is done: "kill", "pause".
        target: The service, instance or link that it is done to; "machine" for pressure on everything.
        at_s: When, in seconds from the start of the load.
        until_s: When it is mended; None for what is there to stay. All is mended when the load has ended.
        settings: The verb's own, in base units.
    """

    verb: str
    target: str
    at_s: float
    until_s: float | None = None
    settings: Mapping[str, Setting] = field(default_factory=dict)

    def __str__(self) -> str:
        told = ", ".join(f"{name} {_shown(value)}" for name, value in self.settings.items())
        return f"{self.verb.replace('_', ' ')} {self.target}{f' ({told})' if told else ''}"

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "verb": self.verb,
            "target": self.target,
            "at_s": self.at_s,
            "until_s": self.until_s,
            "settings": dict(self.settings),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Fault:
        """The reverse of `to_dict`."""
        return cls(**data)


def _shown(value: Setting) -> str:
    return value if isinstance(value, str) else f"{value:g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultRecord:
    """What became of a fault; moments are seconds of the load.

    Attributes:
        fault: As it was planned.
        began_s: When it was applied; None when the load ended before.
        ended_s: When it was seen to be mended; None when it was not during the load.
        evidence: How it was seen to have taken hold, and what was seen of it until it was mended.
        problem: Why it did not, or could not be mended; empty when all went well.
        killed: How many processes the kernel has killed for it, where that is not sure beforehand.
    """

    fault: Fault
    began_s: float | None = None
    ended_s: float | None = None
    evidence: str = ""
    problem: str = ""
    killed: int = 0

    @property
    def took_hold(self) -> bool:
        """Whether it was applied, and nothing says that this did not work."""
        return self.began_s is not None and (bool(self.evidence) or not self.problem)

    @property
    def over_s(self) -> float | None:
        """From when on the target can recover: the end, or the begin of what is there to stay; None for neither."""
        return self.began_s if self.ended_s is None and self.fault.until_s is None else self.ended_s

    @property
    def misfire(self) -> str:
        """Why what was measured is not what was meant, in words; empty when it is."""
        if self.problem:
            return f"fault '{self.fault}' at second {self.fault.at_s:g}: {self.problem}"
        if self.began_s is None:
            return f"fault '{self.fault}' was due at second {self.fault.at_s:g}, but the load had ended"
        return ""

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "fault": self.fault.to_dict(),
            "began_s": self.began_s,
            "ended_s": self.ended_s,
            "evidence": self.evidence,
            "problem": self.problem,
            "killed": self.killed,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> FaultRecord:
        """The reverse of `to_dict`."""
        return cls(**{**data, "fault": Fault.from_dict(data["fault"])})
