"""What approval by mandate takes and shows: no names of people."""

from app.clock import Instant
from app.credit.models import ProgrammeSource
from app.grants.models import GeneralityReason, GrantStatus
from app.http.schemas import In, Out
from app.ids import AllianceId, GrantId, MandateId


class ApprovalMandateCreate(In):
    alliance_id: AllianceId
    """An alliance to which the company belongs: its coordinator approves."""


class ApprovalMandateRead(Out):
    """That an alliance's coordinator approves what a company's HR drafts."""

    id: MandateId
    alliance_id: AllianceId
    """The alliance whose coordinator approves."""
    alliance_name: str
    """The alliance's name."""
    created_at: Instant
    """When it was given, in real time (UTC)."""
    from_at: Instant
    """From when it holds (UTC)."""
    ended_at: Instant | None
    """When it ended; null as long as it holds."""


class AmountRead(Out):
    """How many people of a grant get one amount."""

    amount_cents: int
    """What each of them gets, in cents."""
    employee_count: int
    """How many they are."""


class MandatedGrantRead(Out):
    """A grant, or its revocation, that waits for an alliance's coordinator: no names of people."""

    id: GrantId
    company_name: str
    """The company that gives it."""
    programme_name: str
    """The programme's name."""
    source: ProgrammeSource
    """Why the company gives it."""
    status: GrantStatus
    """Where it stands."""
    total_cents: int
    """What it gives in all, in cents."""
    employee_count: int
    """How many people it is for."""
    amounts: list[AmountRead]
    """How many get which amount."""
    generality_reason: GeneralityReason | None
    """Why people of one category get different amounts; null where all get the same."""
    generality_note: str | None
    """The reason in the company's own words; null when there is none."""
    created_at: Instant
    """When it was drafted, in business time (UTC)."""
    revocation_reason: str | None
    """Why its revocation is asked for; null where it is not."""
    revoked_people: int | None
    """Of how many people it is to be revoked; null where it is not."""


class MandatedApprovalRead(Out):
    status: GrantStatus
    """Where the grant stands now."""
