"""Every act on money, roles and keys asks for a fresh proof of who holds the session, or says here why it need not."""

from tests.test_architecture import routes

CONCERN = {
    "money": {
        "bank_accounts", "claims", "disputes", "fee_approvals", "fees", "grant_approvals", "grants", "payroll",
        "provider", "settings", "setting_confirmations", "settlement_approvals", "settlement_runs",
        "mandated_grants", "top_up_confirmations", "top_ups",
    },
    "who takes credit": {"accreditation_requests", "alliance"},
    "roles": {"approval_mandates", "members", "organisations", "role_confirmations"},
    "keys": {"api_keys", "webhooks"},
}  # fmt: skip
"""The nouns of permissions."""
ASKS = "asks only: another person, who proves herself, decides"
EXEMPT = {
    "accreditation_request": ASKS,
    "fringe_benefit_create": "a fact of the company's own books; it moves no money, a correction is a line of its own",
    "grant_create": ASKS,
    "grant_revoke": ASKS,
    "grant_withdraw_revocation": "takes back what was only asked",
    "operator_accreditation_request": ASKS,
    "payroll_cause_code_write": "what the company's own program calls a line",
    "provider_update": "telephone, e-mail and description",
    "top_up_cancel": "takes back an announcement",
    "top_up_create": "announces a bank transfer",
    "webhook_delivery_redeliver": "tells the same once more",
    "webhook_endpoint_delete": "nothing is told any more",
    "webhook_endpoint_test": "tells of nothing",
}


def test_acts_on_money_roles_and_keys_ask_for_a_fresh_proof() -> None:
    nouns = set().union(*CONCERN.values())
    acts = [route for route in routes() if route.access.permission.endswith(":write")]
    concerned = {str(route.operation_id): route for route in acts if route.access.permission.split(":")[0] in nouns}
    assert {name for name, route in concerned.items() if route.access.step_up is None} == set(EXEMPT)
    # In a role, never of the person alone: a second factor goes with it.
    assert {route.access.step_up for name, route in concerned.items() if name not in EXEMPT} == {"role"}


def test_what_is_left_is_neither_money_nor_role_nor_key() -> None:
    """A new noun is looked at before it is said to be none of them."""
    nouns = {route.access.permission.split(":")[0] for route in routes() if route.access.permission.endswith(":write")}
    left = {"bookings", "catalogue", "employees", "programmes", "sandbox"}
    assert nouns - set().union(*CONCERN.values()) == left
