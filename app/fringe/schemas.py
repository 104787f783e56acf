"""What goes in and out of fringe benefits."""

from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from app.clock import Instant
from app.fringe.models import FIRST_YEAR
from app.http.schemas import In, Out, example
from app.ids import EmployeeId, FringeBenefitId, OrganisationId
from app.money import MAX_CENTS

TaxYear = Annotated[int, Field(ge=FIRST_YEAR, le=2100, examples=[2026])]


def _not_zero(cents: int) -> int:
    if cents == 0:
        raise PydanticCustomError("not_zero", "an amount of 0 says nothing")
    return cents


class FringeRead(Out):
    """How much of a year's fringe benefits the person has had, and how much more the limit allows."""

    tax_year: int
    """The tax year: that of the service's day."""
    limit_cents: int
    """The year's limit: above it the whole amount is taxable, not the excess."""
    used_cents: int
    """What counts already: credit used and held, and what the employer gave besides."""
    left_cents: int
    """What the limit still has room for, in cents."""


class FringeYearRead(FringeRead):
    """A year's fringe benefits of a person from one employer."""

    company_id: OrganisationId
    """The employer."""
    company_name: str
    """The employer's name."""
    with_children: bool
    """Whether the limit is that of parents of children who depend on them for tax."""
    held_cents: int
    """The part of `used_cents` that bookings hold."""
    external_cents: int
    """The part of `used_cents` that the employer gave besides credit."""
    taxable_cents: int
    """What is taxable as things stand: nothing up to the limit, all of it above."""
    settled: bool
    """Whether the year is over and its limit settled."""


class FringeBenefitCreate(In):
    """What payroll gave an employee besides credit; a correction is another one, with a minus."""

    model_config = example(employee_id="emp_01h455vb4pex5vsknk084sn02q", tax_year=2026, amount_cents=120_00)

    employee_id: EmployeeId
    """Who got it."""
    tax_year: TaxYear
    """The tax year to which it belongs; what is given by 12 January may belong to the year before."""
    amount_cents: Annotated[int, Field(ge=-MAX_CENTS, le=MAX_CENTS, examples=[12000]), AfterValidator(_not_zero)]
    """Its value in cents; negative takes back what was posted before."""


class FringeBenefitRead(Out):
    id: FringeBenefitId
    employee_id: EmployeeId
    """Who got it."""
    external_id: str | None
    """Your own id for this employee; null when there is none."""
    given_name: str
    """The given name."""
    family_name: str
    """The family name."""
    tax_year: int
    """The tax year to which it belongs."""
    amount_cents: int
    """Its value in cents; negative takes back what was posted before."""
    created_at: Instant
    """When it was posted, in business time (UTC)."""
