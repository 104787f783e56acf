"""What goes in and out of identity."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from app import ids
from app.actor import Locale
from app.clock import Instant
from app.http.schemas import ABSENT, Email, In, Name, Out

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

    grant_type: Literal["password"] = "password"
    username: Annotated[str, Field(min_length=1, max_length=320)]
    password: GivenPassword
    scope: Annotated[str, Field(max_length=1000)] = ""
    client_id: Annotated[str, Field(max_length=1000)] | None = None
    client_secret: Annotated[str, Field(max_length=1000)] | None = None

    otp: Otp | None = None


class TokenRead(Out):
    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - the type's name
    expires_in: int = Field(description="Seconds")


class PasswordResetCreate(In):
    email: GivenEmail


class PasswordResetCreated(Out):
    """The same answer whether or not there is such a login."""

    status: Literal["accepted"] = "accepted"


class PasswordResetAccept(In):
    password: NewPassword


class ContactRead(Out):
    email: str
    locale: Locale


class ContactUpdate(In):
    """Absent keeps; a new e-mail address needs the current password, and counts once its mailed link was opened."""

    email: Email = ABSENT
    locale: Locale = ABSENT
    current_password: GivenPassword = ABSENT


class EmailChangeCreate(In):
    """A new e-mail address, by the current password."""

    email: Email
    current_password: GivenPassword


class EmailChangeCreated(Out):
    """The same answer whether or not the address is another login's."""

    status: Literal["accepted"] = "accepted"


class TotpCreated(Out):
    secret: str = Field(description="The secret in base 32, shown this once.")
    uri: str = Field(description="The same as an `otpauth://` link, for a QR code.")


class TotpConfirm(In):
    code: Annotated[str, Field(min_length=6, max_length=10, examples=["123456"])]


class TotpConfirmed(Out):
    recovery_codes: list[str] = Field(description="Each good for one login without the device; shown this once.")


class TotpRemove(In):
    otp: Otp


class StepUpCreate(In):
    """One proof: the password, or a code of the second factor."""

    password: GivenPassword = ABSENT
    otp: Otp = ABSENT


class StepUpRead(Out):
    valid_until: Instant = Field(description="Until then no further proof is asked in this session; real time.")


class SessionRead(Out):
    """A login in progress; its token is never shown again."""

    id: ids.SessionId
    created_at: Instant
    last_used_at: Instant | None = Field(description="To the minute.")
    expires_at: Instant
    second_factor: bool = Field(description="Whether a code was given besides the password.")
    current: bool = Field(description="Whether it is the one that asks.")


class PasswordUpdate(In):
    current_password: GivenPassword
    new_password: NewPassword


Scope = Annotated[str, Field(min_length=1, max_length=64, examples=["employees:read"])]


class ApiKeyCreate(In):
    name: Name
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=50)]
    expires_at: Instant | None = Field(
        default=None, description="In real time; at most two years from now; null: in one year."
    )


class ApiKeyRotate(In):
    overlap_hours: Annotated[int, Field(ge=0, le=168)] = 24
    """How long the old key stays valid beside the new one."""


class ApiKeyRead(Out):
    """A key as it may be listed: never the secret. It does what its scopes say and its maker may still do."""

    id: ids.ApiKeyId
    name: str
    hint: str = Field(description="The first characters of the key.")
    scopes: list[str]
    created_by: ids.UserId
    created_at: Instant
    expires_at: Instant | None = Field(description="Never null: a key has an end.")
    last_used_at: Instant | None = Field(description="To the hour.")
    revoked_at: Instant | None


class ApiKeyCreated(ApiKeyRead):
    key: str = Field(description="The key itself: shown this once.")
