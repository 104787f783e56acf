"""What the database says about itself."""

from dataclasses import dataclass

from app.config import Mode
from app.db import APP, WORKER, Query


@dataclass(frozen=True, slots=True)
class State:
    """What kind of database this is; None: nobody said it yet."""

    mode: Mode | None
    clock_moved: bool


@dataclass(frozen=True, slots=True)
class Leftovers:
    """What only a demo world has."""

    example_logins: bool
    shared_passwords: bool
    test_keys: bool


STATE = Query(State, "installation.state", roles=(APP, WORKER))
LEFTOVERS = Query(Leftovers, "installation.leftovers", roles=(APP,))
