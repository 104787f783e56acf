"""Webhook endpoints and deliveries as an organisation's people see them."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from app import ids
from app.clock import Instant
from app.events.schemas import EventRead
from app.events.vocabulary import EventType
from app.http.schemas import ABSENT, In, Name, Out
from app.http.words import words
from app.webhooks.models import DeliveryStatus, DisabledReason, EndpointStatus, Problem

URL_EXAMPLE = "https://hooks.cooperativa-serio.example/beatrice"
Url = Annotated[
    str,
    Field(
        min_length=1, max_length=2_000, examples=[URL_EXAMPLE],
        description="https on its own port, by a name that everybody can reach.",
    ),
]  # fmt: skip


def _each_once(types: list[EventType]) -> list[EventType]:
    return sorted(set(types))


EventTypes = Annotated[
    list[EventType],
    Field(
        min_length=1,
        max_length=50,
        examples=[["employee.joined"]],
        description="What it is told, of what you may read; a test comes always.",
    ),
    AfterValidator(_each_once),
]


class WebhookEndpointCreate(In):
    url: Url
    description: Name | None = Field(default=None, description="What it is for, for your own people.")
    event_types: EventTypes


class WebhookEndpointUpdate(In):
    url: Url = ABSENT
    description: Name | None = Field(default=None, description="What it is for; null clears it.")
    event_types: EventTypes = ABSENT
    enabled: Annotated[
        bool, Field(description="false switches it off; true lets it be told what happens from now on.")
    ] = ABSENT


class WebhookSecretRotate(In):
    overlap_hours: Annotated[
        int, Field(ge=0, le=168, description="How long messages carry the old secret's signature too.")
    ] = 24


class WebhookEndpointRead(Out):
    """Where an organisation is told what happens; never its secret. Times are real ones."""

    id: ids.WebhookEndpointId
    url: str = Field(description="What is called, by POST.", examples=[URL_EXAMPLE])
    description: str | None = Field(description="What it is for.")
    event_types: list[str] = Field(description="What it is told.", examples=[["booking.confirmed"]])
    status: EndpointStatus = Field(description="`disabled` gets nothing; deleted ones are not shown.")
    disabled_reason: DisabledReason | None = Field(
        description="`person`, `gone` (it answered 410) or `failing` (nothing succeeded for three days)."
    )
    disabled_at: Instant | None = Field(description="Since when it is off; null while it is active.")
    failing_since: Instant | None = Field(description="The first failed try since one succeeded; null if all is well.")
    previous_until: Instant | None = Field(description="Until when the secret before this one signs too.")
    created_by: ids.UserId = Field(description="Who made it.")
    created_at: Instant = Field(description="When it was made.")


class WebhookSecretShown(WebhookEndpointRead):
    """An endpoint with its new secret."""

    secret: str = Field(
        description="The secret for signatures (`whsec_` and base64): shown this once.",
        examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
    )


class WebhookTested(Out):
    """The test is on its way."""

    status: Literal["queued"] = Field(default="queued", description="It goes the way of every event, in a few seconds.")


class WebhookDeliveryRead(Out):
    """One event for one endpoint, and how its last try went. Of answers only the status is kept."""

    id: ids.WebhookDeliveryId
    event: EventRead = Field(description="The message's body.")
    status: DeliveryStatus = Field(description="`failed` is not tried again unless somebody asks for it.")
    attempts: int = Field(description="How often it was tried since it was planned, or asked for again.")
    attempted_at: Instant | None = Field(description="The last try; null before the first.")
    next_attempt_at: Instant | None = Field(description="Not before this it is tried again; null when it is over.")
    answer_status: int | None = Field(description="The HTTP status of the last try's answer; null without one.")
    problem: Problem | None = Field(
        description="What was wrong: `answer` is a status other than 2xx (a redirect is one); null when it was taken."
    )
    created_at: Instant = Field(description="When it was planned.")


words(
    "WebhookEndpointStatus", EndpointStatus, active="it is told what happens", disabled="it gets nothing",
    deleted="it was ended for good; not shown",
)  # fmt: skip
words(
    "WebhookDisabledReason", DisabledReason, person="one of your people switched it off", gone="it answered 410",
    failing="nothing succeeded for three days",
)  # fmt: skip
words(
    "WebhookDeliveryStatus", DeliveryStatus, pending="it is sent as soon as it can be", delivered="it was taken",
    failed="it is not tried again unless somebody asks",
)  # fmt: skip
words(
    "WebhookProblem",
    Problem,
    answer="the answer's status was none of 2xx; a redirect is such a one",
    timeout="no whole answer in 15 seconds",
    unreachable="nobody answered at the address",
    tls="the certificate or the handshake failed",
    unreadable="the answer was no HTTP",
    address_not_allowed="the name leads to an address that is not public",
    endpoint_ended="the endpoint was ended before it was sent",
)
