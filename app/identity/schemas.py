"""What goes in and out of identity."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from app import ids
from app.actor import Locale
from app.clock import Instant
from app.edge.permissions import API_KEY_SCOPES
from app.http.schemas import ABSENT, Email, In, Name, Out, example

GivenEmail = Annotated[
    str,
    Field(min_length=3, max_length=254, pattern="@", examples=["anna@example.com"]),
    AfterValidator(lambda text: text.strip().lower()),
]
"""An address that is only looked up."""
GivenPassword = Annotated[str, Field(min_length=1, max_length=1024)]
"""What somebody says the password is: any text."""
NewPassword = Annotated[
    str,
    Field(
        min_length=1,
        max_length=1024,
        description="15 to 256 characters of any kind, not one of the first that are guessed.",
        examples=["quattro gatti sul tetto rosso"],
    ),
]


Otp = Annotated[
    str,
    Field(
        min_length=6,
        max_length=40,
        description="A code of the second factor, six digits, or one of the recovery codes.",
        examples=["123456"],
    ),
]


class TokenCreate(In):
    """The OAuth2 password form (RFC 6749, 4.3); the client's own credentials are not used."""

    model_config = example(
        grant_type="password",
        username="employee1@orobia-stampi.example",
        password="beatrice-demo-2026",
    )

    grant_type: Literal["password"] = "password"
    """Always `password`."""
    username: Annotated[str, Field(min_length=1, max_length=320)]
    """The login's e-mail address."""
    password: GivenPassword
    """The login's password."""
    scope: Annotated[str, Field(max_length=1000)] = ""
    """Not used; what OAuth2 clients send is ignored."""
    client_id: Annotated[str, Field(max_length=1000)] | None = None
    """Not used; what OAuth2 clients send is ignored."""
    client_secret: Annotated[str, Field(max_length=1000)] | None = None
    """Not used; what OAuth2 clients send is ignored."""

    otp: Otp | None = None
    """A code of the second factor, six digits, or a recovery code; null where the login has none."""


class TokenRead(Out):
    access_token: str
    """The session token: send it as `Authorization: Bearer`."""
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - the type's name
    """Always `bearer`."""
    expires_in: int = Field(description="Seconds")


class PasswordResetCreate(In):
    model_config = example(email="employee1@orobia-stampi.example")

    email: GivenEmail
    """The login's e-mail address, to which the link goes."""


class PasswordResetCreated(Out):
    """The same answer whether or not there is such a login."""

    status: Literal["accepted"] = "accepted"
    """Always `accepted`."""


class PasswordResetAccept(In):
    password: NewPassword
    """15 to 256 characters of any kind, not one of the first that are guessed."""


class ContactRead(Out):
    email: str
    """The e-mail address of the login."""
    locale: Locale
    """The language of mails and pages."""


class ContactUpdate(In):
    """Absent keeps; a new e-mail address needs the current password, and counts once its mailed link was opened."""

    model_config = example(locale="it")

    email: Email = ABSENT
    """The new e-mail address, which counts once its mailed link was opened."""
    locale: Locale = ABSENT
    """The language of mails and pages."""
    current_password: GivenPassword = ABSENT
    """The password that is valid now, needed with a new `email`."""


class EmailChangeCreate(In):
    """A new e-mail address, by the current password."""

    model_config = example(email="anna@example.com", current_password="beatrice-demo-2026")

    email: Email
    """The new e-mail address, which counts once its mailed link was opened."""
    current_password: GivenPassword
    """The password that is valid now."""


class EmailChangeCreated(Out):
    """The same answer whether or not the address is another login's."""

    status: Literal["accepted"] = "accepted"
    """Always `accepted`."""


class TotpCreated(Out):
    secret: str = Field(description="The secret in base 32, shown this once.")
    uri: str = Field(description="The same as an `otpauth://` link, for a QR code.")


class TotpConfirm(In):
    code: Annotated[str, Field(min_length=6, max_length=10, examples=["123456"])]
    """The six digits that the device shows now."""


class TotpConfirmed(Out):
    recovery_codes: list[str] = Field(description="Each good for one login without the device; shown this once.")


class TotpRemove(In):
    otp: Otp
    """A code of the second factor, six digits, or one of the recovery codes."""


class StepUpCreate(In):
    """One proof: the password, or a code of the second factor."""

    model_config = example(password="beatrice-demo-2026")

    password: GivenPassword = ABSENT
    """The password that is valid now; leave it out where `otp` is given."""
    otp: Otp = ABSENT
    """A code of the second factor, six digits, or a recovery code; leave it out where `password` is given."""


class StepUpRead(Out):
    valid_until: Instant = Field(description="Until then no further proof is asked in this session; real time.")


class SessionRead(Out):
    """A login in progress; its token is never shown again."""

    id: ids.SessionId
    created_at: Instant
    """When the login was made, in real time (UTC)."""
    last_used_at: Instant | None = Field(description="To the minute.")
    expires_at: Instant
    """When the session ends by itself, in real time (UTC)."""
    second_factor: bool = Field(description="Whether a code was given besides the password.")
    current: bool = Field(description="Whether it is the one that asks.")


class PasswordUpdate(In):
    model_config = example(current_password="beatrice-demo-2026", new_password="quattro gatti sul tetto rosso")

    current_password: GivenPassword
    """The password that is valid now."""
    new_password: NewPassword
    """15 to 256 characters of any kind, not one of the first that are guessed."""


Scope = Annotated[str, Field(min_length=1, max_length=64, examples=["employees:read"])]


class ApiKeyCreate(In):
    model_config = example(name="Gestionale del personale", scopes=["employees:read"])

    name: Name
    """What the key is for, to tell keys apart."""
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=50)] = Field(
        description="What the key may do, of what your roles here may: "
        + ", ".join(f"`{scope}`" for scope in sorted(API_KEY_SCOPES))
        + "."
    )
    expires_at: Instant | None = Field(
        default=None, description="In real time; at most two years from now; null: in one year."
    )


class ApiKeyRotate(In):
    model_config = example(overlap_hours=24)

    overlap_hours: Annotated[int, Field(ge=0, le=168)] = 24
    """How long the old key stays valid beside the new one."""


class ApiKeyRead(Out):
    """A key as it may be listed: never the secret. It does what its scopes say and its maker may still do."""

    id: ids.ApiKeyId
    name: str
    """What the key is for, to tell keys apart."""
    hint: str = Field(description="The first characters of the key.")
    scopes: list[str]
    """What the key may do: `noun:read` or `noun:write`, such as `employees:read`."""
    created_by: ids.UserId
    """Who made the key and lends it the rights."""
    created_at: Instant
    """When it was made, in real time (UTC)."""
    expires_at: Instant | None = Field(description="Never null: a key has an end.")
    last_used_at: Instant | None = Field(description="To the hour.")
    revoked_at: Instant | None
    """When it was revoked; null while it is valid."""


class ApiKeyCreated(ApiKeyRead):
    key: str = Field(description="The key itself: shown this once.")
