"""What a plan costs: sixty units over twenty lots, as large as a quote can be."""

import statistics
import time
from dataclasses import dataclass

from app.credit.planner import plan
from tests.credit.test_planner import BOOKED_ON, random_world

UNITS, LOTS = 60, 20
WORLDS, TIMES = 12, 5


@dataclass(frozen=True)
class Planning:
    """Milliseconds of a plan over worlds that differ."""

    median_ms: float
    worst_ms: float


def measure_planning() -> Planning:
    """Plan each world a few times and keep its median."""
    taken = []
    for seed in range(WORLDS):
        units, lots = random_world(seed, UNITS, LOTS)
        runs = []
        for _ in range(TIMES):
            began = time.perf_counter()
            plan(units, lots, booked_on=BOOKED_ON)
            runs.append(1000 * (time.perf_counter() - began))
        taken.append(statistics.median(runs))
    return Planning(statistics.median(taken), max(taken))
