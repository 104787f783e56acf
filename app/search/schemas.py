"""What the search shows besides offerings."""

from pydantic import Field

from app.http.schemas import Out


class ServedMunicipalityRead(Out):
    istat_code: str = Field(description="Its ISTAT code, to search with")
    name: str
    """The municipality's name."""
    province: str
    """The province's two letters."""
    latitude: float | None = Field(examples=[45.764])
    """North of the equator, in degrees (WGS 84); null where it is not known."""
    longitude: float | None = Field(examples=[9.797])
    """East of Greenwich, in degrees (WGS 84); null where it is not known."""
    offering_count: int = Field(description="How many offerings name it in their area")
