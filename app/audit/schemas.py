"""What the operator reads of the audit trail."""

from uuid import UUID

from pydantic import Field

from app import ids
from app.actor import ActorKind
from app.audit.models import AuditEntry
from app.clock import Instant
from app.http.schemas import Out
from app.http.words import words
from app.ids import AuditEventId, OrganisationId

PREFIXES = {
    "alliance": "all", "api_key": "key", "beneficiary": "ben", "booking": "bkg", "employee": "emp", "fee_rule": "fee",
    "grant": "grt", "invitation": "inv", "membership": "mem", "network": "net", "offering": "off",
    "organisation": "org", "price": "prc", "programme": "prg", "provider": "org", "setting_value": "set",
    "settlement": "stl", "settlement_run": "run", "site": "ste", "slot": "slt", "top_up": "top", "user": "usr",
}  # fmt: skip
"""How the id of an object of each kind begins; of other kinds the plain UUID is shown."""


class AuditEventRead(Out):
    """Who did, read or was refused what, when and from where."""

    id: AuditEventId
    position: int | None = Field(description="Its place in the chain; null for the first minute.")
    recorded_at: Instant | None = Field(description="Real time.")
    created_at: Instant = Field(description="Business time, by which deadlines are judged; `recorded_at` is real time.")
    actor_kind: ActorKind
    """What kind of caller it was."""
    actor_id: str | None = Field(description="The person (`usr_`) or the API key (`key_`).")
    organisation_id: OrganisationId | None = Field(description="For which organisation the actor acted.")
    session_id: str | None = Field(description="Tells sessions of a person apart; opens nothing.")
    address: str | None = Field(description="The network address that the request came from.")
    request_id: str | None = Field(description="The `X-Request-Id` of the answer.")
    action: str = Field(description="What was done, read or tried: `noun.verb`.")
    object_kind: str
    """What kind of object it was about."""
    object_id: str | None
    """Which object; null where it is about none."""
    shown_ids: list[str] = Field(description="Which objects a list showed.")
    refusal: str | None = Field(description="The error code, where it was refused; null where it was done.")
    times: int = Field(description="For how many alike it stands: many refusals of one network are told by sample.")


def read(entry: AuditEntry) -> AuditEventRead:
    """Show one entry."""
    shown_kind = entry.action.partition(".")[0]
    return AuditEventRead(
        id=entry.id,
        position=entry.position,
        recorded_at=entry.recorded_at,
        created_at=entry.created_at,
        actor_kind=entry.actor_kind,
        actor_id=_named("api_key" if entry.actor_kind == "api_key" else "user", entry.actor_id),
        organisation_id=entry.organisation_id,
        session_id=_named("session", entry.session_id),
        address=entry.address,
        request_id=_named("request", entry.request_id),
        action=entry.action,
        object_kind=entry.object_kind,
        object_id=_named(entry.object_kind, entry.object_id),
        shown_ids=[str(_named(shown_kind, each)) for each in entry.shown or ()],
        refusal=entry.refusal,
        times=entry.times,
    )


def _named(kind: str, value: UUID | None) -> str | None:
    if value is None:
        return None
    return ids.encode(PREFIXES[kind], value) if kind in PREFIXES else str(value)


words(
    "ActorKind",
    ActorKind,
    user="a person with a login",
    api_key="a program with an API key",
    anonymous="nobody known",
    system="the platform by itself",
)
