"""`Location` of what was created: where it can be read, by its id, else the list that it is in."""

import json
import re

from starlette.requests import Request
from starlette.responses import Response

PARAMETER = re.compile(r"\{\w+\}")


def set_location(request: Request, response: Response, template: str, place: str | None) -> None:
    """Name the created object; `place` is the template of its list where that is not the path that created it."""
    listed = template if place is None else place
    path = listed.format(**request.path_params)
    known: frozenset[str] = request.app.state.readable
    if PARAMETER.sub("{}", listed) + "/{}" in known:
        path += f"/{json.loads(bytes(response.body))['id']}"
    response.headers["Location"] = path


def readable(templates: set[str]) -> frozenset[str]:
    """Return the templates of what can be read, whatever their parameters are called."""
    return frozenset(PARAMETER.sub("{}", template) for template in templates)
