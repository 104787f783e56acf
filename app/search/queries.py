"""Statements of the search and their rows."""

from dataclasses import dataclass
from typing import Literal

from app.catalogue.queries import VisibleOffering
from app.db import NOTHING, Query

Stage = Literal["name", "text", "near"]


@dataclass(frozen=True, slots=True)
class FoundOffering(VisibleOffering):
    """The same, and where it stands in the list it comes from."""

    stage: Stage
    rank: int


OFFERINGS = Query(FoundOffering, "search.offerings", replan=True)
OFFERINGS_IN_PERIOD = Query(FoundOffering, "search.offerings_in_period", replan=True)
NEARNESS = Query(NOTHING, "search.nearness")
