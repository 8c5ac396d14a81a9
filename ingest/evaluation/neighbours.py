"""What one typing error leaves of a text, so that equal forms can be compared where texts are not equal.

Two texts that differ by a letter more, less, another or exchanged share a form without one letter; two numbers of one
length that differ in a digit share the form that leaves it open; a date may have month and day the other way round.
"""

from __future__ import annotations

import polars as pl

KINDS = ("deletion", "digit", "date")


def neighbours(frame: pl.DataFrame, field: str, kind: str) -> pl.DataFrame:
    """``frame`` with each row once for the text in ``field`` and once for each of its neighbours in place of it.

    ``kind`` is ``deletion`` (one letter left out), ``digit`` (one open, of texts of digits) or ``date`` (as digit, and
    month and day exchanged, of YYYYMMDD).
    """
    text = pl.col(field)
    each = frame.with_columns(pl.int_ranges(text.str.len_chars()).alias("_place")).explode("_place")
    before, after = text.str.slice(0, pl.col("_place")), text.str.slice(pl.col("_place") + 1)
    open_place = pl.lit("" if kind == "deletion" else "_")
    formed = each.with_columns((before + open_place + after).alias(field)).drop("_place")
    found = [frame, formed]
    if kind == "date":
        swapped = text.str.slice(0, 4) + text.str.slice(6, 2) + text.str.slice(4, 2)
        found.append(frame.filter(text.str.len_chars() == 8).with_columns(swapped.alias(field)))
    return pl.concat(found).unique(maintain_order=True)
