"""What OpenAPI says of PATCH: each takes `application/merge-patch+json` (RFC 7396) as well as JSON."""

from app.http.body import MERGE_PATCH
from app.http.examples import Document


def describe(document: Document) -> None:
    for path in document["paths"].values():
        content = path.get("patch", {}).get("requestBody", {}).get("content", {})
        if "application/json" in content:
            content[MERGE_PATCH] = content["application/json"]
