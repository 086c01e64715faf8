"""Files that are stored: what comes back is what was put there, byte for byte."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from pytest_roo_load.core.consistency.finding import Finding, Problem, finding
from pytest_roo_load.core.consistency.history import Event, by_key, known, of_kind, possible

__all__ = ["Files"]


class Files:
    """See `Checker`. Events: "upload" (value: hash), "download" (result: hash, or None for a file that is not there).

    A download is *lost* when an upload had been acknowledged before it began, and it found nothing; *corrupted* when
    its hash is of no upload that had begun; *stale* when a later upload of the file had been acknowledged before it
    began, and was itself begun after the end of every upload of what it gave.
    """

    promise = "every file comes back as it was stored"
    kinds = ("upload", "download")

    def __repr__(self) -> str:
        return "Files()"

    def check(self, history: Sequence[Event]) -> Finding:
        """See `Checker`."""
        events = of_kind(history, *self.kinds)
        problems = list(chain.from_iterable(_problems(of_one) for of_one in by_key(events).values()))
        return finding(self.promise, events, problems, judged=bool(known(of_kind(events, "download"))))


def _problems(events: Sequence[Event]) -> list[Problem]:
    uploads = possible(of_kind(events, "upload"))
    downloads = known(of_kind(events, "download"))
    return [problem for one in downloads if (problem := _problem(one, uploads)) is not None]


def _problem(download: Event, uploads: Sequence[Event]) -> Problem | None:
    stored = [one for one in uploads if one.latest_s <= download.began_s]
    begun = [one for one in uploads if one.began_s <= download.ended_s and one.value == download.result]
    name = f"{download.key!r}"
    if download.result is None:
        text = f"{name} was stored, and a later download did not find it"
        return Problem(kind="lost", text=text, events=(stored[-1], download)) if stored else None
    if not begun:
        text = f"{name} came back with a hash that nobody had uploaded: {download.result}"
        return Problem(kind="corrupted", text=text, events=(*uploads[-1:], download))
    later = [one for one in stored if all(one.began_s > other.latest_s for other in begun)]
    if later:
        text = f"{name} came back as it was before its last upload"
        return Problem(kind="stale", text=text, events=(begun[-1], later[-1], download))
    return None
