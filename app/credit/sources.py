"""Sources of credit: made and changed by whoever stands behind them (a programme, a call, a fund)."""

from dataclasses import asdict, dataclass
from uuid import UUID

from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.credit.models import (
    CreditSource,
    ExpiredCreditTo,
    FeeFunding,
    LeaversRule,
    ProgrammeSource,
    SourceKind,
    ValidityBasis,
)
from app.rules.decisions import Reading
from app.rules.rows import RuleCode


@dataclass(frozen=True, slots=True)
class SourceTerms:
    """What a source says about its credit."""

    programme_source: ProgrammeSource | None
    name: str
    rule_codes: list[RuleCode]
    categories: list[str] | None
    validity_basis: ValidityBasis
    relatives_reading: Reading
    fee_funding: FeeFunding
    expired_credit_to: ExpiredCreditTo
    leavers_rule: LeaversRule


async def create(
    session: AsyncSession,
    source_id: UUID,
    kind: SourceKind,
    terms: SourceTerms,
    *,
    funded_by_account_id: UUID,
    returns_to_account_id: UUID,
) -> None:
    """Make a source whose lots are funded from one account and return, where they may, to another."""
    await session.execute(
        insert(CreditSource).values(
            id=source_id,
            kind=kind,
            funded_by_account_id=funded_by_account_id,
            returns_to_account_id=returns_to_account_id,
            created_at=clock.now(),
            **asdict(terms),
        )
    )


async def change(session: AsyncSession, source_id: UUID, terms: SourceTerms) -> None:
    """Change a source's terms; the database refuses all but the name once there is credit."""
    await session.execute(update(CreditSource).where(CreditSource.id == source_id).values(**asdict(terms)))
