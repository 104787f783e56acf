"""Conditional reading (RFC 9110, 13) and who may keep an answer: the public catalogue may be kept, nothing else."""

import hashlib
import re
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

CURSOR = re.compile(rb'("(?:next|prev)_cursor":)"[^"]*"')
VARY = "Accept-Language, Authorization, Origin"
KEPT_ON_304 = ("etag", "cache-control", "vary", "content-language", "link")


def set_list_etag(response: Response) -> None:
    """Tag a page by what it shows: its cursors are sealed anew each time, so the tag is a weak one."""
    shown = CURSOR.sub(rb"\1", response.body)
    response.headers["ETag"] = f'W/"sha256-{hashlib.sha256(shown).hexdigest()[:32]}"'


def let_keep(response: Response, seconds: int) -> None:
    """Let anybody keep an answer that anybody may have: for so long; 0 asks us each time whether it still holds."""
    lasts = f"max-age={seconds}" if seconds else "no-cache"
    response.headers["Cache-Control"] = f"public, {lasts}"
    response.headers["Vary"] = VARY


def unless_known(request: Request, response: Response) -> Response:
    """Return 304 without content where the caller has this answer already."""
    asked = request.headers.get("if-none-match")
    tag = response.headers.get("etag")
    if asked is None or tag is None or response.status_code != HTTPStatus.OK or not _names(asked, tag):
        return response
    kept = {name: response.headers[name] for name in KEPT_ON_304 if name in response.headers}
    return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=kept)


def _names(asked: str, tag: str) -> bool:
    """Compare weakly, as reading does."""
    if asked.strip() == "*":
        return True
    return tag.removeprefix("W/") in {one.strip().removeprefix("W/") for one in asked.split(",")}
