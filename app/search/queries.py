"""Statements of the search and their rows."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from app.catalogue.queries import VisibleOffering
from app.db import NOTHING, Query
from app.listing import ListQuery
from app.rules.rows import OfferingUnit

Stage = Literal["name", "text", "near"]


@dataclass(frozen=True, slots=True)
class FoundOffering(VisibleOffering):
    """The same, and where it stands in the list it comes from."""

    stage: Stage
    distance: int
    """How far it is from the words: the less, the sooner; 0 in a list by name."""
    name_key: str


@dataclass(frozen=True, slots=True)
class ServedMunicipality:
    """A municipality, and how many offerings the caller sees that name it."""

    istat_code: str
    name: str
    province: str
    latitude: float | None
    longitude: float | None
    sort_key: str
    offering_count: int


@dataclass(frozen=True, slots=True)
class PayableOffering:
    """An offering that some credit could pay."""

    id: UUID
    name: str
    category: str
    unit: OfferingUnit
    price_cents: int
    provider_name: str


ORDERS = {
    "relevance": "distance integer, id uuid, stage text",
    "name": "name_key text, id uuid, stage text",
    "price_cents": "price_cents bigint, id uuid, stage text",
}
"""The stage tells no rows apart: it is there for the cursor, so that a list stays in the stage of its first page."""
OFFERINGS = ListQuery(FoundOffering, "search.offerings", ORDERS, replan=True)
OFFERINGS_IN_PERIOD = ListQuery(FoundOffering, "search.offerings_in_period", ORDERS, replan=True)
MUNICIPALITY_ORDERS = {
    "name": "sort_key text, istat_code text",
    "offering_count": "offering_count bigint, istat_code text",
}
SERVED_MUNICIPALITIES = ListQuery(ServedMunicipality, "search.served_municipalities", MUNICIPALITY_ORDERS)
ALLIANCE_MUNICIPALITIES = ListQuery(ServedMunicipality, "search.alliance_municipalities", MUNICIPALITY_ORDERS)
PAYABLE = Query(PayableOffering, "search.payable", replan=True)
NEARNESS = Query(NOTHING, "search.nearness")
