"""From an answer to the next call: what has an id in its answer can be read, changed and acted on by that id."""

import re

from app.http.examples import Document

BODY_ID = "$response.body#/id"
LAST_PARAMETER = re.compile(r"\{(\w+)\}")
MADE = "201"


def add_links(document: Document) -> None:
    """Let what makes an object (`POST /things`, 201 with `id`) lead to every route below `/things/{thing_id}`."""
    for path, item in document["paths"].items():
        made = item.get("post", {}).get("responses", {}).get(MADE)
        if made is not None and _shows_id(made, document):
            found = dict(_below(path, document))
            if found:
                made["links"] = found | made.get("links", {})


def _shows_id(answer: Document, document: Document) -> bool:
    schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
    named = document["components"]["schemas"].get(schema.get("$ref", "").rpartition("/")[2], {})
    return "id" in named.get("properties", {})


def _below(path: str, document: Document) -> list[tuple[str, Document]]:
    found = []
    for below, item in document["paths"].items():
        rest = below.removeprefix(path + "/")
        match = LAST_PARAMETER.match(rest) if rest != below else None
        if match is None or LAST_PARAMETER.search(rest, match.end()):
            continue
        given = {name: f"$request.path.{name}" for name in LAST_PARAMETER.findall(path)}
        for method, operation in item.items():
            if method in {"get", "post", "patch", "delete"}:
                link = {"operationId": operation["operationId"], "parameters": {**given, match[1]: BODY_ID}}
                found.append((operation["operationId"], link))
    return found
