"""Tables of identity; times here are real time, not business time."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
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
from app.edge.permissions import OrganisationRole

SIDE = text(
    "(CASE WHEN role IN ('hr', 'hr_approver', 'payroll') THEN 'company'"
    " WHEN role IN ('manager', 'staff', 'coordinator', 'care_manager') THEN 'care' END)"
)
"""Who acts for the employer sees no care: one person is on one side in one organisation."""


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


class Membership(Model):
    """A role of a user in an organisation."""

    __tablename__ = "membership"
    __table_args__ = (
        CheckConstraint(one_of("role", OrganisationRole), name="role_known"),
        Index(
            "membership_live_key",
            "user_id",
            "organisation_id",
            "role",
            unique=True,
            postgresql_where="ended_at IS NULL",
        ),
        ExcludeConstraint(
            ("user_id", "="),
            ("organisation_id", "="),
            (SIDE, "<>"),
            where=text("ended_at IS NULL"),
            name="membership_hr_apart_from_care",
            using="gist",
        ),
        Index("membership_user_id_idx", "user_id"),
        Index("membership_organisation_id_idx", "organisation_id"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id"))
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"))
    role: Mapped[OrganisationRole] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(Timestamp)
    ended_at: Mapped[datetime | None] = mapped_column(Timestamp)


class SessionToken(Model):
    """A login in progress."""

    __tablename__ = "session_token"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(Timestamp)
    expires_at: Mapped[datetime] = mapped_column(Timestamp, index=True)
    revoked_at: Mapped[datetime | None] = mapped_column(Timestamp)


class ApiKey(Model):
    """A machine's credential for one organisation, limited by scopes; shown once."""

    __tablename__ = "api_key"
    __table_args__ = (
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
    expires_at: Mapped[datetime | None] = mapped_column(Timestamp)
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
        Index("invitation_pending_employee_key", "employee_id", unique=True, postgresql_where="ended_at IS NULL"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    email: Mapped[str] = mapped_column(Text)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"))
    employee_id: Mapped[UUID | None] = mapped_column(Uuid)
    roles: Mapped[list[OrganisationRole]] = mapped_column(ARRAY(Text))
    sealed_activation_code: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(Timestamp)
    expires_at: Mapped[datetime] = mapped_column(Timestamp)
    ended_at: Mapped[datetime | None] = mapped_column(Timestamp)
    """Accepted, replaced by a newer one, or withdrawn."""
    accepted_by: Mapped[UUID | None] = mapped_column(ForeignKey("user_account.id"), index=True)


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
