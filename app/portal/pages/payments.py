"""What a provider is paid: settlements with their day, the bank account, and the accreditations behind them."""

from starlette.requests import Request
from starlette.responses import Response

from app.catalogue import accreditation_endpoints as accreditations
from app.catalogue import endpoints as catalogue
from app.catalogue.schemas import AccreditationCreate
from app.edge.at import At
from app.http import audiences
from app.http.filters import Days
from app.ids import SettlementId
from app.networks import endpoints as networks
from app.organisations import endpoints as organisations
from app.organisations.schemas import BankAccountCreate
from app.portal import forms
from app.portal.lists import listed
from app.portal.provider import done, draw
from app.portal.route import pages
from app.settlements import endpoints as settlements_of

provider = pages(audiences.provider_router())
YEAR = 12


@provider.page("/settlements", settlements_of.settlement_list)
async def settlements(at: At, request: Request) -> Response:
    """List the settlements, newest first, with the day on which each is paid."""
    paging = await listed(request, "-cutoff_on", limit=YEAR)
    found = await settlements_of.settlement_list(at, paging, Days(None, None))
    accounts = (await organisations.bank_account_list(at, await listed(request, "-created_at"))).data
    return draw(at, request, "settlements.html", found=found, accounts=accounts)


@provider.page("/settlements/{settlement_id}.csv", settlements_of.settlement_csv)
async def settlement_csv(at: At, settlement_id: SettlementId) -> Response:
    return await settlements_of.settlement_csv(at, settlement_id)


@provider.page("/settlements/{settlement_id}", settlements_of.settlement_get)
async def settlement(at: At, request: Request, settlement_id: SettlementId) -> Response:
    found = await settlements_of.settlement_get(at, settlement_id)
    who = await catalogue.provider_get(at, at.tenant)
    return draw(at, request, "settlement.html", settlement=found, provider=who)


@provider.page("/bank_accounts", organisations.bank_account_list)
async def bank_accounts(at: At, request: Request) -> Response:
    """Show to which account money goes, and which one waits."""
    found = await organisations.bank_account_list(at, await listed(request, "-created_at"))
    return draw(at, request, "bank_accounts.html", accounts=found.data)


@provider.form("/bank_account", organisations.bank_account_request, page="/providers/{provider_id}/bank_accounts")
async def bank_account_request(at: At, request: Request) -> Response:
    form = forms.only(await request.form(), "iban")
    await organisations.bank_account_request(at, forms.parse(BankAccountCreate, form))
    return done(at, "/bank_accounts", "account_asked")


@provider.page("/accreditations", accreditations.accreditation_list)
async def accreditation_list(at: At, request: Request) -> Response:
    """Show which alliances have accredited the provider, and ask another."""
    return draw(
        at,
        request,
        "provider_accreditations.html",
        found=(await accreditations.accreditation_list(at, await listed(request, "-created_at"))).data,
        alliances=(await networks.alliance_list(at, await listed(request, "name"))).data,
        categories=(await catalogue.category_list(await listed(request, "code"))).data,
    )


@provider.form("/accreditations", accreditations.accreditation_request, page="/providers/{provider_id}/accreditations")
async def accreditation_request(at: At, request: Request) -> Response:
    form = forms.only(await request.form(), "alliance_id", "categories[]", "valid_from", "valid_to")
    await accreditations.accreditation_request(at, forms.parse(AccreditationCreate, form))
    return done(at, "/accreditations", "accreditation_asked")
