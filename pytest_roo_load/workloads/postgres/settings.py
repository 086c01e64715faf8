"""What a test may choose of a load on PostgreSQL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

from pytest_roo_load.workloads.choices import in_range, one_of
from pytest_roo_load.workloads.postgres.connection import DRIVERS

__all__ = ["Choices", "PostgresOptions"]

ISOLATION = ("read committed", "repeatable read", "serializable")


class PostgresOptions(TypedDict, total=False):
    """The arguments of `postgres_stress.run` besides the workload; see `Choices` and `choices.Pace`."""

    clients: int
    duration: str | float
    warm_up: str | float
    rate: str | None
    count: int | None
    dsn: str | None
    driver: str
    pool: int | None
    scale: int
    isolation: str | None
    tries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """How the database is used.

    Attributes:
        dsn: Which one; None for the one of `--roo-postgres`, else the embedded one.
        driver: asyncpg, psycopg or sqlalchemy (an engine on asyncpg).
        pool: Connections that the clients of one generator share; None gives each client its own.
        scale: Size of the tables: 100,000 accounts, 10 tellers and a branch for each, as pgbench has them.
        isolation: Isolation level of transactions; None leaves it to the workload.
        tries: How often a transaction is tried that ends in a deadlock or a serialization failure.
    """

    dsn: str | None = None
    driver: str = "asyncpg"
    pool: int | None = None
    scale: int = 1
    isolation: str | None = None
    tries: int = 20

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        one_of("driver", self.driver, DRIVERS)
        if self.isolation is not None:
            one_of("isolation", self.isolation, ISOLATION)
        if self.pool is not None:
            in_range("pool", self.pool, 1, 10_000)
        in_range("scale", self.scale, 1, 10_000)
        in_range("tries", self.tries, 1, 1000)
