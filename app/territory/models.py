"""Tables of territory."""

from sqlalchemy import (
    CheckConstraint,
    Float,
    Index,
    Text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Model


class Municipality(Model):
    """An Italian municipality (ISTAT list; the migration names date and source)."""

    __tablename__ = "municipality"
    __table_args__ = (
        CheckConstraint("istat_code ~ '^[0-9]{6}$'", name="istat_code_form"),
        Index(
            "municipality_sort_key_trgm_idx",
            "sort_key",
            postgresql_using="gin",
            postgresql_ops={"sort_key": "gin_trgm_ops"},
        ),
    )

    istat_code: Mapped[str] = mapped_column(Text, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    sort_key: Mapped[str] = mapped_column(Text(collation="C"), index=True)
    """Name in lower case without accents: order and search do not hang on a collation."""
    province: Mapped[str] = mapped_column(Text)
    province_name: Mapped[str] = mapped_column(Text)
    region: Mapped[str] = mapped_column(Text)
    cadastral_code: Mapped[str] = mapped_column(Text)
    latitude: Mapped[float | None] = mapped_column(Float)
    longitude: Mapped[float | None] = mapped_column(Float)
