"""Load profiles: how many virtual users there are, or how many arrivals a second, at each moment.

A profile is a value that a test writes; its `plan()` is what generators carry out.
"""

from __future__ import annotations

from pytest_roo_load.core.profiles.ahead import Ahead, Due, ahead_of
from pytest_roo_load.core.profiles.arrivals import RateSegment, arrival_times
from pytest_roo_load.core.profiles.closed import (
    UsersProfile,
    constant_users,
    iterations,
    ramping_users,
    soak,
    spike,
    stairs,
)
from pytest_roo_load.core.profiles.open import RateProfile, arrival_rate, poisson, ramping_rate, spiking_rate
from pytest_roo_load.core.profiles.plan import (
    GRACEFUL_STOP_S,
    STEADY,
    WARM_UP,
    Arrivals,
    Phase,
    Plan,
    Profile,
    Steering,
    Step,
    is_steady,
    users_of,
)
from pytest_roo_load.core.profiles.replay import ReplayProfile, replay

__all__ = [
    "GRACEFUL_STOP_S",
    "STEADY",
    "WARM_UP",
    "Ahead",
    "Arrivals",
    "Due",
    "Phase",
    "Plan",
    "Profile",
    "RateProfile",
    "RateSegment",
    "ReplayProfile",
    "Steering",
    "Step",
    "UsersProfile",
    "ahead_of",
    "arrival_rate",
    "arrival_times",
    "constant_users",
    "is_steady",
    "iterations",
    "poisson",
    "ramping_rate",
    "ramping_users",
    "replay",
    "soak",
    "spike",
    "spiking_rate",
    "stairs",
    "users_of",
]
