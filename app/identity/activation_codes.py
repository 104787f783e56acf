"""Activation codes of employments: HR never sees one, and no number of invitations gives more tries.

Wrong codes are counted for the employment and its company over the whole time; then only the help desk helps.
"""

import hmac
import secrets
from base64 import b32encode
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.db import NOTHING, Query
from app.identity.errors import ActivationBlocked, ActivationCodeWrong

LENGTH: Final = 13
"""65 bits."""
TRIES: Final = 10
TRIES_PER_COMPANY: Final = 1_000


@dataclass(frozen=True, slots=True)
class Failures:
    """Wrong codes so far."""

    of_employment: int
    of_company: int


FAILURES = Query(Failures, "identity.activation_failures")
COUNT_FAILURE = Query(NOTHING, "identity.count_activation_failure")
FORGIVE_FAILURES = Query(NOTHING, "identity.forgive_activation_failures")


def new_code() -> str:
    return b32encode(secrets.token_bytes(10)).decode()[:LENGTH]


async def check(session: AsyncSession, company_id: UUID, employee_id: UUID, expected: str | None, given: str) -> None:
    """Refuse a wrong code, with the try counted, and any code after too many."""
    found = await FAILURES.one(session, company_id=company_id, employee_id=employee_id)
    if found.of_employment >= TRIES or found.of_company >= TRIES_PER_COMPANY:
        raise ActivationBlocked
    plain = given.replace(" ", "").replace("-", "").upper()
    if expected is None or not hmac.compare_digest(expected.encode(), plain.encode()):
        await COUNT_FAILURE.run(session, company_id=company_id, employee_id=employee_id, now=clock.real())
        raise ActivationCodeWrong


async def forgive(session: AsyncSession, company_id: UUID, employee_id: UUID) -> int:
    """Let the help desk, which knows who is on the telephone, give the tries back; tell whether there were any."""
    return await FORGIVE_FAILURES.run(session, company_id=company_id, employee_id=employee_id)
