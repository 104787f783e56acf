"""What the search shows besides offerings."""

from pydantic import Field

from app.http.schemas import Out


class ServedMunicipalityRead(Out):
    istat_code: str = Field(description="Its ISTAT code, to search with")
    name: str
    """The municipality's name."""
    province: str
    """The province's two letters."""
    offering_count: int = Field(description="How many offerings name it in their area")
