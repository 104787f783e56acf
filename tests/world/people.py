"""Employees, relatives, and the fiscal codes of nobody."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import update
from stdnum.it import codicefiscale

from app import ids
from app.beneficiaries import actions as beneficiaries
from app.beneficiaries import decisions
from app.beneficiaries import queries as beneficiary_queries
from app.beneficiaries.schemas import BeneficiaryCreate
from app.employees import queries as employee_queries
from app.employees.employments import created
from app.employees.models import Employee
from app.employees.queries import EmployeeRow
from app.employees.schemas import EmployeeCreate
from tests.world.base import START
from tests.world.given import ALBINO, EMPLOYEE, RELATIVE, sent
from tests.world.parties import Parties, Party

BORN = date(1985, 5, 1)


@dataclass(frozen=True)
class Person:
    """An employee with a login and a `self` beneficiary."""

    user_id: UUID
    employee_id: UUID
    beneficiary_id: UUID
    company_id: UUID
    headers: dict[str, str]
    category: str = "operai"
    number: int = 0
    """Tells fiscal codes apart: the same person has the same everywhere."""


def fiscal_code(number: int, born: date = BORN) -> str:
    """Return a fiscal code that is well formed and nobody's."""
    letters = "".join(chr(ord("A") + number // 26**place % 26) for place in range(6))
    plain = f"{letters}{born.year % 100:02}{'ABCDEHLMPRST'[born.month - 1]}{born.day:02}A163"
    return plain + str(codicefiscale.calc_check_digit(plain))


class People(Parties):
    """Hires people and makes their families."""

    async def employee(self, company: Party, *, istat_code: str = ALBINO, **fields: Any) -> Person:
        number, category = self._next(), fields.setdefault("category", "operai")
        async with self.work(at=START) as session:
            user_id, headers = await self._login(session, f"employee{number}@example.test")
        (employee_id,) = await self._hire(company, [number], user_id, **fields)
        beneficiary_id = await self.beneficiary(user_id, "self", BORN, istat_code=istat_code)
        return Person(user_id, employee_id, beneficiary_id, company.id, headers, category, number)

    async def employments(
        self, company: Party, count: int, *, category: str = "operai", logins: bool = False
    ) -> list[UUID]:
        """Hire many new people in one statement, without logins, or with some that nobody is logged in by."""
        hired = await self._hire(company, [self._next() for _ in range(count)], category=category)
        if logins:
            await self.execute(
                # The product makes a login by mail, link and slow hash only.
                "WITH made AS (INSERT INTO user_account (id, email, password_hash, created_at) SELECT id,"
                " id || '@example.test', '!', created_at FROM employee WHERE id = ANY (:ids) RETURNING id)"
                " UPDATE employee SET user_id = made.id FROM made WHERE employee.id = made.id", ids=hired,
            )  # fmt: skip
        return hired

    async def second_job(self, person: Person, company: Party) -> Person:
        """Hire the same person elsewhere too."""
        hired = await self._hire(company, [person.number], person.user_id, category=person.category)
        return replace(person, employee_id=hired[0], company_id=company.id)

    async def _hire(
        self, company: Party, numbers: Sequence[int], user_id: UUID | None = None, **fields: Any
    ) -> list[UUID]:
        rows = [_employment(number, fields) for number in numbers]
        async with self.work("beatrice_hr", at=START) as session:
            await employee_queries.insert(session, company.id, rows)
        if user_id is not None:
            async with self.work(at=START) as session:
                # What accepting the mailed invitation does to the row.
                joined = update(Employee).where(Employee.id.in_([row.id for row in rows]))
                await session.execute(joined.values(user_id=user_id))
        return [row.id for row in rows]

    async def beneficiary(
        self,
        user_id: UUID,
        relation: str,
        birth_date: date,
        *,
        istat_code: str | None = ALBINO,
        cohabitation: str = "[]",
    ) -> UUID:
        """A relative, or with the relation `self` the person."""
        fields = {"birth_date": birth_date, "cohabitation": json.loads(cohabitation)}
        address = RELATIVE["address"] | {"istat_code": istat_code} if istat_code else None
        kin = "parent" if relation == "self" else relation
        wanted = sent(BeneficiaryCreate, RELATIVE, relation=kin, address=address, **fields)
        async with self.work(at=START) as session:
            if relation != "self":
                return (await beneficiaries.create_beneficiary(session, user_id, wanted)).id
            # Accepting an invitation makes it without an address.
            own = replace(decisions.created(wanted, ids.new_id()), relation="self")
            await beneficiary_queries.add(session, user_id, own)
            return own.id

    async def mother(self, person: Person) -> UUID:
        """Eighty years old, and living with her daughter."""
        cohabitation = json.dumps(RELATIVE["cohabitation"])
        return await self.beneficiary(person.user_id, "parent", date(1946, 3, 1), cohabitation=cohabitation)


def _employment(number: int, fields: dict[str, Any]) -> EmployeeRow:
    own = {"family_name": f"Esempio{number}", "fiscal_code": fiscal_code(26**5 + number), "hired_on": START.date()}
    return created(sent(EmployeeCreate, EMPLOYEE | own, **fields), ids.new_id())
