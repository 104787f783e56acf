"""What goes out about municipalities."""

from typing import Annotated

from pydantic import Field

from app.http.schemas import Out

IstatCode = Annotated[
    str, Field(pattern=r"^[0-9]{6}$", description="The ISTAT code of a municipality.", examples=["016004"])
]


class MunicipalityRead(Out):
    istat_code: str
    """The municipality, by its ISTAT code of six digits."""
    name: str
    """The municipality's name."""
    province: str
    """The province's two letters."""
