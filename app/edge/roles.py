"""Which roles and key scopes make sense in which kind of organisation."""

from collections.abc import Iterable
from typing import Final

from app.edge.permissions import API_KEY_SCOPES, ROLES_OF_SCOPE, OrganisationRole, permissions_of

ADMIN: Final = "admin"
ROLES_OF_KIND: dict[str, frozenset[OrganisationRole]] = {
    "company": frozenset({"hr", "hr_approver", "payroll", ADMIN}),
    "provider": frozenset({"manager", "staff", ADMIN}),
    "operator": frozenset({"operator", "finance", ADMIN}),
    "municipality": frozenset({"coordinator", "care_manager", "observer", ADMIN}),
    "association": frozenset({"coordinator", "care_manager", "observer", ADMIN}),
}
OF_TWO_PEOPLE: tuple[frozenset[str], ...] = (
    frozenset({"hr", "hr_approver"}),
    frozenset({"hr", "payroll"}),
    frozenset({"operator", "finance"}),
)
"""One drafts, the other approves or checks: on one login only with a reason that all administrators are told."""
SCOPES_OF_ALL = frozenset({"events:read"})
SCOPES_OF_CARE = frozenset({"bookings:read", "bookings:write"})


def roles_of_kinds(kinds: Iterable[str], *, in_alliance: bool = False) -> frozenset[OrganisationRole]:
    """Return the roles an organisation may give; a lead or member of an alliance has the alliance's roles too."""
    roles = frozenset[OrganisationRole]().union(*(ROLES_OF_KIND.get(kind, frozenset()) for kind in kinds))
    return roles | ROLES_OF_SCOPE["alliance"] if in_alliance else roles


def scopes_of_kinds(kinds: Iterable[str]) -> frozenset[str]:
    """Return the scopes a key of such an organisation may carry."""
    return permissions_of(roles_of_kinds(kinds)) & API_KEY_SCOPES | SCOPES_OF_ALL


def scopes_to_give(kinds: Iterable[str], roles: frozenset[str]) -> frozenset[str]:
    """Return the scopes a person may put into a key: the organisation's for an administrator, else only her own.

    Where a company is a provider too, a manager's key must not read employees, nor HR's key bookings; its
    administrators are HR, as a rule: only who sees bookings herself hands that on.
    """
    kinds = frozenset(kinds)
    possible, own = scopes_of_kinds(kinds), permissions_of(roles) | SCOPES_OF_ALL
    if ADMIN not in roles:
        return possible & own
    return possible - (SCOPES_OF_CARE - own) if "company" in kinds else possible


def of_two_people(roles: Iterable[str]) -> bool:
    """Tell whether these roles on one login make one person out of two."""
    together = frozenset(roles)
    return any(pair <= together for pair in OF_TWO_PEOPLE)
