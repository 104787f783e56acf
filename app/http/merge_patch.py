"""What OpenAPI says of PATCH: each takes `application/merge-patch+json` (RFC 7396) as well as JSON."""

from typing import Any

from app.http.body import MERGE_PATCH


def describe(document: dict[str, Any]) -> None:
    for path in document["paths"].values():
        content = path.get("patch", {}).get("requestBody", {}).get("content", {})
        if "application/json" in content:
            content[MERGE_PATCH] = content["application/json"]
