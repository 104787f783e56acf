"""Company and operator routes of grants."""

from typing import Annotated

from fastapi import Depends, Query, Response

from app.config import settings
from app.edge.at import At, Place
from app.errors import AlreadyResolved, Invalid, NotFound, StateConflict
from app.files.errors import ImportRefused, NotCsv, TooManyRows
from app.grants import due, grant_csv, grants, programmes, queries, revocations, top_ups
from app.grants.due_schemas import (
    GrantDrafted,
)
from app.grants.errors import (
    AgreementGivenAlready,
    AmountDiffers,
    AmountsIdentify,
    ApproverIsMaker,
    ConfirmerIsFirst,
    ProgrammeArchived,
    ProgrammeEnded,
    ProgrammeInUse,
)
from app.grants.models import EntryKind, GeneralityReason, GrantStatus, TopUp, TopUpStatus
from app.grants.queries import CompanyEntry, RevocationRow
from app.grants.schemas import (
    ENTRY_PREFIXES,
    CompanyEntryRead,
    CompanyFundsRead,
    GrantCreate,
    GrantLineRead,
    GrantRead,
    GrantRevoke,
    OperatorTopUpRead,
    PayeeRead,
    ProgrammeCreate,
    ProgrammeRead,
    ProgrammeUpdate,
    RevocationApproved,
    RevocationRead,
    TopUpConfirm,
    TopUpCreate,
    TopUpRead,
)
from app.http.audiences import company_router, operator_router
from app.http.filters import DaysDep, ExternalId, Words, any_of, containing
from app.http.json_or_csv import JsonOrCsv
from app.http.pagination import NewestFirst, Paging, ordered
from app.http.schemas import Name, Page
from app.ids import EmployeeId, GrantId, OrganisationId, ProgrammeId, TopUpId, encode
from app.rules.errors import RulesNotSigned

company = company_router()
operator = operator_router()

Reference = Annotated[str | None, Query(min_length=1, max_length=64, description="as the transfer names it")]
GRANT_BODY_BYTES = 5_000_000
GRANT_BODY = JsonOrCsv(GrantCreate, csv_example="matricola;importo\nOS0001;250,00\n")


@company.read("/account", "account:read")
async def account_get(at: At) -> CompanyFundsRead:
    """Show the company's balance, what it put into credit, what waits for money, and when returns are next posted."""
    return CompanyFundsRead.model_validate(await top_ups.money_of(at.session, at.tenant))


@company.list("/account/entries", "account:read")
async def account_entry_list(
    at: At,
    paging: Annotated[Paging, Depends(ordered("-happened_at", "happened_at"))],
    days: DaysDep,
    kind: Annotated[list[EntryKind] | None, Query(description="may be repeated")] = None,
) -> Page[CompanyEntryRead]:
    """List the movements on the company's account, newest first: what came back is one sum a period."""
    found = await queries.COMPANY_ENTRIES.page(
        at.session, paging.window, company_id=at.tenant, kinds=any_of(kind), happened_from=days.start,
        happened_before=days.end,
    )  # fmt: skip
    return paging.page(found, _entry)


def _entry(row: CompanyEntry) -> CompanyEntryRead:
    return CompanyEntryRead(
        id=encode(ENTRY_PREFIXES[row.kind], row.id),
        kind=row.kind,
        amount_cents=row.amount_cents,
        happened_at=row.happened_at,
    )


@company.list("/top_ups", "top_ups:read")
async def top_up_list(
    at: At,
    paging: NewestFirst,
    days: DaysDep,
    status: Annotated[list[TopUpStatus] | None, Query(description="may be repeated")] = None,
    payment_reference: Reference = None,
    external_id: ExternalId = None,
) -> Page[TopUpRead]:
    """List announced bank transfers, newest first; days are those of the announcement."""
    found = await queries.top_ups_of(
        at.session, at.tenant, paging.window, statuses=any_of(status), payment_reference=payment_reference,
        external_id=external_id, announced_from=days.start, announced_before=days.end,
    )  # fmt: skip
    payee = await _payee(at)
    return paging.page(found, lambda row: _top_up(row, payee))


@company.command("/top_ups", "top_ups:write", status=201, audit="top_up.create")
async def top_up_create(at: At, body: TopUpCreate) -> TopUpRead:
    """Announce a bank transfer; name its payment reference in it."""
    row = await top_ups.announce_top_up(
        at.session, at.actor, at.tenant, body.amount_cents, external_id=body.external_id, metadata=body.metadata
    )
    return at.about(row.id, _top_up(row, await _payee(at)))


@company.read("/top_ups/{top_up_id}", "top_ups:read")
async def top_up_get(at: At, top_up_id: TopUpId) -> TopUpRead:
    """Show one announced bank transfer."""
    row = await queries.top_up_of(at.session, at.tenant, top_up_id)
    if row is None:
        raise NotFound
    return _top_up(row, await _payee(at))


@company.command("/top_ups/{top_up_id}/cancel", "top_ups:write", errors=[AlreadyResolved], audit="top_up.cancel")
async def top_up_cancel(at: At, top_up_id: TopUpId) -> TopUpRead:
    """Take back an announced bank transfer that will not be made; 409 once somebody saw it arrive."""
    row = await top_ups.cancel_top_up(at.session, at.actor, at.tenant, top_up_id)
    return _top_up(row, await _payee(at))


async def _payee(at: Place) -> PayeeRead | None:
    name = await queries.PAYEE_NAME.maybe(at.session)
    return None if name is None else PayeeRead(name=name, iban=settings().operator_iban)


def _top_up(row: TopUp, payee: PayeeRead | None) -> TopUpRead:
    return TopUpRead(
        id=row.id,
        status=row.status,
        amount_cents=row.amount_cents,
        payment_reference=row.payment_reference,
        created_at=row.created_at,
        resolved_at=row.resolved_at,
        payee=payee,
        external_id=row.external_id,
        metadata=row.metadata_,
    )


@company.list("/programmes", "programmes:read")
async def programme_list(
    at: At,
    paging: Annotated[Paging, Depends(ordered("-created_at", "created_at", "name", "-name"))],
    q: Words = None,
    external_id: ExternalId = None,
    archived: Annotated[bool | None, Query(description="true: those put away; false: all others")] = None,
) -> Page[ProgrammeRead]:
    """List programmes, newest first."""
    found = await queries.PROGRAMMES.page(
        at.session, paging.window, company_id=at.tenant, words=containing(q), external_id=external_id,
        archived=archived,
    )  # fmt: skip
    return paging.page(found, ProgrammeRead.model_validate)


@company.command("/programmes", "programmes:write", keyed=False, status=201, audit="programme.create")
async def programme_create(at: At, body: ProgrammeCreate) -> ProgrammeRead:
    """Make a programme: where its credit comes from, who gets it, what it may pay, how it ends."""
    row = await programmes.create_programme(at.session, at.tenant, body)
    return at.about(row.id, at.tagged(row.version, ProgrammeRead.model_validate(row)))


@company.read("/programmes/{programme_id}", "programmes:read")
async def programme_get(at: At, programme_id: ProgrammeId) -> ProgrammeRead:
    """Show one programme."""
    row = await queries.PROGRAMME.maybe(at.session, company_id=at.tenant, id=programme_id)
    if row is None:
        raise NotFound
    return at.tagged(row.version, ProgrammeRead.model_validate(row))


@company.change(
    "/programmes/{programme_id}",
    "programmes:write",
    errors=[ProgrammeInUse, ProgrammeEnded],
    audit="programme.update",
)
async def programme_update(at: At, programme_id: ProgrammeId, body: ProgrammeUpdate) -> ProgrammeRead:
    """Change a programme; once a grant uses it, only its name, and its last day to a later one.

    A later last day holds for all credit that the programme gave and that was not revoked.
    """
    row = await programmes.update_programme(at.session, at.tenant, programme_id, body, at.expected)
    return at.tagged(row.version, ProgrammeRead.model_validate(row))


@company.command(
    "/programmes/{programme_id}/archive",
    "programmes:write",
    keyed=False,
    errors=[StateConflict],
    audit="programme.archive",
)
async def programme_archive(at: At, programme_id: ProgrammeId) -> ProgrammeRead:
    """Put a programme away: no new grant is drafted for it; what it gave, and drafts that wait, stand."""
    row = await programmes.archive_programme(at.session, at.tenant, programme_id, away=True)
    return at.tagged(row.version, ProgrammeRead.model_validate(row))


@company.command(
    "/programmes/{programme_id}/restore",
    "programmes:write",
    keyed=False,
    errors=[StateConflict],
    audit="programme.restore",
)
async def programme_restore(at: At, programme_id: ProgrammeId) -> ProgrammeRead:
    """Bring back a programme that was put away."""
    row = await programmes.archive_programme(at.session, at.tenant, programme_id, away=False)
    return at.tagged(row.version, ProgrammeRead.model_validate(row))


@company.command(
    "/grants",
    "grants:write",
    status=201,
    rehearses=True,
    body="json_or_csv",
    max_bytes=GRANT_BODY_BYTES,
    errors=[ProgrammeArchived, ProgrammeEnded, AmountsIdentify, RulesNotSigned, ImportRefused, NotCsv, TooManyRows],
    audit="grant.create",
    responses={200: {"model": GrantDrafted, "description": "What a dry run found; nothing was stored"}},
)
async def grant_create(
    at: At,
    body: Annotated[GrantCreate | bytes, Depends(GRANT_BODY)],
    response: Response,
    *,
    dry_run: Annotated[bool, Query(description="only check: answers 200 and stores nothing")] = False,
    programme_id: Annotated[
        ProgrammeId | None, Query(description="the programme, for a CSV file; JSON names it in the body")
    ] = None,
    generality_reason: Annotated[
        GeneralityReason | None, Query(description="why amounts differ, for a CSV file; JSON names it in the body")
    ] = None,
    generality_note: Annotated[
        Name | None, Query(description="the reason in your own words, for a CSV file; JSON names it in the body")
    ] = None,
) -> GrantDrafted:
    """Draft a grant for another person to approve; a dry run (200, id null) stores nothing.

    A programme of a collective agreement gives only to whom the agreement owes its credit: `each_cents` leaves the
    others out and says why (`left_out`), a line for one of them is refused with the reason as its code.

    JSON carries everything in the body. A CSV file (5 MB, 20,000 rows at most) has the columns `external_id` or
    `fiscal_code`, and `amount` in euro; `programme_id`, `generality_reason` and `generality_note` are query parameters
    then, and only then.
    """
    pointers: list[str] | None = None
    if isinstance(body, bytes):
        if programme_id is None:
            raise Invalid("/query/programme_id", "missing", "a CSV file needs the programme")
        lines, pointers = await grant_csv.read_lines(at.session, at.tenant, body)
        body = GrantCreate(
            programme_id=programme_id,
            lines=lines,
            generality_reason=generality_reason,
            generality_note=generality_note,
        )
    elif programme_id is not None or generality_reason is not None or generality_note is not None:
        raise Invalid("/query", "extra_forbidden", "with JSON the programme and the reason stand in the body")
    row = await grants.create_grant(at.session, at.actor, at.tenant, body, dry_run=dry_run, pointers=pointers)
    shown, language = GrantRead.model_validate(row), at.language
    grant = GrantDrafted(**shown.__dict__, left_out=[due.left_out(one, language) for one in row.left_out])
    if dry_run:
        response.status_code, grant.id = 200, None
        return grant
    return at.about(row.id, grant)


@company.list("/grants", "grants:read")
async def grant_list(
    at: At,
    paging: NewestFirst,
    days: DaysDep,
    status: Annotated[list[GrantStatus] | None, Query(description="may be repeated")] = None,
    programme_id: Annotated[ProgrammeId | None, Query(description="of this programme only")] = None,
    external_id: ExternalId = None,
) -> Page[GrantRead]:
    """List grants, newest first; days are those of the draft."""
    found = await queries.GRANTS.page(
        at.session, paging.window, company_id=at.tenant, statuses=any_of(status), programme_id=programme_id,
        external_id=external_id, drafted_from=days.start, drafted_before=days.end,
    )  # fmt: skip
    return paging.page(found, GrantRead.model_validate)


@company.read("/grants/{grant_id}", "grants:read")
async def grant_get(at: At, grant_id: GrantId) -> GrantRead:
    """Show one grant."""
    row = await grants.grant_of(at.session, at.tenant, grant_id)
    return at.tagged(row.version, GrantRead.model_validate(row))


@company.list("/grants/{grant_id}/lines", "grants:read")
async def grant_line_list(
    at: At,
    grant_id: GrantId,
    paging: Annotated[Paging, Depends(ordered("employee_id", "-employee_id", "amount_cents", "-amount_cents"))],
    employee_id: Annotated[EmployeeId | None, Query(description="of this employee only")] = None,
) -> Page[GrantLineRead]:
    """List who gets how much from a grant, by employee; never what became of it."""
    await grants.grant_of(at.session, at.tenant, grant_id)
    found = await queries.LINES.page(
        at.session, paging.window, company_id=at.tenant, grant_id=grant_id, employee_id=employee_id
    )
    return paging.page(found, GrantLineRead.model_validate)


@company.command(
    "/grants/{grant_id}/approve",
    "grant_approvals:write",
    errors=[ApproverIsMaker, StateConflict, ProgrammeEnded, AmountsIdentify, AgreementGivenAlready],
    audit="grant.approve",
    step_up="role",
)
async def grant_approve(at: At, grant_id: GrantId) -> GrantRead:
    """Approve a grant as another person than its maker: all lots at once, or it waits for money."""
    return GrantRead.model_validate(await grants.approve_grant(at.session, at.actor, at.tenant, grant_id))


@company.command("/grants/{grant_id}/revoke", "grants:write", errors=[StateConflict], audit="grant.revoke")
async def grant_revoke(at: At, grant_id: GrantId, body: GrantRevoke) -> GrantRead:
    """Cancel a grant that is not active; of an active one ask for its revocation, which another person approves."""
    return GrantRead.model_validate(await revocations.revoke_grant(at.session, at.actor, at.tenant, grant_id, body))


@company.command(
    "/grants/{grant_id}/approve_revocation",
    "grant_approvals:write",
    errors=[ApproverIsMaker, StateConflict],
    audit="grant.approve_revocation",
    step_up="role",
)
async def grant_approve_revocation(at: At, grant_id: GrantId) -> RevocationApproved:
    """Revoke as another person than the one who asked: use ends now, grace credit included; the people are told."""
    revoked_lots = await revocations.approve_revocation(at.session, at.actor, at.tenant, grant_id)
    return RevocationApproved(revoked_lots=revoked_lots)


@company.command(
    "/grants/{grant_id}/withdraw_revocation", "grants:write", errors=[StateConflict], audit="grant.withdraw_revocation"
)
async def grant_withdraw_revocation(at: At, grant_id: GrantId) -> GrantRead:
    """Take back a revocation that was asked for and not approved."""
    return GrantRead.model_validate(await revocations.withdraw_revocation(at.session, at.tenant, grant_id))


@company.list("/grants/{grant_id}/revocations", "grants:read")
async def grant_revocation_list(at: At, grant_id: GrantId, paging: NewestFirst) -> Page[RevocationRead]:
    """List what was asked, approved or withdrawn about a grant, newest first."""
    await grants.grant_of(at.session, at.tenant, grant_id)
    found = await queries.REVOCATIONS.page(at.session, paging.window, company_id=at.tenant, grant_id=grant_id)
    return paging.page(found, _revocation)


def _revocation(row: RevocationRow) -> RevocationRead:
    return RevocationRead(
        id=row.id,
        reason=row.reason,
        employee_ids=None if row.whole else row.employee_ids,
        asked_at=row.asked_at,
        approved_at=row.approved_at,
        withdrawn_at=row.withdrawn_at,
    )


@operator.list("/top_ups", "operator_top_ups:read")
async def operator_top_up_list(
    at: At,
    paging: NewestFirst,
    days: DaysDep,
    status: Annotated[list[TopUpStatus] | None, Query(description="may be repeated")] = None,
    company_id: Annotated[OrganisationId | None, Query(description="of this company only")] = None,
    payment_reference: Reference = None,
) -> Page[OperatorTopUpRead]:
    """List announced bank transfers of all companies, newest first; days are those of the announcement."""
    found = await queries.OPERATOR_TOP_UPS.page(
        at.session, paging.window, statuses=any_of(status), company_id=company_id,
        payment_reference=payment_reference, announced_from=days.start, announced_before=days.end,
    )  # fmt: skip
    return paging.page(found, OperatorTopUpRead.model_validate)


@operator.command(
    "/top_ups/{top_up_id}/confirm",
    "top_up_confirmations:write",
    errors=[AlreadyResolved, AmountDiffers, ConfirmerIsFirst],
    audit="top_up.confirm",
    step_up="role",
)
async def top_up_confirm(at: At, top_up_id: TopUpId, body: TopUpConfirm | None = None) -> OperatorTopUpRead:
    """Credit a bank transfer that arrived; waiting grants that now fit become active, oldest first.

    Above 10,000.00 euro, or where one company's transfers of seven days that one person confirmed exceed it, the first
    call answers `confirming` and nothing is credited: another person's call confirms.
    """
    seen_cents = None if body is None else body.amount_cents
    row = await top_ups.confirm_top_up(at.session, at.actor, top_up_id, seen_cents)
    return OperatorTopUpRead.model_validate(row)


@operator.command(
    "/top_ups/{top_up_id}/return",
    "top_up_confirmations:write",
    errors=[AlreadyResolved],
    audit="top_up.return",
    step_up="role",
)
async def top_up_return(at: At, top_up_id: TopUpId) -> OperatorTopUpRead:
    """Note that an announced bank transfer never came, or went back."""
    return OperatorTopUpRead.model_validate(await top_ups.return_top_up(at.session, at.actor, top_up_id))
