"""What upper modules ask."""

from datetime import date

import pytest
from cryptography.exceptions import InvalidTag
from sqlalchemy.ext.asyncio import AsyncSession

from app import ids
from app.errors import NotFound
from app.organisations import queries, sealing
from tests.world import Party, World


async def test_employments_of_a_person(session: AsyncSession, world: World, company: Party) -> None:
    person = await world.employee(company)
    second = await world.company("Seriana Moto", reading="lenient")
    again = await world.employee(second, category="quadri")
    await world.execute("UPDATE employee SET user_id = :user WHERE id = :id", user=person.user_id, id=again.employee_id)
    first, other = await queries.employments_of(session, person.user_id)
    assert (first.employee_id, first.company_name, first.relatives_reading, first.category) == (
        person.employee_id, "Orobia Stampi", "strict", "operai",
    )  # fmt: skip
    assert (other.company_id, other.relatives_reading, other.hired_on, other.ended_on) == (
        second.id, "lenient", date(2020, 1, 1), None,
    )  # fmt: skip
    assert await queries.employments_of(session, ids.new_id()) == []


async def test_who_belongs_to_a_category_on_a_day(session: AsyncSession, world: World, company: Party) -> None:
    stays = await world.employee(company)
    leaves = await world.employee(company)
    await world.employee(company, category="quadri")
    await world.employee(company, hired_on=date(2026, 2, 1))
    await world.employee(await world.company())
    await world.execute("UPDATE employee SET ended_on = '2025-12-31' WHERE id = :id", id=leaves.employee_id)
    both = [stays.employee_id, leaves.employee_id]
    assert await queries.employees_in_category(session, company.id, "operai", date(2025, 12, 31)) == both
    assert await queries.employees_in_category(session, company.id, "operai", date(2026, 1, 1)) == both[:1]
    assert await queries.employees_in_category(session, company.id, "operai", date(2019, 12, 31)) == []


async def test_employees_by_what_files_name(session: AsyncSession, world: World, company: Party) -> None:
    person = await world.employee(company)
    other = await world.employee(await world.company())
    await world.execute("UPDATE employee SET external_id = '7'")
    assert await queries.employees_by_external_id(session, company.id, ["7", "8"]) == {"7": person.employee_id}
    index = await world.scalar("SELECT fiscal_code_index FROM employee WHERE id = :id", id=person.employee_id)
    found = await queries.employees_by_fiscal_code_index(session, company.id, [bytes(index), b"x"])
    assert found == {bytes(index): person.employee_id}
    absent = ids.new_id()
    asked = [person.employee_id, other.employee_id, absent]
    assert await queries.unknown_employees(session, company.id, asked) == {other.employee_id, absent}


async def test_the_reading_of_a_company(session: AsyncSession, world: World, company: Party) -> None:
    assert await queries.relatives_reading(session, company.id) == "strict"
    with pytest.raises(NotFound):
        await queries.relatives_reading(session, (await world.provider()).id)


def test_what_is_sealed_for_one_row_does_not_open_in_another() -> None:
    mine, other = ids.new_id(), ids.new_id()
    sealed = sealing.seal_fiscal_code("RCCMNL83S18D969H", mine)
    assert sealing.open_fiscal_code(sealed, mine) == "RCCMNL83S18D969H"
    with pytest.raises(InvalidTag):
        sealing.open_fiscal_code(sealed, other)
