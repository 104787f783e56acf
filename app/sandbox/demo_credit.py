"""The demo's credit: announced and confirmed money, programmes, grants that one person made and another approved."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from stdnum.iso7064 import mod_97_10

from app import clock
from app.actor import Actor
from app.audit import actions as audit
from app.credit import reminders
from app.credit.models import ProgrammeSource
from app.grants import grants, programmes, top_ups
from app.grants.models import TopUp
from app.grants.queries import GrantRow
from app.grants.schemas import GrantCreate, ProgrammeCreate
from app.sandbox.demo_data import CompanyEntry, parties
from app.sandbox.demo_parties import World
from app.sandbox.demo_rows import make_id, write

ANNOUNCED, CONFIRMED, DRAFTED, APPROVED = 83, 81, 80, 77
LATER = 5
"""When one company announced more than it has sent so far, and approved a grant that waits for it.

All in days before the start.
"""
WAITING_CENTS_EACH = 40_000
RULE_CODES = ["C2_F_TER", "C2_F_BIS", "C2_F"]


@dataclass(frozen=True)
class Plan:
    """One programme for one category of employees and what each gets."""

    name: str
    source: ProgrammeSource
    basis: str | None
    category: str
    each_cents: int
    expires_on: date
    fee_funding: str

    def programme(self) -> ProgrammeCreate:
        return ProgrammeCreate.model_validate(
            {
                "name": self.name,
                "source": self.source,
                "basis": self.basis,
                "employee_category": self.category,
                "rule_codes": RULE_CODES,
                "lot_expires_on": self.expires_on,
                "expired_credit_to": "company" if self.source == "on_top" else "solidarity_fund",
                "fee_funding": self.fee_funding,
            }
        )


def plans(company: CompanyEntry, year: int) -> Iterator[Plan]:
    """Give a company's programmes: on-top credit to the end of the year, the agreement's to the end of May."""
    for category in company.categories:
        yield Plan(
            f"Piano di cura {year}, {category}",
            "on_top",
            None,
            category,
            company.on_top_cents[category],
            date(year, 12, 31),
            company.fee_funding,
        )
        yield Plan(
            f"Welfare contrattuale {year}, {category}",
            "collective_agreement",
            "Contratto collettivo nazionale",
            category,
            company.agreement_cents[category],
            date(year + 1, 5, 31),
            company.fee_funding,
        )


async def load(session: AsyncSession, world: World) -> int:
    """Fund every company, make its programmes and grants; return how many cents were granted."""
    granted_cents = 0
    for order, company in enumerate(parties().company):
        after = timedelta(minutes=order)
        top_up_id = await _announce(session, world, company.slug, company.top_up_cents, world.ago(ANNOUNCED) + after)
        with clock.stopped_at(world.ago(CONFIRMED) + after):
            for person in (operator(world), finance(world)):
                await top_ups.confirm_top_up(session, person, top_up_id)
                await audit.record(session, person, "top_up.confirm", "top_up", top_up_id)
        for plan in plans(company, world.start.year):
            state = await _grant(
                session, world, company.slug, plan, world.ago(DRAFTED) + after, world.ago(APPROVED) + after
            )
            granted_cents += state.total_cents
    await _load_waiting(session, world)
    await _next_agreement(session, world)
    # Of what ends within two months people were told before the world begins.
    while await reminders.note(session, world.start):
        pass
    return granted_cents


def operator(world: World) -> Actor:
    """Return the operator's person who runs the money."""
    return actor(world, "operator@beatrice.example", "beatrice")


def finance(world: World) -> Actor:
    """Return the operator's other person, who approves."""
    return actor(world, "finance@beatrice.example", "beatrice")


def actor(world: World, email: str, organisation: str) -> Actor:
    return Actor("user", world.users[email], world.organisations[organisation])


async def _announce(session: AsyncSession, world: World, slug: str, amount_cents: int, at: datetime) -> UUID:
    """Announce a top-up; its payment reference, random elsewhere, follows from the company's name here."""
    top_up_id = make_id("top_up", slug, amount_cents, at=at)
    body = f"BEA{top_up_id.int % 10**9:09d}"
    await write(
        session,
        TopUp,
        [
            {
                "id": top_up_id,
                "company_id": world.organisations[slug],
                "amount_cents": amount_cents,
                "status": "pending",
                "payment_reference": f"RF{mod_97_10.calc_check_digits(body + 'RF')}{body}",
                "created_by": world.users[f"hr@{slug}.example"],
                "created_at": at,
            }
        ],
    )
    return top_up_id


async def _grant(
    session: AsyncSession, world: World, slug: str, plan: Plan, drafted: datetime, approved: datetime
) -> GrantRow:
    company_id = world.organisations[slug]
    maker = actor(world, f"hr@{slug}.example", slug)
    with clock.stopped_at(drafted):
        programme = await programmes.create_programme(session, company_id, plan.programme())
        await audit.record(session, maker, "programme.create", "programme", programme.id)
        wanted = GrantCreate(programme_id=programme.id, each_cents=plan.each_cents)
        draft = await grants.create_grant(session, maker, company_id, wanted, dry_run=False)
        await audit.record(session, maker, "grant.create", "grant", draft.id)
    with clock.stopped_at(approved):
        approver = actor(world, f"approver@{slug}.example", slug)
        await audit.record(session, approver, "grant.approve", "grant", draft.id)
        return await grants.approve_grant(session, approver, company_id, draft.id)


async def _next_agreement(session: AsyncSession, world: World) -> None:
    """Let one company have made, and given nothing of yet, what its collective agreement wants by next June."""
    year, slug = world.start.year + 1, "orobia-stampi"
    wanted = ProgrammeCreate.model_validate(
        {
            "name": f"Welfare contrattuale {year}, operai",
            "source": "collective_agreement",
            "basis": "Contratto collettivo nazionale",
            "employee_category": "operai",
            "rule_codes": RULE_CODES,
            "lot_expires_on": date(year + 1, 5, 31),
            "agreement_code": "metalworkers",
            "agreement_year": year,
        }
    )
    with clock.stopped_at(world.ago(LATER)):
        made = await programmes.create_programme(session, world.organisations[slug], wanted)
        await audit.record(session, actor(world, f"hr@{slug}.example", slug), "programme.create", "programme", made.id)


async def _load_waiting(session: AsyncSession, world: World) -> None:
    """Leave one company with a grant that waits, whole, for an announced top-up."""
    slug = "presolana-progetti"
    await _announce(session, world, slug, 10_000_000, world.ago(LATER))
    plan = Plan(
        f"Contributo nascita e cura {world.start.year + 1}, impiegati",
        "on_top",
        None,
        "impiegati",
        WAITING_CENTS_EACH,
        date(world.start.year + 1, 12, 31),
        "out_of_pocket",
    )
    await _grant(
        session, world, slug, plan, world.ago(LATER) + timedelta(hours=1), world.ago(LATER) + timedelta(hours=3)
    )
