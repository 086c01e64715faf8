"""A run: one pytest session that measures, in one process or, under xdist, in several."""

from __future__ import annotations

import os
import random
import secrets
import sys
import tempfile
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_roo_load.session.config import Config
from pytest_roo_load.session.crew import Crew
from pytest_roo_load.session.locks import Exclusivity
from pytest_roo_load.session.run_directory import RunDirectory

if TYPE_CHECKING:
    from pytest_roo_load.core.sla.table import SlaTable
    from pytest_roo_load.engine.fleet.station import Station
    from pytest_roo_load.keeper.client import Keeper
    from pytest_roo_load.session.links import OwnLinks
    from pytest_roo_load.session.offered import Offers
    from pytest_roo_load.session.progress import Progress
    from pytest_roo_load.session.stack import Stack

__all__ = ["Identity", "Run"]

_LONGEST_FOLDER = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What all processes of a run agree on; travels to xdist's workers.

    Attributes:
        id: Names the run's directory.
        token: A short random part of it, for names elsewhere.
        owner: The process whose end is the run's end: pytest's, under xdist the controller's.
        seed: Seeds all virtual users.
        folder: Where the keeper lives; short, for the length of a socket's path is limited.
    """

    id: str
    token: str
    owner: int
    seed: int
    folder: str

    @classmethod
    def new(cls, seed: int | None) -> Identity:
        """The identity of a run that begins now in this process."""
        token = secrets.token_hex(4)
        return cls(
            id=f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{token}",
            token=token,
            owner=os.getpid(),
            seed=random.SystemRandom().randrange(2**32) if seed is None else seed,
            folder=str(_short_folder() / f"roo-{token}"),
        )

    def plain(self) -> dict[str, Any]:
        """The attributes as values that xdist can carry."""
        return asdict(self)


def _short_folder() -> Path:
    """The system's temporary folder, or /tmp where that is too long a path for a Unix socket in it (107 bytes)."""
    usual = Path(tempfile.gettempdir())
    return usual if len(os.fsencode(usual)) <= _LONGEST_FOLDER else Path("/tmp")  # noqa: S108 - made 0700 by the keeper


class Run:
    """What the hooks and fixtures of one process share. Nothing is made before it is first used.

    Args:
        config: The options.
        identity: Shared by all processes of the run.
        worker: The xdist worker's id; None in the process that owns the run.

    Attributes:
        refusal: Why nothing can be measured although there are tests that would; empty when it can.
    """

    def __init__(self, config: Config, identity: Identity, worker: str | None, arguments: list[str]) -> None:
        self.config = config
        self.identity = identity
        self.worker = worker
        self._tables: dict[Path, SlaTable] = {}
        self.directory = RunDirectory(config.directory / "runs" / identity.id)
        self.exclusivity = Exclusivity(self.directory.path / "locks")
        self.crew = Crew(self.exclusivity.folder)
        self.refusal = ""
        self.measures = False
        self.misused = False
        self.losses: list[str] = []
        self.note = self.directory.path / "progress.json"
        self._arguments = arguments
        self._progress: Progress | None = None
        self._parent = os.getppid()
        self._station: Station | None = None

    def __repr__(self) -> str:
        return f"<Run {self.identity.id} in {self.worker or 'its owner'}>"

    @cached_property
    def keeper(self) -> Keeper:
        """The client of the run's keeper, which starts with the first service."""
        from pytest_roo_load.keeper.client import Keeper, KeeperSettings  # noqa: PLC0415 - loaded when used

        self.begin()
        return Keeper(
            KeeperSettings(folder=Path(self.identity.folder), owner_pid=self.identity.owner, logs=self.directory.logs)
        )

    @property
    def stations(self) -> Path:
        """Where the workers' generators are to be found; in the keeper's folder, so that it is deleted with it."""
        return Path(self.identity.folder) / "g"

    @property
    def stopped(self) -> bool:
        """Whether, in a worker, nothing may begin any more: the controller says so, or is gone."""
        return self.crew.stopped or os.getppid() != self._parent

    def join(self) -> None:
        """In a worker: let others know that something measures, and generate load for them.

        Raises:
            RooLoadError: There is no place for what the workers share.
        """
        self.begin()
        self.crew.folder.mkdir(exist_ok=True)
        if self.config.fleet == "xdist":
            from pytest_roo_load.engine.fleet.station import Station  # noqa: PLC0415 - loaded when used

            self.keeper.start()
            self.stations.mkdir(mode=0o700, exist_ok=True)
            self._station = Station(self.stations / str(self.worker))
            self._station.open()

    def leave(self) -> None:
        """The reverse of `join`; idempotent."""
        if self._station is not None:
            self._station.close()

    @cached_property
    def stack(self) -> Stack:
        """The system under test."""
        from pytest_roo_load.session.stack import Stack  # noqa: PLC0415 - loaded when used

        return Stack(self.config, self.keeper, self.links)

    @cached_property
    def links(self) -> OwnLinks:
        """The links that tests have opened."""
        from pytest_roo_load.session.links import OwnLinks  # noqa: PLC0415 - loaded when used

        return OwnLinks(self.config, self.keeper, self.worker, self.identity.seed)

    @cached_property
    def offers(self) -> Offers:
        """What targets offer."""
        from pytest_roo_load.session.offered import Offers  # noqa: PLC0415 - loaded when used

        return Offers()

    @cached_property
    def sla(self) -> SlaTable:
        """The table of objectives."""
        from pytest_roo_load.session.plan import read_sla  # noqa: PLC0415 - loaded when used

        return read_sla(self.config.sla, named="sla" in self.config.places)

    def show_progress(self) -> None:
        """Show on the terminal how loads are getting on, if this process has one, until the run ends."""
        if self._progress is not None:
            return
        from pytest_roo_load.session.progress import Progress  # noqa: PLC0415 - loaded when used

        with suppress(OSError, ValueError):  # a standard output that is no file, as when pytest runs inside pytest
            self._progress = Progress(self.note, sys.stdout.fileno())

    def sla_of(self, folder: Path) -> SlaTable:
        """The table for tests in a folder: the project's, completed by one that lies beside them.

        So tests that come with a package bring their objectives along. A table that --roo-sla names stands alone.
        """
        beside = folder / self.config.sla.name
        if "sla" in self.config.places or beside == self.config.sla or not beside.exists():
            return self.sla
        if folder not in self._tables:
            from pytest_roo_load.session.plan import read_sla  # noqa: PLC0415 - loaded when used

            self._tables[folder] = self.sla.completed_by(read_sla(beside, named=True))
        return self._tables[folder]

    def begin(self) -> None:
        """Describe the run in its directory, unless another process has."""
        from pytest_roo_load.session.facts import beginning  # noqa: PLC0415 - loaded when used

        if not self.directory.description.exists():
            facts = beginning(self.directory.path, self.identity.seed, self.config.scale, self._arguments)
            self.directory.describe(facts)

    def note_services(self) -> None:
        """Write the services that are in use into run.json."""
        from pytest_roo_load.session.facts import services  # noqa: PLC0415 - loaded when used
        from pytest_roo_load.session.locks import locked  # noqa: PLC0415

        self.begin()
        with locked(self.directory.path / "description.lock"):
            facts = self.directory.described()
            facts["services"] |= services(self.stack.known())
            self.directory.describe(facts, again=True)

    def end(self, exit_status: int, reason: str) -> Path | None:
        """Stop what the run started and write the report; its path, None when nothing was measured.

        Args:
            exit_status: pytest's.
            reason: Why the run is incomplete; empty when it is complete.
        """
        if self._progress is not None:
            self._progress.close()
        self._stop_services()
        if not self.directory.description.exists():
            return None
        from pytest_roo_load.report.html import write_report  # noqa: PLC0415 - loaded when used
        from pytest_roo_load.session.facts import now  # noqa: PLC0415

        facts = self.directory.described() | {
            "finished_at": now(),
            "status": "incomplete" if reason else "complete",
            "reason": reason,
            "exit_status": exit_status,
        }
        self.directory.describe(facts, again=True)
        return write_report(self.directory.path)

    def _stop_services(self) -> None:
        if "keeper" in self.__dict__ or Path(self.identity.folder).exists():
            self.keeper.shutdown()
