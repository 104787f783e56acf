"""Routes about parties and their members: operator and organisation."""

from typing import Annotated

from fastapi import Depends, Query

from app.edge.at import At
from app.edge.permissions import REGISTRAR, OrganisationRole
from app.errors import AlreadyResolved, StateConflict
from app.http.audiences import operator_router, organisation_router, provider_router
from app.http.filters import ExternalId, Words, any_of, containing
from app.http.pagination import NewestFirst, OldestFirst, Paging, ordered
from app.http.schemas import Page
from app.identity.errors import ReasonNeeded
from app.identity.invitations import open_invitations
from app.ids import BankAccountId, InvitationId, MembershipId, OrganisationId
from app.organisations import actions, bank_accounts, members, onboarding, queries
from app.organisations.errors import AccountApproverIsMaker, IbanOnHold, LastAdministrator, TaxCodeTaken
from app.organisations.models import BankAccountStatus, Kind, Organisation
from app.organisations.queries import AccountState, BankAccountRow
from app.organisations.schemas import (
    AddressRead,
    BankAccountCreate,
    BankAccountRead,
    IbanStatus,
    InvitationRead,
    MemberInvite,
    MemberInvited,
    MemberRead,
    OrganisationCreate,
    OrganisationRead,
    OrganisationUpdate,
    SecondFactorRemovalRead,
)

operator = operator_router()
organisation = organisation_router()
provider = provider_router()


def _iban_status(account: AccountState) -> IbanStatus | None:
    if account.iban is None:
        return None if account.waiting is None else "on_hold"
    return "in_force" if account.waiting is None else "changing"


def _account_read(row: BankAccountRow) -> BankAccountRead:
    return BankAccountRead.model_validate(row)


def _read(row: Organisation, account: AccountState) -> OrganisationRead:
    return OrganisationRead(
        id=row.id,
        name=row.name,
        kinds=row.kinds,
        tax_code=row.tax_code,
        iban=account.iban or account.waiting,
        iban_status=_iban_status(account),
        address=None if row.street is None else AddressRead.model_validate(row),
        external_id=row.external_id,
        metadata=row.metadata_,
        version=row.version,
        created_at=row.created_at,
    )


@operator.list("/organisations", "organisations:read")
async def organisation_list(
    at: At,
    paging: Annotated[Paging, Depends(ordered("created_at", "-created_at", "name", "-name"))],
    q: Words = None,
    kind: Annotated[list[Kind] | None, Query(description="one of its kinds; may be repeated")] = None,
    tax_code: Annotated[str | None, Query(min_length=1, max_length=32, description="with this tax code")] = None,
    external_id: ExternalId = None,
) -> Page[OrganisationRead]:
    """List legal parties, oldest first."""
    found = await queries.organisations(
        at.session, paging.window, words=q, kinds=any_of(kind), tax_code=tax_code, external_id=external_id
    )
    accounts = await queries.accounts_of(at.session, [row.id for row in found.rows])
    return paging.page(found, lambda row: _read(row, accounts[row.id]))


@operator.command(
    "/organisations", "organisations:write", keyed=False, status=201, errors=[TaxCodeTaken], step_up="role"
)
async def organisation_create(at: At, body: OrganisationCreate) -> OrganisationRead:
    """Admit a legal party with the accounts its kinds need; its first administrator is invited separately."""
    row = await onboarding.create_organisation(at.session, at.actor, body)
    return at.tagged(row.version, _read(row, await queries.account_of(at.session, row.id)))


@operator.read("/organisations/{organisation_id}", "organisations:read")
async def organisation_get(at: At, organisation_id: OrganisationId) -> OrganisationRead:
    """Show one organisation with its bank account."""
    row = await queries.organisation(at.session, organisation_id)
    return at.tagged(row.version, _read(row, await queries.account_of(at.session, row.id)))


@operator.change("/organisations/{organisation_id}", "organisations:write", errors=[IbanOnHold], step_up="role")
async def organisation_update(at: At, organisation_id: OrganisationId, body: OrganisationUpdate) -> OrganisationRead:
    """Change name, address, references; an IBAN given here waits until another person has approved it."""
    row = await actions.update_organisation(at.session, at.actor, organisation_id, at.expected_version, body)
    return at.tagged(row.version, _read(row, await queries.account_of(at.session, row.id)))


@operator.list("/bank_accounts", "bank_accounts:read")
async def operator_bank_account_list(
    at: At,
    paging: NewestFirst,
    status: Annotated[list[BankAccountStatus] | None, Query(description="may be repeated")] = None,
    organisation_id: Annotated[OrganisationId | None, Query(description="of this organisation")] = None,
) -> Page[BankAccountRead]:
    """List requested, approved and rejected bank accounts of all organisations, newest first."""
    found = await queries.bank_accounts(
        at.session, paging.window, organisation_id=organisation_id, statuses=any_of(status)
    )
    return paging.page(found, _account_read)


@operator.command(
    "/bank_accounts/{account_id}/approve",
    "bank_accounts:write",
    keyed=False,
    errors=[AlreadyResolved, AccountApproverIsMaker],
    audit="bank_account.approve",
    step_up="role",
)
async def bank_account_approve(at: At, account_id: BankAccountId) -> BankAccountRead:
    """Approve a requested account as another person than who asked; it is paid to from `effective_at` on."""
    return _account_read(await bank_accounts.approve_account(at.session, at.actor, account_id))


@operator.command(
    "/bank_accounts/{account_id}/reject",
    "bank_accounts:write",
    keyed=False,
    errors=[AlreadyResolved],
    audit="bank_account.reject",
    step_up="role",
)
async def bank_account_reject(at: At, account_id: BankAccountId) -> BankAccountRead:
    """Stop an account that waits, also an approved one that is not yet paid to."""
    return _account_read(await bank_accounts.reject_account(at.session, at.actor, account_id))


@provider.command(
    "/bank_account",
    "provider:write",
    made_in="/v1/providers/{provider_id}/bank_accounts",
    keyed=False,
    status=201,
    errors=[IbanOnHold],
    step_up="role",
)
async def bank_account_request(at: At, body: BankAccountCreate) -> BankAccountRead:
    """Ask to be paid to another account: the operator approves it, and it is used 72 hours later at the earliest."""
    return _account_read(await bank_accounts.request_account(at.session, at.actor, at.tenant, body.iban))


@provider.list("/bank_accounts", "settlements:read")
async def bank_account_list(at: At, paging: NewestFirst) -> Page[BankAccountRead]:
    """List the accounts that the provider was or wants to be paid to, newest first."""
    found = await queries.bank_accounts(at.session, paging.window, organisation_id=at.tenant)
    return paging.page(found, _account_read)


@operator.command(
    "/organisations/{organisation_id}/members",
    "organisations:write",
    made_in="/v1/organisations/{organisation_id}/members",
    keyed=False,
    status=201,
    errors=[ReasonNeeded],
    step_up="role",
)
async def organisation_member_invite(at: At, organisation_id: OrganisationId, body: MemberInvite) -> MemberInvited:
    """Invite an organisation's first administrator."""
    await members.invite_member(
        at.session, at.actor, organisation_id, body.email, body.roles, bootstrap=True, reason=body.reason
    )
    return MemberInvited(email=body.email, roles=body.roles)


@organisation.list("/members", "members:read")
async def member_list(
    at: At,
    paging: Annotated[Paging, Depends(ordered("created_at", "-created_at", "email", "-email"))],
    q: Annotated[str | None, Query(min_length=1, max_length=100, description="a part of the e-mail address")] = None,
    role: Annotated[list[OrganisationRole] | None, Query(description="may be repeated")] = None,
) -> Page[MemberRead]:
    """List who has which role here, one row per role."""
    found = await queries.members(at.session, at.tenant, paging.window, roles=any_of(role), words=containing(q))
    return paging.page(found, MemberRead.model_validate)


@organisation.command("/members", "members:write", keyed=False, status=201, errors=[ReasonNeeded], step_up="role")
async def member_invite(at: At, body: MemberInvite) -> MemberInvited:
    """Invite somebody to roles of this organisation; the answer does not tell whether the address has a login."""
    bootstrap = REGISTRAR in at.actor.roles
    await members.invite_member(
        at.session, at.actor, at.tenant, body.email, body.roles, bootstrap=bootstrap, reason=body.reason
    )
    return MemberInvited(email=body.email, roles=body.roles)


@organisation.command(
    "/members/{membership_id}/end", "members:write", keyed=False, errors=[LastAdministrator], step_up="role"
)
async def member_end(at: At, membership_id: MembershipId) -> MemberRead:
    """End one role of one person, from the next request on."""
    return MemberRead.model_validate(await members.end_member(at.session, at.actor, at.tenant, membership_id))


@organisation.command(
    "/members/{membership_id}/confirm", "role_confirmations:write", keyed=False, errors=[StateConflict], step_up="role"
)
async def member_confirm(at: At, membership_id: MembershipId) -> MemberRead:
    """Let an approving role (`hr_approver`, `finance`) take effect before its time; only another who has it may."""
    return MemberRead.model_validate(await members.confirm_role(at.session, at.actor, at.tenant, membership_id))


@organisation.command(
    "/members/{membership_id}/remove_second_factor",
    "members:write",
    keyed=False,
    errors=[StateConflict],
    step_up="role",
)
async def member_remove_second_factor(at: At, membership_id: MembershipId) -> SecondFactorRemovalRead:
    """Ask that a member's lost second factor be taken away, or approve what another person asked for.

    It goes a day later, or once approved, with the next new password that she sets by a mailed link.
    """
    removal = await members.remove_second_factor(at.session, at.actor, at.tenant, membership_id)
    return SecondFactorRemovalRead(
        user_id=removal.user_id,
        status="asked" if removal.approved_by is None else "approved",
        effective_at=removal.effective_at,
    )


@organisation.list("/invitations", "members:read")
async def invitation_list(
    at: At,
    paging: OldestFirst,
    q: Annotated[str | None, Query(min_length=1, max_length=100, description="a part of the e-mail address")] = None,
) -> Page[InvitationRead]:
    """List the invitations to roles that may still be accepted, by whom they were sent."""
    found = await open_invitations(at.session, at.tenant, q, paging.window)
    return paging.page(found, InvitationRead.model_validate)


@organisation.command(
    "/invitations/{invitation_id}/withdraw", "members:write", keyed=False, errors=[StateConflict], step_up="role"
)
async def invitation_withdraw(at: At, invitation_id: InvitationId) -> InvitationRead:
    """Withdraw an invitation: its link works no more."""
    row = await members.withdraw_invitation(at.session, at.actor, at.tenant, invitation_id)
    return InvitationRead.model_validate(row)
