"""Which node a tag of now is: asked for every row of every table that linkage of everything is solved from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa

from ingest.center.link import carried
from ingest.center.link.tags import Nodes, Raw, raw


@dataclass(frozen=True)
class Known:
    """The tags of now of the nodes; of each linkage domain its first node, its tags and where they are looked up."""

    tag: Raw
    places: dict[str, tuple[int, Raw, Nodes]]

    @classmethod
    def of(cls, nodes: pl.DataFrame) -> Known:
        """Of nodes in canonical order: those of a domain stand together."""
        tag = raw(nodes.get_column("now_tag").rechunk().to_arrow().cast(pa.large_binary()))
        places, low = {}, 0
        for name, size in nodes.group_by("linkage_domain", maintain_order=True).len().iter_rows():
            own = tag[low : low + size]
            slots = np.full(1 << (2 * size).bit_length(), carried.NONE, np.int32)
            carried.enter(own, slots)
            places[name] = (low, own, slots)
            low += size
        return cls(tag, places)

    def find(self, domain: str, tags: pa.Array) -> Nodes:
        """The node of each tag of a domain, ``carried.NONE`` where there is none."""
        found = np.full(len(tags), carried.NONE, np.int32)
        if domain in self.places:
            carried.find(raw(tags), *self.places[domain], found)
        return found

    def find_all(self, domains: pl.Series, tags: pl.Series) -> Nodes:
        """The node of each tag, side by side with its domain."""
        found = np.full(len(tags), carried.NONE, np.int32)
        for domain in domains.unique():
            own = np.flatnonzero((domains == domain).to_numpy())
            found[own] = self.find(domain, tags.gather(own).to_arrow().cast(pa.large_binary()))
        return found
