"""Where the JSON face reads a command's key: the header `Idempotency-Key` (IETF draft httpapi-idempotency-key)."""

from starlette.requests import Request

from app.edge.idempotency import KEY_MAX, KeyMissing

PARAMETER: dict[str, object] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "The same key and body give the same answer and one effect, for a week",
    "schema": {"type": "string", "minLength": 1, "maxLength": KEY_MAX, "pattern": "^[!-~][ -~]*$"},
    "example": "4f1f5a52-7c1c-4e55-9f0a-0e0f3f7f6b11",
}


def key_of(request: Request) -> str:
    """Return the key, quoted (as the IETF draft wants) or bare."""
    values = request.headers.getlist("idempotency-key")
    if len(values) != 1:
        raise KeyMissing
    key = values[0].strip()
    if len(key) > 1 and key[0] == key[-1] == '"':
        key = key[1:-1]
    if not 1 <= len(key) <= KEY_MAX or not key.isascii() or not key.isprintable():
        raise KeyMissing
    return key
