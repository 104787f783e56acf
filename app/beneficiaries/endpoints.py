"""Routes of the person's beneficiaries."""

from app.beneficiaries import actions, queries
from app.beneficiaries.schemas import BeneficiaryCreate, BeneficiaryRead
from app.edge.at import At
from app.errors import StateConflict
from app.http.audiences import employee_router
from app.http.pagination import OldestFirst
from app.http.schemas import Page
from app.ids import BeneficiaryId

person = employee_router()


@person.list("/beneficiaries", "person")
async def beneficiary_list(at: At, paging: OldestFirst) -> Page[BeneficiaryRead]:
    """List whom one may book care for: oneself and relatives, in the order entered."""
    found = await queries.beneficiaries(at.session, at.actor.user_id, paging.window)
    return paging.page(found, BeneficiaryRead.model_validate)


@person.command("/beneficiaries", "person", keyed=False, status=201, audit="beneficiary.create")
async def beneficiary_create(at: At, body: BeneficiaryCreate) -> BeneficiaryRead:
    """Add a relative; `self` exists from the start."""
    row = await actions.create_beneficiary(at.session, at.actor.user_id, body)
    return at.about(row.id, at.tagged(row.version, BeneficiaryRead.model_validate(row)))


@person.read("/beneficiaries/{beneficiary_id}", "person")
async def beneficiary_get(at: At, beneficiary_id: BeneficiaryId) -> BeneficiaryRead:
    """Show one beneficiary."""
    row = await queries.beneficiary(at.session, at.actor.user_id, beneficiary_id)
    return at.tagged(row.version, BeneficiaryRead.model_validate(row))


@person.command(
    "/beneficiaries/{beneficiary_id}/archive",
    "person",
    keyed=False,
    errors=[StateConflict],
    audit="beneficiary.archive",
)
async def beneficiary_archive(at: At, beneficiary_id: BeneficiaryId) -> BeneficiaryRead:
    """Take a relative out of lists and quotes."""
    row = await actions.archive_beneficiary(at.session, at.actor.user_id, beneficiary_id)
    return BeneficiaryRead.model_validate(row)
