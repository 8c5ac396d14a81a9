"""受給者異動連絡票 (5311) and 受給者台帳 (5341): certifications, and the numbers that tie to 国保 and 後期.

One data record is one change of one insured. 5311 reports changes only; 5341, the 連合会's ledger, adds
訂正年月日 and 訂正区分. 訂正連絡票 (5321) names no 異動区分 and is not read. Positions of the columns:
``layouts/care_5311.csv``, unverified. Source: formats.md 3.4.

認定有効期間終了 is inclusive as printed, 資格喪失年月日 exclusive. 広域連合(政令市)保険者番号 names the
municipality of a union's insured. 国保 prints symbol and number in one field: the part before the last
separator is taken for the symbol (unverified).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl

from ingest.formats import careframe, careplain, cells
from ingest.formats.careplain import CareRecords, merged
from ingest.formats.carerecord import Record, widths
from ingest.formats.cells import Cell, derived
from ingest.formats.contracts import CARE_CERTIFICATION
from ingest.formats.layout_files import layout_cache
from ingest.formats.reading import FileRefused, Reader, Reading, empty_set_aside

LAYOUT = "care_5311"
DATA_KINDS = ("531", "534")
CODES = ("5311", "5341")
SYMBOL_AND_NUMBER = r"^(.*)[-‐−―・/ ]([^-‐−―・/ ]+)$"
_KANA_ONLY = r"^[\p{Katakana}\p{Hiragana}ー・･\-‐−\s.,A-Za-z()（）'’]*$"


class Care5311:
    """Reader of 受給者異動連絡票 and 受給者台帳."""

    format = "care_5311"
    stream = "care_certification"

    def recognise(self, head: bytes) -> str | None:
        """5311 or 5341 when the control record says データ種別 531 or 534."""
        kind = careframe.data_kind(head)
        if kind not in DATA_KINDS:
            return None
        return careframe.exchange_code(head) or kind

    def read(self, path: Path) -> Reading:
        """Changes of certification; raises FileRefused ``truncated`` where the frame is not whole,
        ``encoding`` where most names in the kana column are not kana."""
        source = careplain.records(path, _records(), pl.col("exchange_code"), CARE_CERTIFICATION.name, DATA_KINDS[0])
        records = careframe.record_counts(source.codes)
        table, aside = _changes(source)
        tables = {CARE_CERTIFICATION.name: table}
        source.refuse(records, tables, aside)
        if not _is_kana(table["name_kana"]):
            words = "氏名(カナ)がカナとして読めません"
            raise FileRefused("encoding", words, records=records, tables=tables, set_aside=aside)
        return Reading(
            format=self.format,
            edition=source.edition,
            months=cells.months_of(table["event_date"]),
            records=records,
            tables=tables,
            set_aside=aside,
            problems=[
                *source.problems,
                *careframe.unknown_records(source.codes, LAYOUT, CARE_CERTIFICATION.name),
            ],
        )


def _is_kana(names: pl.Series) -> bool:
    """Whether at least half of the names are kana; each different one is looked at once."""
    different = names.drop_nulls().value_counts(name="rows")
    is_kana = cells.clean(pl.col("name_kana")).str.contains(_KANA_ONLY)
    kana = different.filter(is_kana)["rows"].sum()
    return bool(2 * kana >= different["rows"].sum())


@layout_cache
def _records() -> list[Record]:
    """How plain records are read."""
    return [Record((code,), CARE_CERTIFICATION, list(_cells(code).values()), widths(LAYOUT, [code])) for code in CODES]


def _cells(code: str) -> dict[str, Cell]:
    own = careframe.record_cells(careframe.record_columns(LAYOUT, code))
    own["scheme_code"] = derived("scheme_code", pl.lit("care"))
    event = own["event_date"].value
    if "corrected_date" in own:
        corrected = own["corrected_date"]
        own["corrected_date"] = _or_else(corrected, event)
        own["correction_code"] = _or_else(own["correction_code"], pl.lit("0"))
    else:
        own["corrected_date"] = derived("corrected_date", event)
        own["correction_code"] = derived("correction_code", pl.lit("0"))
    return own | {cell.column: cell for cell in _related(code)}


def _changes(source: CareRecords) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The records as ``care_certification``, and those set aside."""
    plain = source.tables.get(CARE_CERTIFICATION.name)
    plain = None if plain is None else plain.select(*CARE_CERTIFICATION.plain_schema())
    present = set(source.data["code"].unique())
    tables, asides = [pl.DataFrame(schema=CARE_CERTIFICATION.plain_schema())], [empty_set_aside()]
    for code in CODES:
        if code in present:
            fields, misfits, _ = careframe.record_fields(source.data, LAYOUT, code, "code")
            table, aside = cells.typed(fields, CARE_CERTIFICATION, list(_cells(code).values()))
            tables.append(table)
            asides += [aside, cells.misfits(misfits, CARE_CERTIFICATION.name, "care")]
    table, aside = pl.concat(tables).sort("source_row"), pl.concat(asides).sort("source_row", maintain_order=True)
    return merged(plain, table), aside


def _or_else(printed: Cell, other: pl.Expr) -> Cell:
    """The printed value, or the other where the field is blank."""
    value = pl.when(cells.text_of(printed.column).is_null()).then(other).otherwise(printed.value)
    return Cell(printed.column, printed.text, value, printed.label)


def _related(code: str) -> list[Cell]:
    """The tie to a medical insurer: insurer and number of 後期 where both stand, else those of 国保.

    The number of 国保 is taken apart into symbol and number.
    """
    columns = [c for c in careframe.record_columns(LAYOUT, code) if c.contract_column.startswith("related_")]
    printed: list[Cell] = []
    insurer = number = pl.lit(None, dtype=pl.String)
    joined_at = pl.lit(False)
    for preference in sorted({c.preference for c in columns}, reverse=True):
        pair = {c.contract_column: c for c in columns if c.preference == preference}
        own = {
            name: replace(cell, column=f"{name} {preference}")
            for name, cell in careframe.record_cells(list(pair.values())).items()
        }
        printed += own.values()
        own_insurer, own_number = (
            cells.text_of(own[f"related_{part}"].column) for part in ("insurer_number", "number")
        )
        has_both = own_insurer.is_not_null() & own_number.is_not_null()
        insurer = pl.when(has_both).then(own_insurer).otherwise(insurer)
        number = pl.when(has_both).then(own_number).otherwise(number)
        is_joined = pair["related_number"].kind == "symbol_and_number"
        joined_at = pl.when(has_both).then(pl.lit(is_joined)).otherwise(joined_at)
    insurer = cells.insurer_value(insurer)
    joined = pl.when(joined_at).then(number)
    return [
        *printed,
        derived("related_scheme_code", cells.scheme_value(insurer).replace("kumiai", "kokuho")),
        derived("related_insurer_number", insurer),
        derived("related_symbol", joined.str.extract(SYMBOL_AND_NUMBER, 1)),
        derived("related_number", pl.coalesce(joined.str.extract(SYMBOL_AND_NUMBER, 2), number)),
    ]


READERS: tuple[Reader, ...] = (Care5311(),)
