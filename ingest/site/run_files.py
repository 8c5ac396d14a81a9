"""The files of one run: deliveries by their place, which stands in the column ``_file`` of every row."""

from __future__ import annotations

import polars as pl

from ingest.site.delivery import Delivery
from ingest.site.triage import FILE


class RunFiles:
    """Deliveries in the order of their places; releases are added at the end."""

    def __init__(self, deliveries: list[Delivery]) -> None:
        self.deliveries: list[Delivery] = []
        self.places: dict[int, int] = {}  # by delivery id
        for delivery in deliveries:
            self.add(delivery)

    def add(self, delivery: Delivery) -> int:
        """A further delivery; its place."""
        self.places[delivery.delivery_id] = place = len(self.deliveries)
        self.deliveries.append(delivery)
        return place

    @property
    def file_ids(self) -> pl.Series:
        """SHA-256 of the bytes, by place."""
        return pl.Series("file_id", [d.file.file_id for d in self.deliveries], dtype=pl.String)

    @property
    def file_names(self) -> pl.Series:
        """Names in the inbox, by place."""
        return pl.Series("file_name", [d.file.name for d in self.deliveries], dtype=pl.String)


def at(frame: pl.DataFrame, place: int) -> pl.DataFrame:
    """Rows of the file at ``place``."""
    return frame.with_columns(pl.lit(place, dtype=pl.Int64).alias(FILE))
