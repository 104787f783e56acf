"""Loads every module's tables, so that metadata is complete."""

import importlib

MODULES = (
    "app.edge.idempotency",
    "app.events.models",
    "app.audit.models",
    "app.mail.models",
    "app.ledger.models",
    "app.identity.models",
    "app.territory.models",
    "app.organisations.models",
    "app.networks.models",
    "app.beneficiaries.models",
    "app.employees.models",
    "app.payroll.models",
    "app.catalogue.models",
    "app.credit.models",
    "app.fringe.models",
    "app.capacity.models",
    "app.grants.models",
    "app.payables.models",
    "app.settlements.models",
    "app.bookings.models",
    "app.disputes.models",
    "app.claims.models",
    "app.webhooks.models",
)


def load_models() -> None:
    for name in MODULES:
        importlib.import_module(name)
