"""Identifiers: UUIDv7 in the database, TypeID outside (`bkg_01h455vb4pex5vsknk084sn02q`).

A TypeID is a lower-case prefix and the UUID in 26 characters of Crockford's base32 (typeid spec 0.3).
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

import uuid_utils
from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_VALUE = {character: index for index, character in enumerate(ALPHABET)}
_TYPE_ID = re.compile(r"([a-z]{3})_([0-7][0-9a-hjkmnp-tv-z]{25})")
LAST = UUID(int=2**128 - 1)
"""After every other id: where a list that starts with the newest begins."""
_source: ContextVar[Callable[[], UUID] | None] = ContextVar("id_source", default=None)


def new_id() -> UUID:
    """Return a new UUIDv7: ordered by time, so that indexes grow at one end."""
    source = _source.get()
    return UUID(int=uuid_utils.uuid7().int) if source is None else source()


def first_of(instant: datetime) -> UUID:
    """Return an id that is below every new id from this instant on, and above those made before."""
    return UUID(int=int(instant.timestamp() * 1000) << 80)


@contextmanager
def drawn_from(source: Callable[[], UUID]) -> Iterator[None]:
    """Let this task take its new ids from a source of its own: the demo world has the same rows wherever it loads."""
    token = _source.set(source)
    try:
        yield
    finally:
        _source.reset(token)


def encode(prefix: str, value: UUID) -> str:
    number = value.int
    return prefix + "_" + "".join(ALPHABET[(number >> shift) & 31] for shift in range(125, -1, -5))


def decode(prefix: str, text: str) -> UUID:
    """Return the UUID of a TypeID; ValueError when it is malformed or has another prefix."""
    found_prefix, value = split(text)
    if found_prefix != prefix:
        raise ValueError("id of another type")
    return value


def split(text: str) -> tuple[str, UUID]:
    match = _TYPE_ID.fullmatch(text)
    if match is None:
        raise ValueError("malformed id")
    number = 0
    for character in match[2]:
        number = number << 5 | _VALUE[character]
    return match[1], UUID(int=number)


@dataclass(frozen=True)
class TypeId:
    """Pydantic annotation: `prefix_...` text outside, `UUID` inside."""

    prefix: str

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            self._validate,
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda value: encode(self.prefix, value), return_schema=core_schema.str_schema()
            ),
        )

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {
            "type": "string",
            "pattern": f"^{self.prefix}_[0-7][0-9a-hjkmnp-tv-z]{{25}}$",
            "examples": [f"{self.prefix}_01h455vb4pex5vsknk084sn02q"],
        }

    def _validate(self, value: object) -> UUID:
        if isinstance(value, UUID):
            return value
        if not isinstance(value, str):
            raise PydanticCustomError("type_id", "an id is a string")
        try:
            prefix, uuid = split(value)
        except ValueError:
            raise PydanticCustomError("type_id", "malformed id") from None
        if prefix != self.prefix:
            raise PydanticCustomError("type_id_prefix", "id of another type")
        return uuid


OrganisationId = Annotated[UUID, TypeId("org")]
UserId = Annotated[UUID, TypeId("usr")]
MembershipId = Annotated[UUID, TypeId("mem")]
InvitationId = Annotated[UUID, TypeId("inv")]
ApplicationId = Annotated[UUID, TypeId("app")]
SessionId = Annotated[UUID, TypeId("ses")]
ApiKeyId = Annotated[UUID, TypeId("key")]
NetworkId = Annotated[UUID, TypeId("net")]
AllianceId = Annotated[UUID, TypeId("all")]
EmployeeId = Annotated[UUID, TypeId("emp")]
BeneficiaryId = Annotated[UUID, TypeId("ben")]
SiteId = Annotated[UUID, TypeId("ste")]
OfferingId = Annotated[UUID, TypeId("off")]
PriceId = Annotated[UUID, TypeId("prc")]
SlotId = Annotated[UUID, TypeId("slt")]
ProgrammeId = Annotated[UUID, TypeId("prg")]
TopUpId = Annotated[UUID, TypeId("top")]
GrantId = Annotated[UUID, TypeId("grt")]
RevocationId = Annotated[UUID, TypeId("rvk")]
LotId = Annotated[UUID, TypeId("lot")]
QuoteId = Annotated[UUID, TypeId("qte")]
DisputeId = Annotated[UUID, TypeId("dsp")]
BookingId = Annotated[UUID, TypeId("bkg")]
UnitId = Annotated[UUID, TypeId("unt")]
LegId = Annotated[UUID, TypeId("leg")]
FeeRuleId = Annotated[UUID, TypeId("fee")]
SettlementRunId = Annotated[UUID, TypeId("run")]
SettlementId = Annotated[UUID, TypeId("stl")]
PayoutId = Annotated[UUID, TypeId("pay")]
BankAccountId = Annotated[UUID, TypeId("bac")]
AccreditationId = Annotated[UUID, TypeId("acr")]
EventId = Annotated[UUID, TypeId("evt")]
MailId = Annotated[UUID, TypeId("mal")]
SettingValueId = Annotated[UUID, TypeId("set")]
AuditEventId = Annotated[UUID, TypeId("aud")]
WebhookEndpointId = Annotated[UUID, TypeId("whe")]
WebhookDeliveryId = Annotated[UUID, TypeId("dlv")]
