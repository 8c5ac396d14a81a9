"""Counts of senders in a comparison: which values hold some, on how many insurers they rest and whose they are."""

from __future__ import annotations

import html
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

import polars as pl

from app.show import count
from app.text import Text

Key = tuple[str, str, str, date]  # indicator, scheme, area, period


@dataclass(frozen=True)
class Sent:
    """What one sender's table brings to a value."""

    records: int  # insurers that are counted by their records
    sent: int  # insurers that are counted by the table
    source: str
    year: int
    is_generated: bool


class Counts:
    """What was sent, by indicator, scheme, area and period."""

    def __init__(self, frame: pl.DataFrame | None = None) -> None:
        self._found: dict[Key, tuple[Sent, ...]] = {}
        if frame is None:
            return
        columns = ("indicator_id", "scheme_code", "area_key", "period", "record_insurers_count", "sent_insurers_count",
                   "source", "year", "is_generated")  # fmt: skip
        for indicator, scheme, area, period, *told in frame.select(columns).iter_rows():
            key = (indicator, scheme, area, period)
            self._found[key] = (*self._found.get(key, ()), Sent(*told))

    def of(self, indicator_id: str, scheme: str, area_key: str, period: date) -> tuple[Sent, ...]:
        """What was sent of one value; empty where it rests on records alone."""
        return self._found.get((indicator_id, scheme, area_key, period), ())


def mark(text: Text, sent: Collection[Sent]) -> str:
    """The sign beside a value that holds counts of senders; its words say on how many insurers the value rests."""
    if not sent:
        return ""
    return f'<abbr class="ts-sent" title="{html.escape(words(text, sent), quote=True)}">{text("counts.mark")}</abbr>'


def words(text: Text, sent: Collection[Sent]) -> str:
    """On how many insurers a value rests and whose counts are in it."""
    return text("counts.between").join((insurers(text, sent), _sources(text, sent)))


def insurers(text: Text, sent: Collection[Sent]) -> str:
    """On how many insurers a value rests, by records and by counts."""
    records = max(each.records for each in sent)
    return text("counts.cell", records=count(records), sent=count(sum(each.sent for each in sent)))


def note(text: Text, sent: Collection[Sent]) -> str:
    """The line below a table in which such values stand; empty without any."""
    return f"{text('counts.note')} {_sources(text, sent)}" if sent else ""


def _sources(text: Text, sent: Collection[Sent]) -> str:
    named = dict.fromkeys((each.source, each.year, each.is_generated) for each in sent)
    parts = [
        text("counts.source", source=source, year=year) + (text("counts.generated") if is_generated else "")
        for source, year, is_generated in sorted(named)
    ]
    return text("counts.between").join(parts)
