"""The one table role -> permissions; API-key scopes use the same words."""

from typing import Literal, get_args

OrganisationRole = Literal[
    "hr",
    "hr_approver",
    "payroll",
    "manager",
    "staff",
    "coordinator",
    "care_manager",
    "observer",
    "operator",
    "finance",
    "admin",
]
ScopeKind = Literal["organisation", "alliance", "network", "platform"]
ROLES_OF_SCOPE: dict[ScopeKind, frozenset[OrganisationRole]] = {
    "organisation": frozenset(get_args(OrganisationRole)),
    "alliance": frozenset({"coordinator", "care_manager", "observer"}),
    "network": frozenset({"coordinator", "observer"}),
    "platform": frozenset({"operator", "finance"}),
}
"""Which roles there are in which scope; the database's `roles_in` says who has them, the CHECK refuses others."""
PERSON = frozenset({"public", "session", "person"})

ROLE_PERMISSIONS: dict[OrganisationRole, frozenset[str]] = {
    "hr": frozenset(
        {
            "employees:read",
            "employees:write",
            "account:read",
            "top_ups:read",
            "top_ups:write",
            "programmes:read",
            "programmes:write",
            "grants:read",
            "grants:write",
            # Another HR person may approve; that it is another one is checked by the action and the database.
            "grant_approvals:write",
            "role_confirmations:write",
            "events:read",
        }
    ),
    "hr_approver": frozenset(
        {
            "employees:read",
            "account:read",
            "top_ups:read",
            "programmes:read",
            "grants:read",
            "grant_approvals:write",
            "role_confirmations:write",
            "events:read",
        }
    ),
    # What HR may not read: per person by legal basis. No key carries it.
    "payroll": frozenset({"employees:read", "account:read", "payroll:read", "payroll:write"}),
    "manager": frozenset(
        {
            "provider:read",
            "provider:write",
            "catalogue:read",
            "catalogue:write",
            "bookings:read",
            "bookings:write",
            "settlements:read",
            "members:read",
            "members:write",
            "api_keys:read",
            "api_keys:write",
            "webhooks:read",
            "webhooks:write",
            "events:read",
        }
    ),
    "staff": frozenset({"provider:read", "catalogue:read", "bookings:read", "bookings:write", "events:read"}),
    "coordinator": frozenset(
        {"alliance:read", "alliance:write", "solidarity_fund:read", "mandated_grants:read", "mandated_grants:write"}
    ),
    "care_manager": frozenset({"alliance:read"}),
    "observer": frozenset({"alliance:read"}),
    "operator": frozenset(
        {
            "organisations:read",
            "organisations:write",
            "top_up_confirmations:write",
            "operator_top_ups:read",
            "fees:read",
            "fees:write",
            "settings:read",
            "settings:write",
            "setting_confirmations:write",
            "settlement_runs:read",
            "settlement_runs:write",
            "settlement_approvals:write",
            "bank_accounts:read",
            "bank_accounts:write",
            "accreditation_requests:write",
            "fee_approvals:write",
            "disputes:read",
            "disputes:write",
            "claims:read",
            "claims:write",
            "trial_balance:read",
            "audit:read",
            "role_confirmations:write",
            "sandbox:read",
            "sandbox:write",
        }
    ),
    "finance": frozenset(
        {
            "organisations:read",
            "top_up_confirmations:write",
            "operator_top_ups:read",
            "fees:read",
            "settings:read",
            "setting_confirmations:write",
            "settlement_runs:read",
            "settlement_runs:write",
            "settlement_approvals:write",
            "bank_accounts:read",
            "bank_accounts:write",
            "fee_approvals:write",
            "trial_balance:read",
            "audit:read",
            "role_confirmations:write",
        }
    ),
    # Every organisation's administrator keeps its members, keys and webhooks; HR and managers are the usual ones.
    "admin": frozenset(
        {
            "members:read",
            "members:write",
            "api_keys:read",
            "api_keys:write",
            "webhooks:read",
            "webhooks:write",
            # Not whoever operates, as the way to first members is: an approver is the company's own choice.
            "approval_mandates:write",
        }
    ),
}

SECOND_FACTOR_ROLES: frozenset[OrganisationRole] = frozenset(
    {"hr", "hr_approver", "payroll", "finance", "operator", "coordinator", "manager", "admin"}
)
"""Nothing is done in one of these without a code of the second factor: not even read (decision 0027)."""

APPROVING_ROLES = frozenset[OrganisationRole]({"hr", "hr_approver", "operator", "finance"})
"""They take effect after a while, unless another who has the role confirms them: nobody makes an approver at will.

HR and whoever operates approve what another of them has drafted; the very first person of an organisation is `hr` or
`operator` at once, for there is nobody yet whose second she could be (decision 0027).
"""
REGISTRAR = "registrar"
"""What the operator is in an organisation where it has no role: no membership, only a way to its first members."""
REGISTRAR_PERMISSIONS = frozenset({"members:read", "members:write"})

API_KEY_SCOPES = frozenset(
    {
        "employees:read",
        "employees:write",
        "account:read",
        "top_ups:read",
        "top_ups:write",
        "programmes:read",
        "grants:read",
        "grants:write",
        "provider:read",
        "catalogue:read",
        "catalogue:write",
        "bookings:read",
        "bookings:write",
        "settlements:read",
        "events:read",
    }
)
"""What a key may carry: never an approval, a member or another key, which need a person."""

ALL_PERMISSIONS = frozenset().union(PERSON, *ROLE_PERMISSIONS.values())


def permissions_of(roles: frozenset[str]) -> frozenset[str]:
    if REGISTRAR in roles:
        return REGISTRAR_PERMISSIONS
    return frozenset().union(*(granted for role, granted in ROLE_PERMISSIONS.items() if role in roles))
