"""The to-do list of operator and finance, and what two people do: top-ups, accounts, fees, disputes, settings."""

from collections.abc import Sequence
from typing import Annotated, TypeVar, cast, get_args

from fastapi import Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from app import clock
from app.audit import endpoints as audit
from app.catalogue import accreditation_endpoints as accreditations
from app.catalogue import endpoints as catalogue
from app.claims import endpoints as claims
from app.disputes import endpoints as disputes
from app.disputes.models import DisputeStatus
from app.disputes.schemas import DisputeResolve
from app.edge.at import At, Place
from app.errors import Invalid
from app.grants import endpoints as grants
from app.grants.models import TopUpStatus
from app.grants.schemas import TopUpConfirm
from app.http import audiences
from app.http.filters import Days
from app.http.schemas import In, Page
from app.ids import BankAccountId, DisputeId, FeeRuleId, SettingValueId, TopUpId
from app.ledger import endpoints as ledger
from app.networks import endpoints as networks
from app.networks.schemas import SettingRead, SettingValueCreate
from app.organisations import endpoints as organisations
from app.organisations.models import BankAccountStatus
from app.organisations.schemas import OrganisationRead
from app.portal import forms, render
from app.portal.lists import listed
from app.portal.route import may, pages, to
from app.settlements import endpoints as settlements
from app.settlements.models import RunStatus
from app.settlements.schemas import FeeRuleCreate

operator = pages(audiences.operator_router())
EVER = Days(None, None)
TOP_UPS, ACCOUNTS, FEES, SETTINGS = (
    f"/operator/{name}" for name in ("top_ups", "bank_accounts", "fee_rules", "settings")
)
DISPUTE = "/operator/disputes/{dispute_id}"
MOST = 25
Status = Annotated[str | None, Query(max_length=20)]
SCOPES = {"net": "network_id", "all": "alliance_id", "org": "organisation_id", "prg": "programme_id"}
"""Which field of a setting an id belongs to, by how it begins."""
Row = TypeVar("Row")


@operator.page("", grants.operator_top_up_list)
async def to_do(at: At, request: Request) -> Response:
    """Show what waits for somebody, with how much of it there is."""
    return render.page(request, "operator.html", waiting=await _waiting(at, request))


async def _waiting(at: Place, request: Request) -> dict[str, int]:
    """Count what waits, of that which the caller may see."""
    one = await listed(request, "-created_at", limit=1, count=True)
    found = {
        "top_ups": _total(await grants.operator_top_up_list(at, one, EVER, status=["pending", "confirming"])),
    }
    if may(at, organisations.operator_bank_account_list):
        found["bank_accounts"] = _total(await organisations.operator_bank_account_list(at, one, status=["pending"]))
    if may(at, settlements.settlement_run_list):
        waiting: dict[str, RunStatus] = {"runs": "closed", "files": "approved"}
        for name, status in waiting.items():
            found[name] = _total(await settlements.settlement_run_list(at, one, EVER, status=[status]))
    if may(at, disputes.operator_dispute_list):
        found["disputes"] = _total(await disputes.operator_dispute_list(at, one, EVER, status=["open"]))
    if may(at, settlements.fee_rule_list):
        rules = await settlements.fee_rule_list(at, await listed(request, "-created_at"))
        found["fee_rules"] = sum(rule.status == "draft" for rule in rules.data)
    if may(at, networks.setting_value_list):
        said = await networks.setting_value_list(at, await listed(request, "-created_at"))
        found["settings"] = sum(row.needs_second and row.confirmed_by is None for row in said.data)
    if may(at, accreditations.operator_accreditation_list):
        asked = await accreditations.operator_accreditation_list(at, one, status=["requested"])
        found["accreditations"] = _total(asked)
    if may(at, networks.first_person_list):
        people = await networks.first_person_list(at, await listed(request))
        found["first_people"] = sum(not person.stands for person in people.data)
    return found | await _claims_waiting(at, request)


async def _claims_waiting(at: Place, request: Request) -> dict[str, int]:
    one = await listed(request, "-created_at", limit=1, count=True)
    found = {}
    if may(at, claims.operator_claim_list):
        found["claims"] = _total(await claims.operator_claim_list(at, one, status=["submitted"]))
    if may(at, claims.claim_run_list):
        found["claim_runs"] = _total(await claims.claim_run_list(at, one, status=["closed"]))
    return found


def _total(found: Page[Row]) -> int:
    return found.total or 0


@operator.page("/top_ups", grants.operator_top_up_list)
async def top_ups(at: At, request: Request, status: Status = None) -> Response:
    """Show announced bank transfers; whoever saw one first does not confirm it again."""
    chosen = status if status in get_args(TopUpStatus) else None
    wanted = [cast("TopUpStatus", chosen)] if chosen else None
    found = await grants.operator_top_up_list(at, await listed(request, "-created_at", limit=MOST), EVER, status=wanted)
    return render.page(request, "operator_top_ups.html", found=found, chosen=chosen, me=at.actor.id)


@operator.form("/top_ups/{top_up_id}/confirm", grants.top_up_confirm, page=TOP_UPS)
async def top_up_confirm(at: At, request: Request, top_up_id: TopUpId) -> Response:
    row = await grants.top_up_confirm(at, top_up_id, forms.parse(TopUpConfirm, await request.form()))
    return to(TOP_UPS, done="top_up_seen" if row.status == "confirming" else "top_up_confirmed")


@operator.form("/top_ups/{top_up_id}/return", grants.top_up_return, page=TOP_UPS)
async def top_up_return(at: At, top_up_id: TopUpId) -> Response:
    await grants.top_up_return(at, top_up_id)
    return to(TOP_UPS, done="top_up_returned")


@operator.page("/bank_accounts", organisations.operator_bank_account_list)
async def bank_accounts(at: At, request: Request, status: Status = None) -> Response:
    chosen = status if status in get_args(BankAccountStatus) else None
    found = await organisations.operator_bank_account_list(
        at,
        await listed(request, "-created_at", limit=MOST),
        status=[cast("BankAccountStatus", chosen)] if chosen else None,
    )
    return render.page(request, "operator_bank_accounts.html", found=found, chosen=chosen, me=at.actor.id)


@operator.form("/bank_accounts/{account_id}/approve", organisations.bank_account_approve, page=ACCOUNTS)
async def bank_account_approve(at: At, account_id: BankAccountId) -> Response:
    await organisations.bank_account_approve(at, account_id)
    return to(ACCOUNTS, done="account_approved")


@operator.form("/bank_accounts/{account_id}/reject", organisations.bank_account_reject, page=ACCOUNTS)
async def bank_account_reject(at: At, account_id: BankAccountId) -> Response:
    await organisations.bank_account_reject(at, account_id)
    return to(ACCOUNTS, done="account_rejected")


@operator.page("/fee_rules", settlements.fee_rule_list)
async def fee_rules(at: At, request: Request) -> Response:
    """Show fee rules, drafts first, and let one be drafted."""
    found = await settlements.fee_rule_list(at, await listed(request, "-created_at"))
    providers = await _providers(at, request)
    return render.page(
        request,
        "operator_fee_rules.html",
        found=sorted(found.data, key=lambda rule: rule.status != "draft"),
        providers=providers,
        names={row.id: row.name for row in providers.data} if providers else {},
        categories=(await catalogue.category_list(await listed(request, "code"))).data,
        me=at.actor.id,
        writes=may(at, settlements.fee_rule_create),
        approves=may(at, settlements.fee_rule_approve),
    )


async def _providers(at: Place, request: Request) -> Page[OrganisationRead] | None:
    if not may(at, organisations.organisation_list):
        return None
    return await organisations.organisation_list(at, await listed(request, "name"), kind=["provider"])


@operator.form("/fee_rules", settlements.fee_rule_create, page=FEES)
async def fee_rule_create(at: At, request: Request) -> Response:
    """Draft a rule; a percentage with two decimals is read as euro are, and counts hundredths as well."""
    form = await request.form()
    amounts = _amounts(form, "percent_bps", "fixed_cents", "min_cents", "max_cents")
    await settlements.fee_rule_create(at, forms.parse(FeeRuleCreate, form, **amounts))
    return to(FEES, done="fee_rule_drafted")


def _amounts(form: forms.Typed, *names: str) -> dict[str, object]:
    """Return what was typed into these fields, in hundredths; what was left empty is absent."""
    read = {name: forms.cents(form, name) for name in names}
    return {name: value for name, value in read.items() if value is not None}


@operator.form("/fee_rules/{rule_id}/approve", settlements.fee_rule_approve, page=FEES)
async def fee_rule_approve(at: At, rule_id: FeeRuleId) -> Response:
    await settlements.fee_rule_approve(at, rule_id)
    return to(FEES, done="fee_rule_approved")


@operator.page("/disputes", disputes.operator_dispute_list)
async def dispute_list(at: At, request: Request, status: Status = "open") -> Response:
    chosen = status if status in get_args(DisputeStatus) else None
    wanted = [cast("DisputeStatus", chosen)] if chosen else None
    found = await disputes.operator_dispute_list(
        at, await listed(request, "decide_by", limit=MOST), EVER, status=wanted
    )
    return render.page(request, "operator_disputes.html", found=found, chosen=chosen)


@operator.page("/disputes/{dispute_id}", disputes.operator_dispute_get)
async def dispute(at: At, request: Request, dispute_id: DisputeId) -> Response:
    found = await disputes.operator_dispute_get(at, dispute_id)
    return render.page(request, "operator_dispute.html", dispute=found)


@operator.form("/disputes/{dispute_id}/resolve", disputes.dispute_resolve, page=DISPUTE)
async def dispute_resolve(at: At, request: Request, dispute_id: DisputeId) -> Response:
    form = await request.form()
    decided = forms.parse(DisputeResolve, form, **_amounts(form, "refund_cents"))
    await disputes.dispute_resolve(at, dispute_id, decided)
    return to("/operator/disputes", done="dispute_resolved")


@operator.page("/ledger/trial_balance", ledger.trial_balance_get)
async def trial_balance(at: At, request: Request) -> Response:
    return render.page(request, "trial_balance.html", balance=await ledger.trial_balance_get(at))


class Asked(In):
    """What the audit trail is filtered by."""

    actor_id: Annotated[str, Field(pattern=r"^(usr|key)_[0-7][0-9a-z]{25}$")] | None = None
    action: Annotated[str, Field(max_length=64)] | None = None
    object_id: Annotated[str, Field(pattern=r"^[a-z]{3}_[0-7][0-9a-z]{25}$")] | None = None
    date_from: clock.Day | None = None
    date_to: clock.Day | None = None


@operator.page("/audit_events", audit.audit_event_list)
async def audit_events(at: At, request: Request) -> Response:
    """Show who did, read or was refused what."""
    refused, status = None, 200
    try:
        asked = forms.parse(Asked, forms.only(request.query_params, *Asked.model_fields))
    except Invalid as error:
        refused, status, asked = forms.Refused(error), error.status, Asked()
    first, last = asked.date_from, asked.date_to
    if first and last:
        first, last = min(first, last), max(first, last)
    found = await audit.audit_event_list(
        at,
        await listed(request, "-created_at", limit=50),
        Days(first, last),
        asked.actor_id,
        asked.action,
        asked.object_id,
    )
    return render.page(request, "audit_events.html", status=status, found=found, asked=asked, refused=refused)


@operator.page("/settings", networks.setting_list)
async def settings(at: At, request: Request, name: Annotated[str | None, Query(max_length=40)] = None) -> Response:
    """Show what is in force on the whole platform, what waits for a second person, and the form of a chosen one."""
    rows = (await networks.setting_list(at, await listed(request, "name"))).data
    said = await networks.setting_value_list(at, await listed(request, "-created_at"))
    return render.page(
        request,
        "settings.html",
        settings=rows,
        said=said.data,
        chosen=_chosen(request, rows, name),
        units={row.name: row.unit for row in rows},
        me=at.actor.id,
        writes=may(at, networks.setting_value_create),
        confirms=may(at, networks.setting_value_confirm),
    )


def _chosen(request: Request, rows: Sequence[SettingRead], name: str | None) -> SettingRead | None:
    refused: forms.Refused | None = getattr(request.state, "refused", None)
    wanted = refused.values.get("name", [None])[0] if refused else name
    return next((row for row in rows if row.name == wanted), None)


@operator.form("/settings", networks.setting_value_create, page=SETTINGS)
async def setting_value_create(at: At, request: Request) -> Response:
    """Set a value: euro and percentages as people type them; the object's id says at which level."""
    form = await request.form()
    known: dict[str, object] = {"value": None}
    if str(form.get("value", "")).strip():
        known = _amounts(form, "value") if str(form.get("name", "")).endswith(("_cents", "_bps")) else {}
    if scope := str(form.get("scope", "")).strip():
        if (field := SCOPES.get(scope[:3])) is None:
            raise Invalid("/scope", "type_id", "the id of a network, an alliance, an organisation or a programme")
        known[field] = scope
    asked = forms.parse(SettingValueCreate, forms.only(form, "name", "value", "reason", "valid_from"), **known)
    row = await networks.setting_value_create(at, asked)
    return to(SETTINGS, done="setting_waits" if row.needs_second else "saved")


@operator.form("/settings/{value_id}/confirm", networks.setting_value_confirm, page=SETTINGS)
async def setting_value_confirm(at: At, value_id: SettingValueId) -> Response:
    await networks.setting_value_confirm(at, value_id)
    return to(SETTINGS, done="saved")
