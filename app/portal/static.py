"""The portal's own files: a style sheet and an icon, kept by browsers for an hour."""

from pathlib import Path

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

FOLDER = Path(__file__).parent / "static"


class Kept(StaticFiles):
    """Files that a browser may keep."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        answer = await super().get_response(path, scope)
        answer.headers["Cache-Control"] = "public, max-age=3600"
        return answer


def files() -> StaticFiles:
    return Kept(directory=FOLDER)
