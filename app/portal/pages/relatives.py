"""The people whom the person cares for."""

from itertools import zip_longest

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app import ids
from app.beneficiaries import endpoints as relatives
from app.beneficiaries.schemas import BeneficiaryCreate, BeneficiaryUpdate
from app.edge.at import At, Place
from app.http import audiences
from app.ids import BeneficiaryId
from app.portal import forms, render, towns
from app.portal.lists import listed
from app.portal.pages import choosing
from app.portal.route import pages, to

person = pages(audiences.employee_router())
LIST = "/me/beneficiaries"
TOWN = "municipality"
CLEARED = ("fiscal_code", "phone", "access_notes")
"""What may be left empty."""


@person.page("/beneficiaries", relatives.beneficiary_list)
async def beneficiaries(at: At, request: Request) -> Response:
    found = await relatives.beneficiary_list(at, await listed(request))
    return render.page(
        request,
        "relatives.html",
        relatives=found.data,
        towns=(await towns.names(at, request)).values(),
        chosen=choosing.chosen(request),
    )


@person.form("/beneficiaries", relatives.beneficiary_create, page=LIST)
async def beneficiary_create(at: At, request: Request) -> Response:
    form = await request.form()
    known = {"address": await _address(at, request, form), "cohabitation": _rows(form, "from", "to")}
    added = await relatives.beneficiary_create(at, forms.parse(BeneficiaryCreate, _plain(form), **known))
    way = choosing.of_form(form)
    if way.offering:
        return RedirectResponse(way.at(beneficiary_id=ids.encode("ben", added.id), done="relative_added"), 303)
    return to(LIST, done="relative_added")


@person.page("/beneficiaries/{beneficiary_id}", relatives.beneficiary_get)
async def beneficiary(at: At, request: Request, beneficiary_id: BeneficiaryId) -> Response:
    one = await relatives.beneficiary_get(at, beneficiary_id)
    known = await towns.names(at, request)
    town = known.get(one.address.istat_code, one.address.istat_code) if one.address else ""
    chosen = choosing.chosen(request)
    return render.page(request, "relative.html", one=one, town=town, towns=known.values(), chosen=chosen)


@person.form("/beneficiaries/{beneficiary_id}", relatives.beneficiary_update, page=LIST + "/{beneficiary_id}")
async def beneficiary_update(at: At, request: Request, beneficiary_id: BeneficiaryId) -> Response:
    """Change what the page shows, from the version that it showed; a day cleared takes its line away."""
    form = await request.form()
    at.expected = forms.version(form)
    certificates = [{"kind": "non_self_sufficient", **row} for row in _rows(form, "valid_from", "valid_to")]
    known: dict[str, object] = {name: str(form.get(name, "")).strip() or None for name in CLEARED}
    known |= {"address": await _address(at, request, form)}
    known |= {"cohabitation": _rows(form, "from", "to"), "certificates": certificates}
    await relatives.beneficiary_update(at, beneficiary_id, forms.parse(BeneficiaryUpdate, _plain(form), **known))
    way = choosing.of_form(form)
    if way.offering:
        return RedirectResponse(way.at(beneficiary_id=ids.encode("ben", beneficiary_id), done="saved"), 303)
    return to(f"{LIST}/{ids.encode('ben', beneficiary_id)}", done="saved")


def _plain(form: FormData) -> FormData:
    return forms.only(form, "given_name", "family_name", "relation", "birth_date", "phone")


def _rows(form: FormData, first: str, last: str) -> list[dict[str, str]]:
    """Return the lines of two days each whose first day is there."""
    pairs = zip_longest(form.getlist(first), form.getlist(last))
    return [{first: str(one), **({last: str(other)} if other else {})} for one, other in pairs if one]


async def _address(at: Place, request: Request, form: FormData) -> dict[str, str] | None:
    """Return the address with its municipality found by its name; none where no street was given."""
    names = ("address.street", "address.postcode", TOWN, "town_shown", "code_shown")
    street, postcode, town, shown, code = (str(form.get(name, "")).strip() for name in names)
    if not street:
        return None
    if not code or town != shown:
        code = await towns.code_of(at, request, town, TOWN)
    return {"street": street, "postcode": postcode, "istat_code": code}


@person.form("/beneficiaries/{beneficiary_id}/archive", relatives.beneficiary_archive, page=LIST)
async def beneficiary_archive(at: At, beneficiary_id: BeneficiaryId) -> Response:
    await relatives.beneficiary_archive(at, beneficiary_id)
    return to(LIST, done="relative_archived")
