"""Tables of identity; times here are real time, not business time."""

from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Computed,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Interval,
    LargeBinary,
    SmallInteger,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.actor import Locale
from app.db import Model, Timestamp, one_of
from app.edge.permissions import ROLES_OF_SCOPE, OrganisationRole, ScopeKind
from app.sealing import SealedColumn

Side = Literal["employer", "care"]
"""Who acts for an employer sees no care, anywhere: a login is on one side at a time. A trigger sets it."""
SCOPE = text("(coalesce(scope_id, user_id))")
"""The platform has no id: there the person's own stands for it, so that an exclusion compares something."""
PERIOD = text("(tstzrange(from_at, until_at))")
_FITTING = (
    f"WHEN '{kind}' THEN role IN ({', '.join(map(repr, sorted(ROLES_OF_SCOPE[kind])))})" for kind in ROLES_OF_SCOPE
)
FITS = f"CASE scope_kind {' '.join(_FITTING)} END"


def _scope_of(kind: ScopeKind) -> str:
    """Return the scope's id where it is of this kind, for a foreign key."""
    return f"CASE scope_kind WHEN '{kind}' THEN scope_id END"


SEALED = (
    SealedColumn("invitation", "sealed_activation_code", "activation_code"),
    SealedColumn("second_factor", "sealed_secret", "totp_secret", context=("user_id",), key=("user_id",)),
)


class User(Model):
    """A login: one person, possibly in several organisations."""

    __tablename__ = "user_account"
    __table_args__ = (
        CheckConstraint("email = lower(email)", name="email_lower"),
        CheckConstraint(one_of("locale", Locale), name="locale_known"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    email: Mapped[str] = mapped_column(Text, unique=True)
    password_hash: Mapped[str] = mapped_column(Text)
    locale: Mapped[Locale] = mapped_column(Text, server_default="it")
    created_at: Mapped[datetime] = mapped_column(Timestamp)
    version: Mapped[int] = mapped_column(Integer, server_default="1")


class RoleGrant(Model):
    """A role given to a user in a scope, in force from `from_at` until just before `until_at` (real time).

    What is over stays as history. Other scopes that a role reaches are the answer of the SQL function `roles_in`.
    """

    __tablename__ = "role_grant"
    __table_args__ = (
        CheckConstraint(one_of("role", OrganisationRole), name="role_known"),
        CheckConstraint(one_of("scope_kind", ScopeKind), name="scope_kind_known"),
        CheckConstraint("(scope_id IS NULL) = (scope_kind = 'platform')", name="scope_named"),
        CheckConstraint(FITS, name="role_fits_scope"),
        CheckConstraint(
            "confirmed_by <> user_id AND confirmed_by IS DISTINCT FROM granted_by OR confirmed_by IS NULL",
            name="confirmed_by_another",
        ),
        CheckConstraint(
            "vouched_by <> user_id AND vouched_by IS DISTINCT FROM granted_by OR vouched_by IS NULL",
            name="vouched_by_another",
        ),
        CheckConstraint("(vouched_by IS NULL) = (vouched_at IS NULL)", name="vouched_whole"),
        CheckConstraint(one_of("side", Side), name="side_known"),
        CheckConstraint("until_at >= from_at", name="period"),
        CheckConstraint("length(btrim(reason)) BETWEEN 10 AND 500", name="reason_said"),
        ExcludeConstraint(
            ("user_id", "="), ("role", "="), (SCOPE, "="), (PERIOD, "&&"), name="role_grant_once", using="gist"
        ),
        ExcludeConstraint(
            ("user_id", "="),
            ("side", "<>"),
            (PERIOD, "&&"),
            name="role_grant_hr_apart_from_care",
            using="gist",
        ),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id"), index=True)
    role: Mapped[OrganisationRole] = mapped_column(Text)
    scope_kind: Mapped[ScopeKind] = mapped_column(Text)
    scope_id: Mapped[UUID | None] = mapped_column(Uuid)
    from_at: Mapped[datetime] = mapped_column(Timestamp)
    until_at: Mapped[datetime | None] = mapped_column(Timestamp)
    granted_by: Mapped[UUID | None] = mapped_column(ForeignKey("user_account.id"), index=True)
    """Who invited; null for the first of an operator and in the demo."""
    granted_at: Mapped[datetime] = mapped_column(Timestamp)
    confirmed_by: Mapped[UUID | None] = mapped_column(ForeignKey("user_account.id"), index=True)
    """Who let an approving role begin before its time: neither its holder nor who gave it."""
    reason: Mapped[str | None] = mapped_column(Text)
    """Why one login has roles of two people; a trigger demands it."""
    side: Mapped[Side | None] = mapped_column(Text)
    """Set by a trigger: an administrator is on the employer's side in a company, on that of care in a provider."""
    organisation_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("organisation.id"), Computed(_scope_of("organisation"), persisted=True), index=True
    )
    alliance_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("alliance.id"), Computed(_scope_of("alliance"), persisted=True), index=True
    )
    network_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("network.id"), Computed(_scope_of("network"), persisted=True), index=True
    )
    vouched_by: Mapped[UUID | None] = mapped_column(ForeignKey("user_account.id"), index=True)
    """Who of the operator's finance confirmed that this is somebody whom another person brought in."""
    vouched_at: Mapped[datetime | None] = mapped_column(Timestamp)


class SessionToken(Model):
    """A login in progress."""

    __tablename__ = "session_token"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(Timestamp)
    expires_at: Mapped[datetime] = mapped_column(Timestamp, index=True)
    revoked_at: Mapped[datetime | None] = mapped_column(Timestamp)
    id: Mapped[UUID] = mapped_column(Uuid, unique=True, server_default=text("gen_random_uuid()"))
    """What a person calls it by; made by the database for rows of a release that knew none."""
    last_used_at: Mapped[datetime | None] = mapped_column(Timestamp)
    """To the minute."""
    idle_limit: Mapped[timedelta | None] = mapped_column(Interval)
    """How long it may lie unused in the hands of who holds a role; null: as long as it likes."""
    proved_at: Mapped[datetime | None] = mapped_column(Timestamp)
    """When password or second factor were given last."""
    second_factor: Mapped[bool] = mapped_column(Boolean, server_default="false")
    """Whether a code was given in it."""


class KnownPlace(Model):
    """A network from which somebody logged in; the key is a keyed hash."""

    __tablename__ = "known_place"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id"), primary_key=True)
    network: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    last_used_at: Mapped[datetime] = mapped_column(Timestamp, index=True)


class SecondFactor(Model):
    """The secret of a person's time-based codes; no code counts twice, for the step only grows."""

    __tablename__ = "second_factor"
    __table_args__ = (CheckConstraint("(confirmed_at IS NULL) = (last_step IS NULL)", name="confirmed_by_a_code"),)

    user_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id"), primary_key=True)
    sealed_secret: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(Timestamp)
    confirmed_at: Mapped[datetime | None] = mapped_column(Timestamp)
    last_step: Mapped[int | None] = mapped_column(BigInteger)


class RecoveryCode(Model):
    """A code for when the device is lost: 80 random bits as their hash, good once."""

    __tablename__ = "recovery_code"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("second_factor.user_id", ondelete="CASCADE"), primary_key=True)
    code_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    used_at: Mapped[datetime | None] = mapped_column(Timestamp)


class SecondFactorRemoval(Model):
    """A request to take a lost second factor away; it ends by being carried out, or by a code of the person's."""

    __tablename__ = "second_factor_removal"
    __table_args__ = (
        CheckConstraint("requested_by <> user_id", name="by_another"),
        CheckConstraint("approved_by <> user_id AND approved_by <> requested_by", name="approved_by_a_third"),
        CheckConstraint(
            "effective_at >= requested_at + CASE WHEN approved_by IS NULL THEN interval '24 hours' ELSE '0' END",
            name="waits",
        ),
    )

    user_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id"), primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"), index=True)
    requested_by: Mapped[UUID] = mapped_column(ForeignKey("user_account.id"), index=True)
    requested_at: Mapped[datetime] = mapped_column(Timestamp)
    approved_by: Mapped[UUID | None] = mapped_column(ForeignKey("user_account.id"), index=True)
    effective_at: Mapped[datetime] = mapped_column(Timestamp)
    """From when on a reset by mail takes the second factor away: a day later, or when a third person approved."""


class EmailChange(Model):
    """A change of a login's address: begun, accepted from the new address, undone from the old one."""

    __tablename__ = "email_change"
    __table_args__ = (
        CheckConstraint("old_email = lower(old_email) AND new_email = lower(new_email)", name="email_lower"),
        CheckConstraint("num_nonnulls(accepted_at, undo_hash, undo_until) IN (0, 3)", name="accepted_whole"),
        CheckConstraint("undone_at IS NULL OR accepted_at IS NOT NULL", name="undone_after_accepted"),
        Index("email_change_over_idx", text("coalesce(undo_until, expires_at)")),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id"), index=True)
    old_email: Mapped[str] = mapped_column(Text)
    new_email: Mapped[str] = mapped_column(Text)
    session_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The session that asked, which goes on."""
    created_at: Mapped[datetime] = mapped_column(Timestamp)
    expires_at: Mapped[datetime] = mapped_column(Timestamp)
    accepted_at: Mapped[datetime | None] = mapped_column(Timestamp)
    ended_at: Mapped[datetime | None] = mapped_column(Timestamp)
    """Before it was accepted: by a newer password, or an undone change."""
    undo_hash: Mapped[bytes | None] = mapped_column(LargeBinary, unique=True)
    undo_until: Mapped[datetime | None] = mapped_column(Timestamp)
    undone_at: Mapped[datetime | None] = mapped_column(Timestamp)


class ApiKey(Model):
    """A machine's credential for one organisation, limited by scopes; shown once."""

    __tablename__ = "api_key"
    __table_args__ = (
        CheckConstraint("expires_at <= created_at + interval '17544 hours'", name="life"),
        CheckConstraint("cardinality(scopes) > 0", name="scopes_given"),
        CheckConstraint("live_place IN (1, 2)", name="live_place_known"),
        CheckConstraint("revoked_at IS NULL OR live_place IS NULL", name="live_place_only_while_live"),
        Index("api_key_two_live_key", "organisation_id", "name", "live_place", unique=True),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"), index=True)
    name: Mapped[str] = mapped_column(Text)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    hint: Mapped[str] = mapped_column(Text)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    created_by: Mapped[UUID] = mapped_column(ForeignKey("user_account.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(Timestamp)
    expires_at: Mapped[datetime] = mapped_column(Timestamp)
    last_used_at: Mapped[datetime | None] = mapped_column(Timestamp)
    """To the hour."""
    revoked_at: Mapped[datetime | None] = mapped_column(Timestamp)
    live_place: Mapped[int | None] = mapped_column(SmallInteger)
    """First or second live key of its name: there is no third place."""


class Invitation(Model):
    """An offer to link a login: to an employment (employee_id) or to roles in an organisation."""

    __tablename__ = "invitation"
    __table_args__ = (
        CheckConstraint("(employee_id IS NULL) = (cardinality(roles) > 0)", name="employee_or_roles"),
        CheckConstraint("email = lower(email)", name="email_lower"),
        ForeignKeyConstraint(["organisation_id", "employee_id"], ["employee.company_id", "employee.id"]),
        Index("invitation_employee_id_idx", "employee_id"),
        Index("invitation_employee_idx", "organisation_id", "employee_id"),
        Index("invitation_over_idx", text("coalesce(ended_at, expires_at)")),
        Index("invitation_pending_employee_key", "employee_id", unique=True, postgresql_where="ended_at IS NULL"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    email: Mapped[str] = mapped_column(Text)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"))
    employee_id: Mapped[UUID | None] = mapped_column(Uuid)
    roles: Mapped[list[OrganisationRole]] = mapped_column(ARRAY(Text))
    sealed_activation_code: Mapped[bytes | None] = mapped_column(LargeBinary)
    invited_by: Mapped[UUID | None] = mapped_column(ForeignKey("user_account.id"), index=True)
    """Who gives the roles; null for an employment and for an operator's first administrator."""
    reason: Mapped[str | None] = mapped_column(Text)
    """Why these roles are one person's; it goes over to them."""
    created_at: Mapped[datetime] = mapped_column(Timestamp)
    expires_at: Mapped[datetime] = mapped_column(Timestamp)
    ended_at: Mapped[datetime | None] = mapped_column(Timestamp)
    """Accepted, replaced by a newer one, or withdrawn."""
    accepted_by: Mapped[UUID | None] = mapped_column(ForeignKey("user_account.id"), index=True)


class ActivationFailure(Model):
    """How often a wrong activation code was given for an employment, over all its invitations and the whole time."""

    __tablename__ = "activation_failure"
    __table_args__ = (
        CheckConstraint("failures > 0", name="counted"),
        ForeignKeyConstraint(["company_id", "employee_id"], ["employee.company_id", "employee.id"]),
        Index("activation_failure_employee_idx", "company_id", "employee_id"),
    )

    employee_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    company_id: Mapped[UUID] = mapped_column(Uuid)
    failures: Mapped[int] = mapped_column(Integer)
    last_failed_at: Mapped[datetime] = mapped_column(Timestamp)


class PasswordReset(Model):
    """A one-hour link to a new password."""

    __tablename__ = "password_reset"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(Timestamp)
    expires_at: Mapped[datetime] = mapped_column(Timestamp, index=True)
    used_at: Mapped[datetime | None] = mapped_column(Timestamp)


class AttemptCount(Model):
    """How often something was tried in a window: logins, resets, invitations. Keys are hashes."""

    __tablename__ = "attempt_count"
    __table_args__ = (Index("attempt_count_window_start_idx", "window_start"),)

    key: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    window_start: Mapped[datetime] = mapped_column(Timestamp)
    attempts: Mapped[int] = mapped_column(Integer)
