"""What the platform takes: drafted by one person, approved by another, told to the providers before it begins."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, ids
from app.actor import Actor
from app.db import Query
from app.errors import AlreadyResolved, Invalid, NotFound, StateConflict
from app.mail.actions import NewMail, send_many
from app.money import euro
from app.organisations.models import Provider
from app.organisations.queries import contacts_of_providers
from app.rules.book import book_in_force
from app.settlements.errors import FeeApproverIsMaker
from app.settlements.models import FeeRule
from app.settlements.schemas import FeeRuleCreate


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a rule of now must keep: the cap, and the first day that it may be about."""

    cap_bps: int
    first_day: date


BOUNDS = Query(Bounds, "settlements.fee_bounds")


async def create_fee_rule(session: AsyncSession, actor: Actor, new: FeeRuleCreate) -> FeeRule:
    """Draft a rule; rules never change, a newer one takes over from its day on."""
    bounds = await BOUNDS.one(session, now=clock.now(), provider_id=new.provider_id, valid_from=new.valid_from)
    if new.percent_bps > bounds.cap_bps:
        raise Invalid("/percent_bps", "above_cap", f"the platform takes {bounds.cap_bps} basis points at most")
    if new.valid_from < bounds.first_day:
        raise Invalid("/valid_from", "retroactive", f"{bounds.first_day} is the first day that is not over or settled")
    if new.valid_to is not None and new.valid_to <= new.valid_from:
        raise Invalid("/valid_to", "not_after_valid_from", "must be after valid_from")
    if new.max_cents is not None and new.max_cents < (new.min_cents or 0):
        raise Invalid("/max_cents", "below_min_cents", "must not be below min_cents")
    await _check_subject(session, new)
    drafted = {"id": ids.new_id(), "created_by": actor.user_id, "created_at": clock.now()}
    return (await session.scalars(insert(FeeRule).values(**drafted, **dict(new)).returning(FeeRule))).one()


async def _check_subject(session: AsyncSession, new: FeeRuleCreate) -> None:
    if new.category is not None and new.category not in {row.code for row in book_in_force().categories}:
        raise Invalid("/category", "unknown_category", "no such category")
    if new.provider_id is not None:
        known = select(Provider.organisation_id).where(Provider.organisation_id == new.provider_id)
        if await session.scalar(known) is None:
            raise NotFound


async def approve_fee_rule(session: AsyncSession, actor: Actor, rule_id: UUID) -> FeeRule:
    """Let a drafted rule hold, as another person than who drafted it, and tell the providers that it is about."""
    draft = await session.scalar(select(FeeRule).where(FeeRule.id == rule_id).with_for_update(key_share=True))
    if draft is None:
        raise NotFound
    if draft.status != "draft":
        raise AlreadyResolved(draft.status)
    if draft.created_by == actor.user_id:
        raise FeeApproverIsMaker
    now = clock.now()
    bounds = await BOUNDS.one(session, now=now, provider_id=draft.provider_id, valid_from=draft.valid_from)
    if draft.valid_from < bounds.first_day:
        raise StateConflict("late", "The rule's first day has come or is settled: draft a new one.")
    decided = {"status": "approved", "approved_by": actor.user_id, "approved_at": now}
    approval = update(FeeRule).where(FeeRule.id == rule_id).values(**decided).returning(FeeRule)
    rule = (await session.scalars(approval)).one()
    contacts = await contacts_of_providers(session, rule.provider_id)
    await send_many(session, [NewMail("fee_rule", to.email, to.locale, _told(rule)) for to in contacts])
    return rule


def _told(rule: FeeRule) -> dict[str, object]:
    return {
        "valid_from": f"{rule.valid_from:%d.%m.%Y}",
        "percent": f"{rule.percent_bps / 100:.2f}",
        "fixed": euro(rule.fixed_cents),
        "category": rule.category,
    }
