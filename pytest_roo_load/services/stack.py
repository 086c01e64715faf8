"""All services that the keeper can start."""

from __future__ import annotations

from collections.abc import Mapping

from pytest_roo_load.core.recipe import Recipe
from pytest_roo_load.services.ccs import CCS
from pytest_roo_load.services.envoy import Envoy
from pytest_roo_load.services.linked_ccs import LinkedCCS
from pytest_roo_load.services.links import Links
from pytest_roo_load.services.postgres import Postgres
from pytest_roo_load.services.redis import Redis
from pytest_roo_load.services.standby import Standby

__all__ = ["recipes"]


def recipes() -> Mapping[str, Recipe]:
    """The recipes by name; the keeper is told this function's dotted name."""
    found: tuple[Recipe, ...] = (Postgres(), Standby(), Redis(), Envoy(), CCS(), Links(), LinkedCCS())
    return {recipe.name: recipe for recipe in found}
