"""What the operator keeps: organisations with their first people and accounts, networks, alliances, accreditations."""

from typing import Annotated, cast, get_args

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from app import ids
from app.catalogue import accreditation_endpoints as accreditations
from app.catalogue.schemas import OperatorAccreditationCreate
from app.edge.at import At, Place
from app.http import audiences
from app.http.schemas import Page
from app.ids import MembershipId, OrganisationId
from app.networks import endpoints as networks
from app.networks.schemas import AllianceCreate, AllianceRead, NetworkCreate
from app.organisations import endpoints as organisations
from app.organisations.models import Kind
from app.organisations.schemas import MemberInvite, OrganisationCreate, OrganisationRead, OrganisationUpdate
from app.portal import forms, render
from app.portal.lists import listed
from app.portal.route import may, pages, to

operator = pages(audiences.operator_router())
ORGANISATIONS, NETWORKS, ALLIANCES, ACCREDITATIONS, PEOPLE = (
    f"/operator/{name}" for name in ("organisations", "networks", "alliances", "accreditations", "first_people")
)
ORGANISATION = ORGANISATIONS + "/{organisation_id}"
ADDRESS = ("address.street", "address.street_number", "address.postcode", "address.town")
Text = Annotated[str | None, Query(max_length=100)]


@operator.page("/organisations", organisations.organisation_list)
async def organisation_list(at: At, request: Request, q: Text = None, kind: Text = None) -> Response:
    chosen = kind if kind in get_args(Kind) else None
    found = await organisations.organisation_list(
        at,
        await listed(request, "name", limit=25),
        q=q if q and q.strip() else None,
        kind=[cast("Kind", chosen)] if chosen else None,
    )
    return render.page(
        request,
        "organisations.html",
        found=found,
        q=q or "",
        chosen=chosen,
        writes=may(at, organisations.organisation_create),
    )


@operator.form("/organisations", organisations.organisation_create, page=ORGANISATIONS)
async def organisation_create(at: At, request: Request) -> Response:
    made = await organisations.organisation_create(at, forms.parse(OrganisationCreate, await request.form()))
    return _shown(made.id, "organisation_made")


def _shown(organisation_id: OrganisationId, done: str) -> Response:
    return to(f"{ORGANISATIONS}/{ids.encode('org', organisation_id)}", done=done)


@operator.page("/organisations/{organisation_id}", organisations.organisation_get)
async def organisation(at: At, request: Request, organisation_id: OrganisationId) -> Response:
    """Show one organisation with its accounts, and invite its first people."""
    accounts = None
    if may(at, organisations.operator_bank_account_list):
        accounts = await organisations.operator_bank_account_list(
            at, await listed(request, "-created_at"), organisation_id=organisation_id
        )
    return render.page(
        request,
        "organisation.html",
        organisation=await organisations.organisation_get(at, organisation_id),
        accounts=accounts.data if accounts else [],
        writes=may(at, organisations.organisation_update),
    )


@operator.form("/organisations/{organisation_id}", organisations.organisation_update, page=ORGANISATION)
async def organisation_update(at: At, request: Request, organisation_id: OrganisationId) -> Response:
    """Change what was typed, from the version that the page showed; what was left empty stays as it is."""
    form = await request.form()
    version = str(form.get("version", ""))
    at.expected = int(version) if version.isascii() and version.isdigit() else 0
    body = forms.parse(OrganisationUpdate, forms.only(form, "name", "iban", *ADDRESS))
    await organisations.organisation_update(at, organisation_id, body)
    return _shown(organisation_id, "saved")


@operator.form("/organisations/{organisation_id}/members", organisations.organisation_member_invite, page=ORGANISATION)
async def member_invite(at: At, request: Request, organisation_id: OrganisationId) -> Response:
    await organisations.organisation_member_invite(at, organisation_id, forms.parse(MemberInvite, await request.form()))
    return _shown(organisation_id, "invited")


@operator.page("/networks", networks.network_list)
async def network_list(at: At, request: Request) -> Response:
    found = await networks.network_list(at, await listed(request))
    writes = may(at, networks.network_create)
    return render.page(request, "networks.html", networks=found.data, writes=writes)


@operator.form("/networks", networks.network_create, page=NETWORKS)
async def network_create(at: At, request: Request) -> Response:
    await networks.network_create(at, forms.parse(NetworkCreate, await request.form()))
    return to(NETWORKS, done="saved")


@operator.page("/alliances", networks.operator_alliance_list)
async def alliance_list(at: At, request: Request) -> Response:
    found = await networks.operator_alliance_list(at, await listed(request, "name"))
    return render.page(
        request,
        "operator_alliances.html",
        alliances=found.data,
        networks=(await networks.network_list(at, await listed(request))).data,
        writes=may(at, networks.alliance_create),
    )


@operator.form("/alliances", networks.alliance_create, page=ALLIANCES)
async def alliance_create(at: At, request: Request) -> Response:
    form = await request.form()
    codes = str(form.get("municipalities", "")).replace(",", " ").split()
    asked = forms.only(form, "name", "network_id", "lead_organisation_id")
    await networks.alliance_create(at, forms.parse(AllianceCreate, asked, municipalities=codes))
    return to(ALLIANCES, done="saved")


@operator.page("/accreditations", accreditations.operator_accreditation_list)
async def accreditation_list(at: At, request: Request) -> Response:
    found = await accreditations.operator_accreditation_list(at, await listed(request, "-created_at", limit=25))
    return render.page(
        request,
        "operator_accreditations.html",
        found=found,
        alliances=(await _alliances(at, request)).data,
        providers=await _providers(at, request),
        asks=may(at, accreditations.operator_accreditation_request),
    )


async def _alliances(at: Place, request: Request) -> Page[AllianceRead]:
    return await networks.operator_alliance_list(at, await listed(request, "name"))


async def _providers(at: Place, request: Request) -> Page[OrganisationRead]:
    return await organisations.organisation_list(at, await listed(request, "name"), kind=["provider"])


@operator.form("/accreditations", accreditations.operator_accreditation_request, page=ACCREDITATIONS)
async def accreditation_request(at: At, request: Request) -> Response:
    body = forms.parse(OperatorAccreditationCreate, await request.form())
    await accreditations.operator_accreditation_request(at, body)
    return to(ACCREDITATIONS, done="accreditation_asked")


@operator.page("/first_people", networks.first_person_list)
async def first_people(at: At, request: Request) -> Response:
    """Show who leads alliances, and for whom a second person has still to vouch."""
    found = await networks.first_person_list(at, await listed(request))
    vouches = may(at, networks.first_person_vouch)
    return render.page(request, "first_people.html", people=found.data, vouches=vouches, me=at.actor.id)


@operator.form("/first_people/{membership_id}/vouch", networks.first_person_vouch, page=PEOPLE)
async def first_person_vouch(at: At, membership_id: MembershipId) -> Response:
    await networks.first_person_vouch(at, membership_id)
    return to(PEOPLE, done="vouched")
