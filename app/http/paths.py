"""Paths that another path would match too: the literal one is the one that is meant, with every method."""

import re
from collections.abc import Sequence

from starlette.routing import compile_path

from app.http.route import BeatriceRoute

NAMED = re.compile(r"\(\?P<\w+>")
PARAMETER = re.compile(r"\{\w+\}")


def keep_apart(routes: Sequence[BeatriceRoute]) -> None:
    """Let `/things/{thing_id}` not match `/things/import`: there a method that only the first has is 405, not 422."""
    for route in routes:
        literal = sorted({other.path for other in routes if shadows(route.path, other.path)})
        if literal:
            others = "|".join(NAMED.sub("(?:", compile_path(path)[0].pattern) for path in literal)
            route.path_regex = re.compile(f"(?!{others})" + compile_path(route.path)[0].pattern)


def shadows(path: str, other: str) -> bool:
    """Whether what is written in `other` fits a parameter of `path`, and everything else is alike."""
    pairs = list(zip(path.split("/"), other.split("/"), strict=False))
    if len(path.split("/")) != len(other.split("/")) or path == other:
        return False
    return all(mine == its or (PARAMETER.fullmatch(mine) and not PARAMETER.fullmatch(its)) for mine, its in pairs)
