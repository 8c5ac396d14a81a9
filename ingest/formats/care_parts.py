"""What 給付実績 (1111) and 請求明細書 (7131 …) share: claims, their lines, and how a line finds its claim.

Lines of a claim name it by insurer, insured, month, provider and 整理番号. The claim is the nearest before
them where it has the same key, else the only one of the file that has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import polars as pl

from ingest.formats import careframe, cells
from ingest.formats.bits import Array
from ingest.formats.care_kernels import LINE
from ingest.formats.careplain import CareRecords, merged
from ingest.formats.carerecord import Record, alike, together, widths
from ingest.formats.carewalk import Ties
from ingest.formats.cells import Cell, derived
from ingest.formats.contracts import Contract
from ingest.formats.reading import empty_set_aside

KEY = ("insurer_number", "number", "service_month", "provider_code", "reference_number")
"""What a line shares with its claim."""

Parts = tuple[pl.DataFrame, pl.DataFrame]
"""A contract table and the rows set aside."""


def care_scheme() -> Cell:
    """The scheme of every row of care."""
    return derived("scheme_code", pl.lit("care"))


def line_records(layout: str, kinds: Mapping[str, str], contract: Contract, extra: Sequence[str] = ()) -> list[Record]:
    """How plain records of some codes are read as lines (``kinds`` as ``lines`` has it); ``extra`` are whole numbers
    that the contract does not have."""
    found = []
    for codes in alike(layout, kinds):
        own, places = together(layout, codes)
        own["scheme_code"] = care_scheme()
        if "benefit_rate" in contract.names():
            own["benefit_rate"] = derived("benefit_rate", pl.lit(None, dtype=pl.Int64))  # the claim has it (with_rate)
        told = {"line_kind_code": [kinds[code] for code in codes]} if "line_kind_code" in contract.names() else {}
        found.append(
            Record(
                tuple(codes), contract, list(own.values()), widths(layout, codes), places, told,
                ["parent_source_row"], extra,
            )
        )  # fmt: skip
    return found


def lines(
    source: CareRecords,
    layout: str,
    kinds: Mapping[str, str],
    contract: Contract,
    claim: pl.DataFrame,
    extra: Sequence[str] = (),
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """The records of some codes as one table of lines, the rows set aside, and the parent of each row with its extra
    numbers.

    ``kinds`` maps the code of a record to the ``line_kind_code`` that it becomes. A line whose claim was not taken is
    set aside.
    """
    plain = source.tables.get(contract.name)
    if plain is None:
        return _other_lines(source.data, layout, kinds, contract, claim, extra)
    plain = _with_parents(plain, source, layout, kinds, claim)
    orphans = plain["source_row"].filter(plain["parent_source_row"].is_null())
    plain = plain.filter(pl.col("parent_source_row").is_not_null()) if len(orphans) else plain
    others, aside, numbers = _other_lines(source.data_with(orphans), layout, kinds, contract, claim, extra)
    numbers = pl.concat([plain.select("parent_source_row", *extra), numbers])
    return merged(plain.select(*contract.plain_schema()), others), aside, numbers


def _with_parents(
    plain: pl.DataFrame, source: CareRecords, layout: str, kinds: Mapping[str, str], claim: pl.DataFrame
) -> pl.DataFrame:
    """Lines read from bytes with the claim that was taken for each, or null.

    Nearly all stand behind their claim. Of the others, and where that claim was not taken, the keys are read as text.
    """
    parent = plain["parent_source_row"].to_numpy()
    is_taken = np.zeros(int(max(parent.max(initial=0), claim["source_row"].max() or 0)) + 1, bool)
    is_taken[claim["source_row"].to_numpy()] = True
    far = np.flatnonzero(~is_taken[parent])
    if not len(far):
        return plain
    rows = plain["source_row"][far]
    data = source.reread(rows)
    keys = []
    for code in kinds:
        fields, _, own = careframe.record_fields(data, layout, code, "code")
        texts = cells.with_texts(fields, [own[name] for name in KEY])
        keys.append(texts.select("source_row", *(own[name].value.alias(name) for name in KEY)))
    found = parents(rows.to_frame().join(pl.concat(keys), on="source_row", how="left", maintain_order="left"), claim)
    return plain.with_columns(plain["parent_source_row"].scatter(far, found))


def ties(layout: str, claims: Mapping[str, int], lines: Iterable[str]) -> Ties:
    """How lines with these codes are tied to the claims that stand before them, by the bytes of their ``KEY``.

    ``claims`` has the roles of their codes. A record whose key is made of other fields, or is read in another way than
    that of the claims, is not tied so.
    """
    role, places, ways = {}, {}, set()
    for code, what in (*claims.items(), *((code, LINE) for code in lines if code not in claims)):
        key = {name: [c for c in careframe.record_columns(layout, code) if c.contract_column == name] for name in KEY}
        way = tuple((name, column.kind) for name, columns in key.items() for column in columns)
        if what != LINE:
            ways.add(way)
        if len(way) == len(key) and ways == {way}:
            role[code], places[code] = what, [columns[0].position - 1 for columns in key.values()]
    return Ties(role, places, len(KEY))


def _other_lines(
    data: pl.DataFrame,
    layout: str,
    kinds: Mapping[str, str],
    contract: Contract,
    claim: pl.DataFrame,
    extra: Sequence[str],
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """The same of records as text."""
    frames: list[pl.DataFrame] = []
    asides: list[pl.DataFrame] = []
    labels: dict[str, dict[str, str]] = {}
    value_of: dict[str, Cell] = {}
    present = set(data["code"].unique())
    for code, kind in kinds.items():
        if code not in present:
            continue
        fields, misfits, own = careframe.record_fields(data, layout, code, "code")
        labels[code] = {name: cell.label for name, cell in own.items()} | {"parent_source_row": "基本レコード"}
        for name, cell in own.items():
            value_of.setdefault(name, Cell(name, cells.text_of(name), cell.value, name))
        texts = cells.with_texts(fields, list(own.values())).select("source_row", "text", r"^text:.*$")
        frames.append(texts.with_columns(line_kind_code=pl.lit(kind), record=pl.lit(code)))
        asides.append(cells.misfits(misfits, contract.name, "care"))
    if not frames:
        nothing = pl.DataFrame(schema=contract.plain_schema())
        numbers = pl.DataFrame(schema=dict.fromkeys(["parent_source_row", *extra], pl.Int64))
        return nothing, empty_set_aside(), numbers
    whole = pl.concat(frames, how="diagonal").sort("source_row")
    whole = whole.with_columns(
        pl.lit(None, dtype=pl.String).alias(f"text:{name}") for name in value_of if f"text:{name}" not in whole.columns
    )
    keys = whole.select("source_row", *(value_of[name].value.alias(name) for name in KEY))
    whole = whole.with_columns(parents(keys, claim))
    own = value_of | {
        "scheme_code": care_scheme(),
        "parent_source_row": derived("parent_source_row", pl.col("parent_source_row")),
        "line_kind_code": derived("line_kind_code", pl.col("line_kind_code")),
    }
    table, aside = cells.typed(whole, contract, [cell for name, cell in own.items() if name in _needed(contract, own)])
    asides += [_named(aside, whole, code, names) for code, names in labels.items()] if not aside.is_empty() else []
    numbers = whole.select(
        "parent_source_row", *(cells.integer_value(cells.text_of(name)).alias(name) for name in extra)
    )
    return table, pl.concat(asides), numbers


def _needed(contract: Contract, own: Mapping[str, Cell]) -> set[str]:
    """Columns of the contract that have a cell."""
    return set(contract.names()) & set(own)


def _named(aside: pl.DataFrame, whole: pl.DataFrame, code: str, labels: dict[str, str]) -> pl.DataFrame:
    """The rows set aside of one record code, their messages beginning with the name printed in the file."""
    own = whole.filter(pl.col("record") == code).select("source_row")
    return cells.name_fields(aside.join(own, on="source_row", how="semi", maintain_order="left"), labels)


def parents(rows: pl.DataFrame, claim: pl.DataFrame) -> pl.Series:
    """``parent_source_row`` of each row (``source_row`` and ``KEY``); null where no claim was taken for it."""
    keys = rows.select(KEY)
    if claim.is_empty():
        return pl.Series("parent_source_row", [None] * rows.height, dtype=pl.Int64)
    at = _nearest_before(claim["source_row"].to_numpy(), rows["source_row"].to_numpy())
    nearest = claim.select(*KEY, "source_row")[pl.Series(at.clip(0).astype(np.uint32))]
    is_near = pl.all_horizontal(keys[name].eq_missing(nearest[name]) for name in KEY)
    found = nearest.select(
        pl.when(is_near & pl.Series(at >= 0)).then(pl.col("source_row")).alias("parent_source_row")
    ).to_series()
    far = found.is_null().arg_true()
    if far.is_empty():
        return found
    only = claim.group_by(KEY).agg(pl.col("source_row").min().alias("only"), pl.len()).filter(pl.col("len") == 1)
    other = keys[far].join(only, on=list(KEY), how="left", maintain_order="left")["only"]
    return found.scatter(far, other)


def _nearest_before(claims: Array, rows: Array) -> Array:
    """For each row of a file the last of the claims (ascending) that stands before it, or in it; -1 for none."""
    stands = np.zeros(max(int(claims[-1]), int(rows.max(initial=0))) + 1, np.int32)
    stands[claims] = 1
    return np.cumsum(stands, dtype=np.int32)[rows] - 1


def with_rate(service: pl.DataFrame, claim: pl.DataFrame) -> pl.DataFrame:
    """The sums by service with the 保険給付率 of their claim."""
    if service.is_empty():
        return service
    at = _nearest_before(claim["source_row"].to_numpy(), service["parent_source_row"].to_numpy())
    return service.with_columns(benefit_rate=claim["benefit_rate"][pl.Series(at.astype(np.uint32))])


def blank_as_zero(own: dict[str, Cell], names: Sequence[str], where: pl.Expr) -> None:
    """Amounts that are blank count as 0 where ``where`` holds (a 取消 names the record, not its amounts)."""
    for name in names:
        amount = own[name]
        is_silent = where & cells.text_of(name).is_null()
        value = pl.when(is_silent).then(pl.lit(0, dtype=pl.Int64)).otherwise(amount.value)
        own[name] = Cell(name, amount.text, value, amount.label)
