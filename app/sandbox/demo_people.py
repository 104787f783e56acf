"""The demo's people: 2,000 employees with their logins, themselves and some relatives as beneficiaries."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from stdnum.it import codicefiscale

from app import sealing
from app.beneficiaries.details import DETAILS, seal_details
from app.beneficiaries.models import Beneficiary
from app.employees.models import Employee
from app.identity.models import User
from app.sandbox.demo_data import CompanyEntry, Generation, names, parties
from app.sandbox.demo_parties import World, user_row
from app.sandbox.demo_rows import SEED, Row, make_id, write

MONTHS = "ABCDEHLMPRST"
VOWELS = "AEIOU"
AT_HOME = 60
"""Employees of each company who live in the lower valley and may have bookings."""
WITH_RELATIVES = 120
OLD = 70
SHARE_OF_WOMEN = 0.45
"""As in such firms."""
LETTERS = 3
"""Of each name in a fiscal code."""
IN_DETAILS = ("phone", "street", "postcode")
PLAIN = str.maketrans("ÀÈÉÌÒÙ", "AEEIOU")


@dataclass(frozen=True)
class Human:
    """A name, a birth and the fiscal code that follows."""

    given_name: str
    family_name: str
    female: bool
    born_on: date
    fiscal_code: str


@dataclass(frozen=True)
class Relative:
    """Somebody an employee cares for."""

    relation: str
    age: int
    facts: dict[str, object]
    female: bool | None = None


def _lives_with() -> dict[str, object]:
    return {"cohabitation": [{"from": "2020-01-01", "to": None}]}


def _child(age: int) -> Relative:
    return Relative("child", age, _lives_with())


NOT_SELF_SUFFICIENT = {
    "certificates": [{"kind": "non_self_sufficient", "valid_from": "2025-03-01", "valid_to": None}],
}
FAMILIES: tuple[tuple[Relative, ...], ...] = (
    (Relative("spouse", 38, _lives_with()), _child(2)),
    (Relative("parent", 82, _lives_with(), female=True),),
    (Relative("parent", 78, {}, female=True),),
    (_child(7), _child(11)),
    (Relative("parent", 72, {**_lives_with(), **NOT_SELF_SUFFICIENT}),),
    (Relative("parent_in_law", 84, _lives_with()), _child(5)),
)
"""The family of employee n is the one at n modulo 6: a mother living alone qualifies in the lenient reading only."""
FIRST_FAMILY = (
    Relative("parent", 80, _lives_with(), female=True),
    _child(4),
    _child(9),
    Relative("spouse", 45, _lives_with()),
)


def family_of(company: str, number: int) -> tuple[Relative, ...]:
    """Return the relatives that an employee has registered."""
    if company == "orobia-stampi" and number == 1:
        return FIRST_FAMILY
    return FAMILIES[number % len(FAMILIES)] if number <= WITH_RELATIVES else ()


def employee_id(company: str, number: int) -> UUID:
    return make_id("employee", company, number, order=number)


def beneficiary_id(company: str, number: int, position: int) -> UUID:
    """Return the id of the person (position 0) or of a relative (from 1, in the family's order)."""
    return make_id("beneficiary", company, number, position, order=position)


async def load(session: AsyncSession, world: World) -> int:
    """Write the employees of every company; return how many."""
    draw = random.Random(SEED)  # noqa: S311 - the same draw every time is the point
    taken: set[str] = set()
    users: list[Row] = []
    employees: list[Row] = []
    beneficiaries: list[Row] = []
    for company in parties().company:
        slug = company.slug
        for number, category in enumerate(_categories(company), start=1):
            age = draw.randint(36, 45) if number <= WITH_RELATIVES else draw.randint(21, 63)
            human = _human(draw, world, age, taken)
            users.append(user_row(world, f"employee{number}@{slug}.example", 1000 + len(users)))
            employees.append(_employee(world, draw, company, number, category, human))
            beneficiaries += _household(world, draw, slug, number, human, taken)
    await write(session, User, users)
    await write(session, Employee, employees)
    await write(session, Beneficiary, beneficiaries)
    return len(employees)


def _categories(company: CompanyEntry) -> Iterator[str]:
    for category, count in company.categories.items():
        for _ in range(count):
            yield category


def _human(
    draw: random.Random,
    world: World,
    age: int,
    taken: set[str],
    *,
    family_name: str | None = None,
    generation: Generation = "adult",
    female: bool | None = None,
) -> Human:
    """Draw a person of an age today whose fiscal code nobody else has."""
    if female is None:
        female = draw.random() < SHARE_OF_WOMEN
    pool = names().given(generation, female=female)
    while True:
        given, family = draw.choice(pool), family_name or draw.choice(names().family)
        born = _years_before(world.start.date(), age) - timedelta(days=draw.randrange(1, 300))
        code = fiscal_code(given, family, born, draw.choice(list(world.places.values())).cadastral_code, female=female)
        if code not in taken:
            taken.add(code)
            return Human(given, family, female, born, code)


def _years_before(day: date, years: int) -> date:
    return day.replace(year=day.year - years, day=min(day.day, 28))


def fiscal_code(given_name: str, family_name: str, born_on: date, cadastral_code: str, *, female: bool) -> str:
    """Return the codice fiscale that these facts give (DM 23 December 1976)."""
    consonants = [letter for letter in given_name.upper().translate(PLAIN) if letter not in VOWELS]
    if len(consonants) > LETTERS:  # of four and more the second is left out
        consonants.pop(1)
    day = born_on.day + (40 if female else 0)
    stem = (
        _three(family_name)
        + ("".join(consonants[:LETTERS]) if len(consonants) >= LETTERS else _three(given_name))
        + f"{born_on.year % 100:02d}{MONTHS[born_on.month - 1]}{day:02d}{cadastral_code}"
    )
    return stem + str(codicefiscale.calc_check_digit(stem))


def _three(name: str) -> str:
    letters = [letter for letter in name.upper().translate(PLAIN) if letter.isalpha()]
    first = [letter for letter in letters if letter not in VOWELS] + [letter for letter in letters if letter in VOWELS]
    return "".join(first)[:LETTERS].ljust(LETTERS, "X")


def _employee(
    world: World, draw: random.Random, company: CompanyEntry, number: int, category: str, human: Human
) -> Row:
    row_id = employee_id(company.slug, number)
    last_year = world.start.year - 1
    fixed_term = number % 17 == 0
    return {
        "id": row_id,
        "company_id": world.organisations[company.slug],
        "user_id": world.users[f"employee{number}@{company.slug}.example"],
        "given_name": human.given_name,
        "family_name": human.family_name,
        "sealed_fiscal_code": sealing.seal_fiscal_code(human.fiscal_code, row_id),
        "fiscal_code_index": sealing.fiscal_code_index(human.fiscal_code),
        "external_id": f"{company.code}{number:04d}",
        "category": category,
        "hired_on": date(draw.randint(min(last_year, human.born_on.year + 20), last_year), draw.randint(1, 12), 1),
        "contract": "fixed_term" if fixed_term else "permanent",
        "contract_ends_on": date(world.start.year + 1, 6, 30) if fixed_term else None,
        "unpaid_leave": [],
        "agreement_code": "C011" if category != "quadri" else None,
        "created_at": world.founded,
    }


def _household(
    world: World, draw: random.Random, company: str, number: int, human: Human, taken: set[str]
) -> Iterator[Row]:
    """Give the person and the relatives, at one address where they live together."""
    first = company == "orobia-stampi" and number == 1
    lower = [code for code, place in world.places.items() if place.district == "Albino"]
    home = "016004" if first else draw.choice(lower if number <= AT_HOME else list(world.places))
    address = _address(world, draw, home)
    user_id = world.users[f"employee{number}@{company}.example"]
    person = {"created_at": world.founded, "user_id": user_id, "phone": f"+39 035 0001 {number:03d}", **address}
    yield _beneficiary(beneficiary_id(company, number, 0), "self", human, person, {})
    for position, relative in enumerate(family_of(company, number), start=1):
        family_name = human.family_name if relative.relation in {"child", "parent"} else None
        adult: Generation = "old" if relative.age > OLD else "adult"
        generation = "children" if relative.relation == "child" else adult
        female = not human.female if relative.relation == "spouse" else relative.female
        other = _human(draw, world, relative.age, taken, family_name=family_name, generation=generation, female=female)
        lives_here = "cohabitation" in relative.facts
        where = person if lives_here else {**person, **_address(world, draw, draw.choice(lower))}
        facts = dict(relative.facts)
        if relative.relation == "child":
            facts["dependent_years"] = [world.start.year - 1, world.start.year]
        yield _beneficiary(beneficiary_id(company, number, position), relative.relation, other, where, facts)


def _address(world: World, draw: random.Random, istat_code: str) -> dict[str, str]:
    street = f"{draw.choice(names().streets)} {draw.randint(1, 80)}"
    return {"street": street, "postcode": world.places[istat_code].postcode, "istat_code": istat_code}


def _beneficiary(row_id: UUID, relation: str, human: Human, where: Row, facts: dict[str, object]) -> Row:
    notes = "Suonare due volte, scala B." if relation in {"parent", "parent_in_law"} else None
    details = {"birth_date": human.born_on, **{name: where[name] for name in IN_DETAILS}, **facts}
    return {
        "id": row_id,
        **{name: value for name, value in where.items() if name not in IN_DETAILS},
        "relation": relation,
        "given_name": human.given_name,
        "family_name": human.family_name,
        "sealed_fiscal_code": sealing.seal_fiscal_code(human.fiscal_code, row_id),
        "sealed_access_notes": sealing.seal_access_notes(notes, row_id) if notes else None,
        "sealed_details": seal_details(DETAILS.validate_python(details), row_id),
    }
