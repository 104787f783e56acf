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
    """Pydantic annotation: `prefix_...` text outside, `UUID` inside; of what, in the words of the document."""

    prefix: str
    of: str = "object"

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
            "description": f"Id of the {self.of}.",
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


OrganisationId = Annotated[UUID, TypeId("org", "organisation")]
UserId = Annotated[UUID, TypeId("usr", "person")]
MembershipId = Annotated[UUID, TypeId("mem", "membership")]
InvitationId = Annotated[UUID, TypeId("inv", "invitation")]
ApplicationId = Annotated[UUID, TypeId("app", "application")]
SessionId = Annotated[UUID, TypeId("ses", "session")]
ApiKeyId = Annotated[UUID, TypeId("key", "API key")]
NetworkId = Annotated[UUID, TypeId("net", "network")]
MandateId = Annotated[UUID, TypeId("man", "mandate")]
AllianceId = Annotated[UUID, TypeId("all", "alliance")]
EmployeeId = Annotated[UUID, TypeId("emp", "employment")]
BeneficiaryId = Annotated[UUID, TypeId("ben", "beneficiary")]
SiteId = Annotated[UUID, TypeId("ste", "place")]
OfferingId = Annotated[UUID, TypeId("off", "offering")]
PriceId = Annotated[UUID, TypeId("prc", "price")]
SlotId = Annotated[UUID, TypeId("slt", "slot")]
ProgrammeId = Annotated[UUID, TypeId("prg", "programme")]
TopUpId = Annotated[UUID, TypeId("top", "top-up")]
GrantId = Annotated[UUID, TypeId("grt", "grant")]
RevocationId = Annotated[UUID, TypeId("rvk", "revocation")]
FringeBenefitId = Annotated[UUID, TypeId("frb", "fringe benefit")]
LotId = Annotated[UUID, TypeId("lot", "lot")]
QuoteId = Annotated[UUID, TypeId("qte", "quote")]
DisputeId = Annotated[UUID, TypeId("dsp", "dispute")]
ClaimId = Annotated[UUID, TypeId("clm", "claim")]
ClaimFileId = Annotated[UUID, TypeId("fil", "uploaded document")]
ClaimRunId = Annotated[UUID, TypeId("crn", "run of payments to people")]
BookingId = Annotated[UUID, TypeId("bkg", "booking")]
UnitId = Annotated[UUID, TypeId("unt", "unit")]
LegId = Annotated[UUID, TypeId("leg", "leg")]
FeeRuleId = Annotated[UUID, TypeId("fee", "fee rule")]
SettlementRunId = Annotated[UUID, TypeId("run", "settlement run")]
SettlementId = Annotated[UUID, TypeId("stl", "settlement")]
PayoutId = Annotated[UUID, TypeId("pay", "payout")]
BankAccountId = Annotated[UUID, TypeId("bac", "bank account")]
AccreditationId = Annotated[UUID, TypeId("acr", "accreditation")]
EventId = Annotated[UUID, TypeId("evt", "event")]
MailId = Annotated[UUID, TypeId("mal", "mail")]
SettingValueId = Annotated[UUID, TypeId("set", "entry of a setting")]
AuditEventId = Annotated[UUID, TypeId("aud", "entry of the audit trail")]
WebhookEndpointId = Annotated[UUID, TypeId("whe", "webhook endpoint")]
WebhookDeliveryId = Annotated[UUID, TypeId("dlv", "webhook delivery")]
