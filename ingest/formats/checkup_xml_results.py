"""``checkup_result`` of hc08 documents: what their observations say, typed once, and chosen for each document.

Goes in: what observations say (``checkup_xml_said``), each different thing once, and which document says what. Comes
out: at most one result of an item and examination, and the observations that cannot be read. Sources: formats.md 2.2.

Where a document has an item more than once (two methods, first and second blood pressure), the observation
with a value counts before one without, then the order of the layout, then the order in the document.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any

import numpy as np
import polars as pl

from ingest.formats import cells
from ingest.formats.bits import Array
from ingest.formats.checkup_xml_items import Variant, variants
from ingest.formats.checkup_xml_names import NONE
from ingest.formats.checkup_xml_said import NOT_DONE, NOT_MEASURABLE, ODD, Told
from ingest.formats.compiled import loop_that_counts
from ingest.formats.contracts import CHECKUP_RESULT
from ingest.formats.fkac167_results import items
from ingest.formats.layout_files import layout_cache
from ingest.formats.reading import Problem, empty_set_aside
from ingest.formats.rowcheck import Fault, split_faulty

INTERPRETATIONS = ("L", "N", "H")
"""interpretationCode: below, within, above the reference range (formats.md 2.2); HL7's others are left out."""

_TOLD: dict[str, pl.DataType] = {
    "variant": pl.Int64(),
    "value": pl.String(),
    "unit": pl.String(),
    "state": pl.String(),
    "interpretation": pl.String(),
}
_OF_DOCUMENT = ("scheme_code", "insurer_number", "exam_month")
_VARIANTS = 10_000
"""More than the layout has."""


class Sayings:
    """The different things that observations say, numbered in the order in which they came."""

    def __init__(self) -> None:
        self._numbers: dict[Told, int] = {}
        self._meanings = _meanings([])

    def __len__(self) -> int:
        """How many there are."""
        return len(self._numbers)

    def number(self, told: Told) -> int:
        """The number of one."""
        return self._numbers.setdefault(told, len(self._numbers))

    def meanings(self) -> pl.DataFrame:
        """What each means, by number: see ``_meanings``."""
        known = self._meanings.height
        if known < len(self):
            new = _meanings(list(islice(self._numbers, known, None)))
            self._meanings = pl.concat([self._meanings, new], rechunk=True)
        return self._meanings


def _meanings(told: list[Told]) -> pl.DataFrame:
    """The columns of ``checkup_result`` that an observation decides and what it says as text, whether it ``is_bad``
    (cannot be read), its item (``item_order``) and ``rank``: the least is taken."""
    rows = (
        pl.DataFrame(told, schema=_TOLD, orient="row")
        .join(_facts(), on="variant", how="left", maintain_order="left")
        .with_columns(value=cells.clean(pl.col("value")), unit=cells.clean(pl.col("unit")))
    )
    numeric = pl.when(pl.col("is_numeric")).then(pl.col("value"))
    code = pl.when(~pl.col("is_numeric")).then(pl.col("value"))
    state = pl.col("state")
    rank = pl.when("is_bad").then(3).when(state == NOT_DONE).then(2).when(state == NOT_MEASURABLE).then(1).otherwise(0)
    return (
        rows.with_columns(numeric_value=cells.decimal_value(numeric), code_value=code, text=numeric)
        .with_columns(is_bad=pl.any_horizontal(fault.broken.fill_null(False) for fault in _faults()))
        .with_columns(
            rank=rank.cast(pl.Int64) * _VARIANTS + pl.col("variant"),
            status_code=state.fill_null("measured"),
            method_code=pl.col("item_code"),
            unit_code=pl.when(pl.col("numeric_value").is_not_null()).then("unit"),
            interpretation_code=pl.when(pl.col("interpretation").is_in(INTERPRETATIONS)).then("interpretation"),
        )
    )


@layout_cache
def _facts() -> pl.DataFrame:
    """What is known of each variant that is carried as an item, as columns to join."""
    order = {item.item_id: number for number, item in enumerate(items())}
    carried = [(number, v, v.item) for number, v in enumerate(variants()) if v.item is not None]
    return pl.DataFrame(
        {
            "variant": [number for number, _, _ in carried],
            "item_id": [item.item_id for _, _, item in carried],
            "item_order": [order[item.item_id] for _, _, item in carried],
            "is_numeric": [item.value_kind == "numeric" for _, _, item in carried],
            "item_code": [v.item_code for _, v, _ in carried],
        },
        schema_overrides={"variant": pl.Int64, "item_order": pl.Int64},
    )


def _pairs(allowed: Callable[[Variant], tuple[str, ...]]) -> list[str]:
    """Every variant with each of its units or codes."""
    return [f"{number} {text.lower()}" for number, v in enumerate(variants()) if v.item for text in allowed(v)]


class Results:
    """Puts the results of one archive together, from some documents at a time."""

    def __init__(self) -> None:
        self._tables = [pl.DataFrame(schema=CHECKUP_RESULT.plain_schema())]
        self._asides = [empty_set_aside()]
        self._surplus = 0
        self._first_surplus: int | None = None
        self._surplus_items: set[int] = set()

    def take(self, source_row: Array, said: Array, sayings: Sayings, checkup: pl.DataFrame) -> None:
        """Adds what the documents say that became a ``checkup``.

        Of each observation the row of its document and the number of what it says; documents in the order of their
        rows, a document's observations in its own.
        """
        rows = checkup["source_row"].to_numpy()
        place = np.searchsorted(rows, source_row)
        is_taken = np.append(rows, -1)[place] == source_row
        place, said = place[is_taken], said[is_taken]
        known = sayings.meanings()
        item, rank = known["item_order"].to_numpy(), known["rank"].to_numpy()
        chosen, spare = (np.empty(len(said), np.int64) for _ in range(2))
        taken, left = _choose(place, said, item, rank, len(items()), chosen, spare)
        if left:
            self._surplus += left
            self._surplus_items |= set(item[said[spare[:left]]].tolist())
            if self._first_surplus is None:
                self._first_surplus = int(rows[place[spare[0]]])
        place, said = place[chosen[:taken]], said[chosen[:taken]]
        is_bad = known["is_bad"].to_numpy()[said]
        if is_bad.any():
            self._asides.append(_set_aside(_rows(place[is_bad], said[is_bad], known, checkup)))
            place, said = place[~is_bad], said[~is_bad]
        schema = CHECKUP_RESULT.plain_schema()
        own = [name for name in known.columns if name in schema]
        self._tables.append(_rows(place, said, known.select(own), checkup).select(list(schema)))

    def tables(self) -> tuple[pl.DataFrame, pl.DataFrame, list[Problem]]:
        """(``checkup_result``, observations set aside, problems)."""
        return pl.concat(self._tables), pl.concat(self._asides), self._problems()

    def _problems(self) -> list[Problem]:
        """One problem where documents have an item more than once."""
        if self._first_surplus is None:
            return []
        return [
            Problem(
                "checkup_result",
                self._first_surplus,
                "、".join(items()[place].headings[0] for place in sorted(self._surplus_items)),
                "contract",
                f"一つの文書に同じ項目が二つ以上あり、{self._surplus}件を採りませんでした",
                "値のあるもの、layouts の表の順で先のものを採っています。送付元の測定方法の登録を確かめてください",
            )
        ]


def _rows(place: Array, said: Array, known: pl.DataFrame, checkup: pl.DataFrame) -> pl.DataFrame:
    """For each observation what it means, and what is known of its document."""
    of_document = checkup.select("source_row", *_OF_DOCUMENT)[place]
    return known[said].with_columns(*of_document, parent_source_row=of_document["source_row"])


@loop_that_counts
def _choose(document: Any, said: Any, item: Any, rank: Any, items: int, chosen: Any, spare: Any) -> tuple[int, int]:
    """Of the observations of each document, which stand together, one for each item: that of the least rank, of such
    the first. Gives how many are chosen, in order of document and item, and how many are not (``spare``).

    ``item`` and ``rank`` are of what ``said`` numbers, ``items`` is how many items there are.
    """
    best = np.empty(items, np.int64)
    taken, left, at = 0, 0, 0
    while at < said.size:
        best[:] = NONE
        own = document[at]
        while at < said.size and document[at] == own:
            place = item[said[at]]
            known = best[place]
            if known == NONE or rank[said[at]] < rank[said[known]]:
                best[place] = at
                if known != NONE:
                    spare[left] = known
                    left += 1
            else:
                spare[left] = at
                left += 1
            at += 1
        for place in range(items):
            if best[place] != NONE:
                chosen[taken] = best[place]
                taken += 1
    return taken, left


def _faults() -> list[Fault]:
    """What keeps an observation out; the field is put in by ``_named_by_item``."""
    says_nothing = pl.col("state").is_null() & pl.col("value").is_null()
    named = pl.format("{} {}", "variant", pl.col("unit").str.to_lowercase())
    wrong_unit = pl.col("numeric_value").is_not_null() & ~named.is_in(_pairs(lambda v: v.units))
    coded = pl.format("{} {}", "variant", "code_value")
    wrong_code = ~coded.is_in(_pairs(lambda v: v.item.codes if v.item else ()))
    return [
        Fault("value", "bad_code", pl.col("state") == ODD),
        Fault("value", "missing_field", says_nothing),
        Fault("value", "bad_number", pl.col("text").is_not_null() & pl.col("numeric_value").is_null()),
        Fault("unit", "bad_code", wrong_unit),
        Fault("value", "bad_code", wrong_code),
    ]


def _set_aside(bad: pl.DataFrame) -> pl.DataFrame:
    """Observations set aside: what they say as ``raw``, ``field`` the item, its printed name in the message."""
    says = [pl.col(name).fill_null("") for name in ("value", "unit", "state")]
    lines = bad.with_columns(line=pl.format("code={} value={} unit={} state={}", pl.col("item_code"), *says))
    _, aside = split_faulty(lines, "checkup_result", _faults(), scheme="scheme_code")
    label = {item.item_id: item.headings[0] for item in items()}
    part = pl.when(pl.col("field") == "unit").then(pl.lit("の単位")).otherwise(pl.lit(""))
    item = lines["item_id"]  # every line is faulty: the rows are the same, in the same order
    return aside.with_columns(
        message=item.replace(label) + part + pl.col("message").str.strip_prefix(pl.col("field")), field=item
    )
