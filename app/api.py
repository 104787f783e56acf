"""The one list of routers, in URL order, and of the modules whose jobs and sweeps the worker runs."""

from fastapi import APIRouter

from app.audit import endpoints as audit
from app.audit import jobs as audit_jobs
from app.beneficiaries import endpoints as beneficiaries
from app.beneficiaries import models as beneficiaries_models
from app.bookings import endpoints as bookings
from app.bookings import jobs as bookings_jobs
from app.bookings import models as bookings_models
from app.bookings import proof as bookings_proof
from app.bookings import provider_endpoints as provider_bookings
from app.bookings import tax_endpoints as tax
from app.capacity import endpoints as capacity
from app.capacity import proof as capacity_proof
from app.catalogue import accreditation_endpoints as accreditations
from app.catalogue import endpoints as catalogue
from app.claims import endpoints as claims
from app.claims import models as claims_models
from app.claims import proof as claims_proof
from app.credit import endpoints as credit
from app.credit import jobs as credit_jobs
from app.credit import proof as credit_proof
from app.disputes import endpoints as disputes
from app.disputes import models as disputes_models
from app.disputes import proof as disputes_proof
from app.edge import idempotency
from app.employees import endpoints as employees
from app.employees import models as employees_models
from app.events import endpoints as events
from app.events import jobs as events_jobs
from app.fringe import endpoints as fringe
from app.fringe import jobs as fringe_jobs
from app.fringe import proof as fringe_proof
from app.grants import due_endpoints as due
from app.grants import endpoints as grants
from app.grants import jobs as grants_jobs
from app.grants import mandate_endpoints as mandates
from app.grants import report_endpoints as grant_reports
from app.identity import endpoints as identity
from app.identity import jobs as identity_jobs
from app.identity import models as identity_models
from app.jobs import Sweep
from app.ledger import endpoints as ledger
from app.ledger import jobs as ledger_jobs
from app.ledger.verify import PASSES as LEDGER_PASSES
from app.ledger.verify import Pass
from app.mail import jobs as mail_jobs
from app.networks import endpoints as networks
from app.organisations import endpoints as organisations
from app.payables import proof as payables
from app.payroll import endpoints as payroll
from app.payroll import jobs as payroll_jobs
from app.payroll import models as payroll_models
from app.portal.pages import account as account_pages
from app.portal.pages import alliance as alliance_pages
from app.portal.pages import bookings as booking_pages
from app.portal.pages import care as care_pages
from app.portal.pages import claims as claim_pages
from app.portal.pages import employees as employee_pages
from app.portal.pages import fringe as fringe_pages
from app.portal.pages import grants as grant_pages
from app.portal.pages import login as login_pages
from app.portal.pages import members as member_pages
from app.portal.pages import offerings as offering_pages
from app.portal.pages import operator as operator_pages
from app.portal.pages import organisations as organisation_pages
from app.portal.pages import payments as payment_pages
from app.portal.pages import payroll as payroll_pages
from app.portal.pages import relatives as relative_pages
from app.portal.pages import sandbox as sandbox_pages
from app.portal.pages import session as session_pages
from app.portal.pages import settlement_runs as settlement_run_pages
from app.portal.pages import tax as tax_pages
from app.portal.pages import visits as visit_pages
from app.portal.pages import wallet as wallet_pages
from app.rules import endpoints as rules
from app.sandbox import endpoints as sandbox
from app.sealing import SealedColumn
from app.search import endpoints as search
from app.settlements import endpoints as settlements
from app.settlements import proof as settlements_proof
from app.territory import endpoints as territory
from app.webhooks import endpoints as webhooks
from app.webhooks import jobs as webhooks_jobs
from app.webhooks import models as webhooks_models

ROUTERS: tuple[APIRouter, ...] = (
    search.public,
    catalogue.public,
    rules.public,
    capacity.public,
    territory.public,
    networks.public,
    identity.session_routes,
    employees.session_routes,
    identity.employee,
    beneficiaries.person,
    credit.employee,
    fringe.employee,
    payroll.employee,
    employees.company,
    grant_reports.company,
    due.company,
    grants.company,
    fringe.payroll,
    payroll.payroll,
    bookings.router,
    tax.router,
    disputes.employee,
    claims.employee,
    catalogue.provider,
    provider_bookings.router,
    capacity.provider,
    settlements.provider,
    organisations.provider,
    accreditations.provider,
    identity.organisation,
    organisations.organisation,
    events.organisation,
    webhooks.organisation,
    networks.alliance,
    accreditations.alliance,
    credit.alliance,
    mandates.organisation,
    mandates.alliance,
    organisations.operator,
    networks.operator,
    accreditations.operator,
    grants.operator,
    settlements.operator,
    disputes.operator,
    claims.operator,
    ledger.operator,
    audit.operator,
)
PAGES: tuple[APIRouter, ...] = (
    care_pages.public,
    session_pages.public,
    session_pages.person,
    booking_pages.person,
    wallet_pages.person,
    tax_pages.person,
    relative_pages.person,
    claim_pages.person,
    login_pages.public,
    login_pages.person,
    account_pages.company,
    employee_pages.company,
    grant_pages.company,
    payroll_pages.company,
    payroll_pages.person,
    fringe_pages.payroll,
    member_pages.organisation,
    operator_pages.operator,
    settlement_run_pages.operator,
    claim_pages.operator,
    organisation_pages.operator,
    alliance_pages.public,
    alliance_pages.alliance,
    visit_pages.provider,
    offering_pages.provider,
    payment_pages.provider,
)
SANDBOX_ROUTERS: tuple[APIRouter, ...] = (sandbox.sandbox,)
SANDBOX_PAGES: tuple[APIRouter, ...] = (sandbox_pages.sandbox,)
JOBS = (
    events_jobs,
    audit_jobs,
    bookings_jobs,
    credit_jobs,
    fringe_jobs,
    grants_jobs,
    ledger_jobs,
    mail_jobs,
    payroll_jobs,
    identity_jobs,
    webhooks_jobs,
)
LANES = webhooks_jobs.LANES
"""Queues of what calls strangers, apart from all else: how many errands each fetcher of a worker takes at once."""
PASSES: tuple[Pass, ...] = (
    *LEDGER_PASSES,
    *capacity_proof.PASSES,
    *credit_proof.PASSES,
    *fringe_proof.PASSES,
    *payables.PASSES,
    *settlements_proof.PASSES,
    *bookings_proof.PASSES,
    *disputes_proof.PASSES,
    *claims_proof.PASSES,
)
"""What verify-ledger recomputes."""
SEALED: tuple[SealedColumn, ...] = tuple(
    sealed
    for module in (
        employees_models,
        payroll_models,
        beneficiaries_models,
        bookings_models,
        disputes_models,
        claims_models,
        identity_models,
        webhooks_models,
        idempotency,
    )
    for sealed in module.SEALED
)
"""What the secret keys must open; first what is found by its hash, which `serve` waits for."""
SWEEPS: tuple[Sweep, ...] = tuple(sweep for module in JOBS for sweep in getattr(module, "SWEEPS", ()))
