"""What upper modules ask."""

from datetime import date, timedelta
from itertools import product

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app import ids, sealing
from app.employees.employments import is_employed
from app.employees.queries import employments_of
from tests.world import Party, World


async def test_employments_of_a_person(session: AsyncSession, world: World, company: Party) -> None:
    person = await world.employee(company)
    second = await world.company("Seriana Moto")
    await world.execute("UPDATE company SET relatives_reading = 'lenient' WHERE organisation_id = :id", id=second.id)
    again = await world.employee(second, category="quadri")
    await world.execute("UPDATE employee SET user_id = :user WHERE id = :id", user=person.user_id, id=again.employee_id)
    first, other = await employments_of(session, person.user_id)
    assert (first.employee_id, first.company_name, first.relatives_reading, first.category) == (
        person.employee_id, "Orobia Stampi", "strict", "operai",
    )  # fmt: skip
    assert (other.company_id, other.relatives_reading, other.hired_on, other.ended_on) == (
        second.id, "lenient", date(2020, 1, 1), None,
    )  # fmt: skip
    assert await employments_of(session, ids.new_id()) == []


def test_what_is_sealed_for_one_row_does_not_open_in_another() -> None:
    mine, other = ids.new_id(), ids.new_id()
    sealed = sealing.seal_fiscal_code("RCCMNL83S18D969H", mine)
    assert sealing.open_fiscal_code(sealed, mine) == "RCCMNL83S18D969H"
    with pytest.raises(sealing.Unreadable):
        sealing.open_fiscal_code(sealed, other)


async def test_who_is_employed_is_one_rule(session: AsyncSession) -> None:
    """Python and SQL, over every order of hiring, end and day."""
    days = [date(2026, 11, 22) + timedelta(days=number) for number in range(3)]
    cases = list(product(days, [*days, None], days))
    answers = [is_employed(*case) for case in cases]
    assert [await session.scalar(select(func.is_employed(*case))) for case in cases] == answers
    assert [case for case, answer in zip(cases, answers, strict=True) if answer and case[0] == days[1]] == [
        (days[1], days[1], days[1]), (days[1], days[2], days[1]), (days[1], days[2], days[2]),
        (days[1], None, days[1]), (days[1], None, days[2]),
    ]  # fmt: skip
