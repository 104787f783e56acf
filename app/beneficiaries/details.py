"""What is known of a beneficiary beyond name and municipality: sealed in one piece, opened where it is needed."""

from dataclasses import dataclass
from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, TypeAdapter

from app import sealing
from app.beneficiaries.models import PURPOSE


@dataclass(frozen=True, slots=True)
class StoredPeriod:
    """Days from `start` to `end`, both included, as the column has them; an open end is None."""

    start: Annotated[date, Field(alias="from")]
    end: Annotated[date | None, Field(alias="to")]


@dataclass(frozen=True, slots=True)
class StoredCertificate:
    kind: Literal["non_self_sufficient"]
    valid_from: date
    valid_to: date | None


@dataclass(frozen=True, slots=True)
class Details:
    """What of a beneficiary is sealed in one piece: no statement looks for any of it."""

    birth_date: date
    phone: str | None = None
    street: str | None = None
    postcode: str | None = None
    cohabitation: tuple[StoredPeriod, ...] = ()
    maintained: tuple[StoredPeriod, ...] = ()
    dependent_years: tuple[int, ...] = ()
    certificates: tuple[StoredCertificate, ...] = ()
    died_on: date | None = None


DETAILS = TypeAdapter(Details)


def seal_details(details: Details, beneficiary_id: UUID) -> bytes:
    return sealing.encrypt(PURPOSE, DETAILS.dump_json(details, by_alias=True), beneficiary_id.bytes)


def open_details(sealed: bytes, beneficiary_id: UUID) -> Details:
    return DETAILS.validate_json(sealing.decrypt(PURPOSE, sealed, beneficiary_id.bytes))
