"""Routes of the person's beneficiaries."""

from fastapi import Response

from app import ids
from app.beneficiaries import actions, queries
from app.beneficiaries.schemas import BeneficiaryCreate, BeneficiaryRead, BeneficiaryUpdate
from app.errors import StateConflict
from app.http.access import access
from app.http.audiences import employee_router
from app.http.etag import ExpectedVersion, MalformedPrecondition, set_etag
from app.http.pagination import BadCursor, PagingDep
from app.http.schemas import Page
from app.http.session import ActorDep, SessionDep

person = employee_router()
CREATED = 201


@person.get("/beneficiaries")
@access("person", errors=[BadCursor])
async def beneficiary_list(session: SessionDep, actor: ActorDep, paging: PagingDep) -> Page[BeneficiaryRead]:
    found = await queries.beneficiaries(session, actor.user_id, paging.after, paging.fetch)
    return paging.page(found, BeneficiaryRead.model_validate, lambda row: [str(row.id)])


@person.post("/beneficiaries", status_code=CREATED)
@access("person")
async def beneficiary_create(
    session: SessionDep, actor: ActorDep, body: BeneficiaryCreate, response: Response
) -> BeneficiaryRead:
    """Add a relative; `self` exists from the start."""
    row = await actions.create_beneficiary(session, actor, body)
    set_etag(response, row.version)
    return BeneficiaryRead.model_validate(row)


@person.get("/beneficiaries/{beneficiary_id}")
@access("person")
async def beneficiary_get(
    session: SessionDep, actor: ActorDep, beneficiary_id: ids.BeneficiaryId, response: Response
) -> BeneficiaryRead:
    row = await queries.beneficiary(session, actor.user_id, beneficiary_id)
    set_etag(response, row.version)
    return BeneficiaryRead.model_validate(row)


@person.patch("/beneficiaries/{beneficiary_id}")
@access("person", errors=[MalformedPrecondition])
async def beneficiary_update(
    session: SessionDep,
    actor: ActorDep,
    beneficiary_id: ids.BeneficiaryId,
    version: ExpectedVersion,
    body: BeneficiaryUpdate,
    response: Response,
) -> BeneficiaryRead:
    row = await actions.update_beneficiary(session, actor, beneficiary_id, version, body)
    set_etag(response, row.version)
    return BeneficiaryRead.model_validate(row)


@person.post("/beneficiaries/{beneficiary_id}/archive")
@access("person", errors=[StateConflict])
async def beneficiary_archive(
    session: SessionDep, actor: ActorDep, beneficiary_id: ids.BeneficiaryId
) -> BeneficiaryRead:
    """Take a relative out of lists and quotes."""
    return BeneficiaryRead.model_validate(await actions.archive_beneficiary(session, actor, beneficiary_id))
