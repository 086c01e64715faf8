"""All services of a run: one of each name, whoever asks and however often."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from pytest_roo_load.core.faults.breakage import Breakage, MakeBreakage, Patient
from pytest_roo_load.core.faults.fault import Fault
from pytest_roo_load.core.faults.link_table import LINK_VERBS, LINKS_SERVICE
from pytest_roo_load.core.recipe import Recipe, ServiceInfo
from pytest_roo_load.errors import KeeperError, ServiceError, UsageError
from pytest_roo_load.keeper.group_faults import GROUP_FAULTS
from pytest_roo_load.keeper.hog_faults import HOG_FAULTS
from pytest_roo_load.keeper.limit_faults import LIMIT_FAULTS
from pytest_roo_load.keeper.patient import Stranger, patient_named
from pytest_roo_load.keeper.process_faults import PROCESS_FAULTS
from pytest_roo_load.keeper.service import Service, Stage
from pytest_roo_load.keeper.socket_faults import SOCKET_FAULTS

__all__ = ["StrangerFacts", "Supervisor"]

StrangerFacts = tuple[str, Sequence[int]]  # the URL and the processes of a service that the keeper has not started


class Supervisor:
    """Starts what is asked for and what that needs, and stops everything in reverse order."""

    def __init__(self, recipes: Callable[[], Mapping[str, Recipe]], stage: Stage) -> None:
        self._recipes = recipes
        self._stage = stage
        self._services: dict[str, Service] = {}
        self._ending = False

    def __repr__(self) -> str:
        states = ", ".join(f"{name} {service.state}" for name, service in self._services.items())
        return f"<Supervisor: {states or 'no services'}>"

    async def ensure(self, name: str, options: Mapping[str, str | None]) -> ServiceInfo:
        """The service, started if nobody has asked for it before.

        Raises:
            UsageError: There is no such service or option, or it runs with other options.
            ServiceError: It could not be started or has died.
            KeeperError: The keeper is ending.
        """
        given = {key: value for key, value in options.items() if value is not None}
        return await self._service(name, given).info()

    def services(self) -> dict[str, ServiceInfo]:
        """What is ready and runs now."""
        found = {name: service.running() for name, service in self._services.items()}
        return {name: info for name, info in found.items() if info}

    def breakage(self, fault: Fault, strangers: Mapping[str, StrangerFacts], *, number: int = 0) -> Breakage:
        """What carries out a fault on a service of ours, or on a stranger of that name.

        Args:
            fault: What is to be broken.
            strangers: See `StrangerFacts`, by name.
            number: Tells it from other faults of the same load.

        Raises:
            UsageError: There is nothing of the fault's target, or its verb cannot be done to it.
        """
        patient: Patient
        own: Mapping[str, MakeBreakage] = {}
        if fault.verb in HOG_FAULTS:
            return HOG_FAULTS[fault.verb](self._stage, fault.settings)
        if fault.verb in LINK_VERBS:
            patient = patient_named(LINKS_SERVICE, self._services, self._stage.folder)
            settings = {**fault.settings, "link": fault.target, "id": f"{fault.verb}-{number}"}
            return patient.service.recipe.faults[fault.verb](patient, settings)
        if fault.target in strangers:
            url, pids = strangers[fault.target]
            patient = Stranger(fault.target, url, tuple(pids), self._stage.folder)
            journalled = [str(one) for one in patient.tree()]
            self._stage.journal.write("stranger", target=fault.target, processes=journalled)
        else:
            patient = patient_named(fault.target, self._services, self._stage.folder, strangers)
            own = {**LIMIT_FAULTS, **GROUP_FAULTS, **SOCKET_FAULTS, **patient.service.recipe.faults}
        known = {**PROCESS_FAULTS, **own}
        if fault.verb not in known:
            raise UsageError(f"not to be done to {fault.target}", value=fault.verb, allowed=", ".join(sorted(known)))
        return known[fault.verb](patient, fault.settings)

    async def stop(self) -> None:
        """Stop everything, what needs others first; nothing can be started from now on."""
        self._ending = True
        for service in reversed(self._services.values()):
            try:
                await service.stop()
            except ServiceError as error:
                self._stage.journal.write("stop failed", service=service.recipe.name, error=str(error))
        await self._stage.processes.stop_orphans()

    def _service(self, name: str, options: Mapping[str, str] | None) -> Service:
        """The service of this name; options of None stand for any."""
        if self._ending:
            raise KeeperError(f"{name} was not started: the keeper is ending")
        there = self._services.get(name)
        if there and (options is None or there.options == options):
            return there
        if there and there.state != "failed":
            raise _other_options(there, options or {})
        recipe = self._recipe(name, options or {})
        needs = {need: self._service(need, None) for need in recipe.needs(options or {})}
        self._services.pop(name, None)  # a failed one: the new one belongs behind what it needs
        service = self._services[name] = Service(recipe, options or {}, needs, self._stage)
        return service

    def _recipe(self, name: str, options: Mapping[str, str]) -> Recipe:
        recipes = self._recipes()
        if name not in recipes:
            raise UsageError("unknown service", value=name, allowed=", ".join(sorted(recipes)))
        recipe = recipes[name]
        if unknown := sorted(set(options) - set(recipe.options)):
            allowed = ", ".join(recipe.options) or "none"
            raise UsageError(f"unknown option of the service {name}", value=unknown[0], allowed=allowed)
        return recipe


def _other_options(service: Service, options: Mapping[str, str]) -> UsageError:
    """The error without the values, which may hold passwords."""
    name = service.recipe.name
    differing = sorted(key for key in {*service.options, *options} if service.options.get(key) != options.get(key))
    return UsageError(
        f"the service {name} was started with other options before",
        value=", ".join(differing),
        allowed="the options of the first call, for the whole run",
        remedy="ask for it with the same options everywhere",
    )
