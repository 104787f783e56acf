"""A body that is JSON of one model or a CSV file, on one path: imports and batches."""

from typing import Generic, TypeVar

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from app.http.body import FILE_PART, MalformedBody, content_type
from app.http.files import BYTES

M = TypeVar("M", bound=BaseModel)
COMPONENT = "#/components/schemas/{model}"


class JsonOrCsv(Generic[M]):
    """The dependency that gives an endpoint its body: the model, or the file's bytes.

    FastAPI reads and documents bodies of one media type only, so both is done here; the route takes `described` from
    its dependency by itself.
    """

    def __init__(self, model: type[M], *, csv_example: str) -> None:
        self.model = model
        self.csv_example = csv_example

    async def __call__(self, request: Request) -> M | bytes:
        raw = await request.body()
        if not raw:
            raise MalformedBody("The body is empty.")
        if content_type(request) != "application/json":
            return raw
        try:
            return self.model.model_validate(await request.json())
        except ValidationError as error:
            found = error.errors(include_url=False, include_input=False)
            raise RequestValidationError([{**item, "loc": ("body", *item["loc"])} for item in found]) from error

    def described(self) -> dict[str, object]:
        """What OpenAPI says about the body; the model is a component, as `components` gives it."""
        content = {
            "application/json": {"schema": {"$ref": COMPONENT.format(model=self.model.__name__)}},
            **csv_content(self.csv_example),
        }
        return {"requestBody": {"required": True, "content": content}}

    def components(self) -> dict[str, dict[str, object]]:
        """Return the schemas of the model and of what it names: FastAPI collects those of bodies that it reads."""
        schema = self.model.model_json_schema(ref_template=COMPONENT)
        return {**schema.pop("$defs", {}), self.model.__name__: schema}


def csv_content(example: str) -> dict[str, object]:
    """Describe a CSV file as a body: the file itself, or a browser's form with it."""
    # No properties: openapi-generator names the model of a second media type's form and then does not make it.
    form = {"type": "object", "description": f"The file is the part `{FILE_PART}`."}
    return {"text/csv": {"schema": BYTES, "example": example}, "multipart/form-data": {"schema": form}}
