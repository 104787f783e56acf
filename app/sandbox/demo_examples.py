"""Objects of the demo world that the examples of the OpenAPI document name, so that they work as they stand."""

from datetime import date

from app.ids import encode
from app.sandbox.demo_catalogue import Offer, offers, slot_id
from app.sandbox.demo_parties import organisation_id
from app.sandbox.demo_people import beneficiary_id, employee_id
from app.sandbox.demo_rows import make_id

COMPANY, PROVIDER, LEAD = "orobia-stampi", "cooperativa-serio", "ambito-albino"
SERVICE = "physiotherapy"
FREE_DAY, FREE_TIME = date(2027, 2, 1), "09:00"
"""A Monday on which nobody has booked yet."""


def _offer() -> Offer:
    return next(offer for offer in offers() if (offer.provider, offer.service) == (PROVIDER, SERVICE))


IDS: dict[str, str] = {
    "company_id": encode("org", organisation_id(COMPANY)),
    "provider_id": encode("org", organisation_id(PROVIDER)),
    "organisation_id": encode("org", organisation_id(COMPANY)),
    "lead_organisation_id": encode("org", organisation_id(LEAD)),
    "network_id": encode("net", make_id("network")),
    "alliance_id": encode("all", make_id("alliance")),
    "employee_id": encode("emp", employee_id(COMPANY, 1)),
    "employee_ids": encode("emp", employee_id(COMPANY, 1)),
    "beneficiary_id": encode("ben", beneficiary_id(COMPANY, 1, 0)),
    "offering_id": encode("off", _offer().id),
    "site_id": encode("ste", make_id("site", PROVIDER)),
    "slot_id": encode("slt", slot_id(_offer(), FREE_DAY, FREE_TIME)),
    "slot_ids": encode("slt", slot_id(_offer(), FREE_DAY, FREE_TIME)),
}
"""By the name of the parameter or field."""
