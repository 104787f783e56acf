"""The headers of answers, as the OpenAPI document names them."""

from http import HTTPStatus

from app.http.route import BeatriceRoute

Reference = dict[str, str]
COMPONENTS: dict[str, dict[str, object]] = {
    "X-Request-Id": {
        "description": "The id of this request: quote it when you ask about it.",
        "schema": {"type": "string", "format": "uuid"},
    },
    "RateLimit-Limit": {
        "description": "How many requests a caller may make in a minute.",
        "schema": {"type": "integer", "format": "int32"},
    },
    "RateLimit-Remaining": {
        "description": "How many of them are left.",
        "schema": {"type": "integer", "format": "int32"},
    },
    "RateLimit-Reset": {
        "description": "In how many seconds all of them are there again.",
        "schema": {"type": "integer", "format": "int32"},
    },
    "Retry-After": {
        "description": "After how many seconds it is worth asking again.",
        "schema": {"type": "integer", "format": "int32"},
    },
    "ETag": {
        "description": "The version of this object: send it as `If-Match` with a change.",
        "schema": {"type": "string"},
    },
    "Location": {
        "description": "Where what was made can be read: its own address, else that of the list that it is in.",
        "schema": {"type": "string"},
    },
    "Cache-Control": {
        "description": "Who may keep the answer: `no-store`, nobody. What anybody may read without a token says"
        " `public` and for how long (`max-age`, in seconds), or `no-cache`: ask each time whether it still holds.",
        "schema": {"type": "string"},
    },
    "Idempotent-Replayed": {
        "description": "`true` where this is the stored answer of an earlier request with the same key; else absent.",
        "schema": {"type": "string", "enum": ["true"]},
    },
}
ON_SUCCESS = ("Cache-Control", "X-Request-Id", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")


def headers_of(route: BeatriceRoute, status: int) -> dict[str, Reference]:
    """Return the headers that an answer of this route has with this status, besides those that every answer has."""
    names: tuple[str, ...] = ()
    if status < HTTPStatus.BAD_REQUEST:
        names = ON_SUCCESS
        if route.shows_one or route.methods == {"PATCH"}:
            names = ("ETag", *names)
        if status == HTTPStatus.CREATED:
            names = ("Location", *names)
        if route.access.idempotent and route.access.stores_answer:
            names = ("Idempotent-Replayed", *names)
    elif status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        names = ("Retry-After",)
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
