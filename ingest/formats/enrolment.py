"""資格 CSV of 国保 (with 国保組合) and 後期, as a municipal system prints it.

The heading may differ from town to town: ``layouts/enrolment_profile_*.csv`` holds the spellings that
load by themselves (formats.md 4, from memory, unverified); any other heading row loads by the profile that
the site confirmed for it, which comes first. Dates in either era; 喪失 and 適用終了 exclusive.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import polars as pl

from ingest.formats import cells, csvtext
from ingest.formats.cells import Cell, derived
from ingest.formats.enrolment_profile import Profile, confirmed, profile_of
from ingest.formats.enrolment_warnings import warnings
from ingest.formats.headercsv import HeaderCsv
from ingest.formats.reading import FileRefused, Reader, Reading
from ingest.formats.rowcheck import Fault
from ingest.settings import PROJECT_ROOT

SEEDS = PROJECT_ROOT / "seeds"


def _finish(own: list[Cell]) -> list[Cell]:
    """Schemes follow from the insurers, a missing 適用 period is the 資格 period, a missing 削除区分 is no."""
    by_name = {cell.column: cell for cell in own}
    by_name["scheme_code"] = derived("scheme_code", cells.scheme_value(by_name["insurer_number"].value))
    previous = by_name.get("previous_insurer_number")
    if previous is not None:
        by_name["previous_scheme_code"] = derived("previous_scheme_code", cells.scheme_value(previous.value))
    by_name.setdefault("is_deleted", derived("is_deleted", pl.lit(False)))
    # A 国保組合 prints no 適用 period: the 資格 period stands for it. Where a start is printed, a blank
    # end means that the period is open.
    start = by_name.get("applied_start_date")
    is_unprinted = pl.lit(True) if start is None else start.text.is_null()
    for applied, whole in (("applied_start_date", "acquired_date"), ("applied_end_date", "lost_date")):
        by_name[applied] = _either(applied, by_name.get(applied), by_name[whole], is_unprinted)
    return list(by_name.values())


def _either(column: str, printed: Cell | None, other: Cell, is_other: pl.Expr) -> Cell:
    """The date printed, or the other one where ``is_other``."""
    own = pl.lit(None, dtype=pl.String) if printed is None else printed.text
    return Cell(
        column,
        pl.when(is_other).then(other.text).otherwise(own),
        cells.date_value(cells.text_of(column)),
        other.label if printed is None else printed.label,
    )


_ENDS_BEFORE_START = (
    Fault("lost_date", "bad_date", pl.col("lost_date") < pl.col("acquired_date")),
    Fault("applied_end_date", "bad_date", pl.col("applied_end_date") < pl.col("applied_start_date")),
)
"""An interval may be empty (entered and ended on one day), never negative."""

_JOINED_PARTED = r"^(.*?)[-‐−―・/ ]+([^-‐−―・/ ]+)$"
_JOINED_DIGITS = r"^(\d{1,12})(\d{8})$"  # unverified: 12 digits are 4 of 記号 and 8 of 番号 (formats.md 4)


@cache
def reason_words(side: str) -> dict[str, str]:
    """Code by ``scheme/word`` of 取得事由 (``acquired``) or 喪失事由 (``lost``): ``seeds/enrolment_reasons.csv``."""
    with (SEEDS / "enrolment_reasons.csv").open(encoding="utf-8", newline="") as handle:
        return {
            f"{row['scheme_code']}/{word}": row["reason_code"]
            for row in csv.DictReader(handle)
            if row["side"] == side
            for word in row["words"].split("|")
            if word
        }


def _finish_profiled(profile: Profile, own: list[Cell]) -> list[Cell]:
    """As ``_finish``, with what a vendor's file prints otherwise: joined numbers, words for 事由, no 処理日.

    Without 異動処理年月日 the latest date of the row is its version, so that the row with the end of an
    interval follows the one without; without 履歴番号 it is 1.
    """
    by_name = {cell.column: cell for cell in own}
    joined = by_name.pop("symbol_and_number", None)
    if joined is not None:
        _part(by_name, joined)
    scheme = cells.scheme_value(by_name["insurer_number"].value).replace("kumiai", "kokuho")
    codes = {column.contract_column: column.codes for column in profile.columns}
    for side in ("acquired", "lost"):
        name = f"{side}_reason_code"
        if name in by_name:
            text = by_name[name].text.replace(dict(codes[name]))
            word = (scheme + "/" + cells.text_of(name)).replace_strict(
                reason_words(side), default=None, return_dtype=pl.String
            )
            by_name[name] = Cell(name, text, pl.coalesce(word, cells.text_of(name)), by_name[name].label)
    whole = _finish(list(by_name.values()))
    if "processed_date" not in by_name:
        dates = [cell.value for cell in whole if cell.column in _DATES_OF_CHANGE]
        whole.append(derived("processed_date", pl.max_horizontal(dates)))
    if "record_number" not in by_name:
        whole.append(derived("record_number", pl.lit(1, dtype=pl.Int64)))
    return whole


_DATES_OF_CHANGE = ("acquired_date", "lost_date", "applied_start_date", "applied_end_date")


def _part(by_name: dict[str, Cell], joined: Cell) -> None:
    """記号番号 in one column as symbol and number, unless columns of their own name them."""
    for place, name in enumerate(("symbol", "number"), start=1):
        parted = pl.coalesce(
            joined.text.str.extract(_JOINED_PARTED, place), joined.text.str.extract(_JOINED_DIGITS, place)
        )
        text = parted if name == "symbol" else pl.coalesce(parted, joined.text)
        by_name.setdefault(name, Cell(name, text, cells.text_of(name), joined.label))


@dataclass
class ProfiledCsv(HeaderCsv):
    """Reader of the 資格 files whose heading row the site has confirmed (``enrolment_profile.with_profiles``)."""

    def recognise(self, head: bytes) -> str | None:
        """The fingerprint of the heading row, where a confirmed profile has it."""
        if not confirmed():
            return None
        for encoding in csvtext.READ_ENCODINGS:
            found = profile_of(head.decode(encoding, errors="replace").lstrip("\ufeff"))
            if found is not None:
                return found.fingerprint
        return None

    def read(self, path: Path) -> Reading:
        """The file's rows by its profile; raises FileRefused as ``HeaderCsv.read`` does."""
        text, _, _ = csvtext.decode(path.read_bytes()[: csvtext.HEAD_BYTES])
        profile = profile_of(text)
        if profile is None:
            raise FileRefused("unrecognised", "確認済みの見出しではありません", line=1)
        reading = self.read_as(
            path, profile.layout(), lambda own: _finish_profiled(profile, own), edition=profile.fingerprint
        )
        if profile.is_full:
            # The day of a full file is one for all its rows: the latest 基準日 that it prints, else its latest
            # change. What it says of a record is newer than every change processed before that day.
            table = reading.tables[self.table]
            day = table.select(pl.coalesce(pl.col("full_as_of_date").max(), pl.col("processed_date").max())).to_series()
            reading.tables[self.table] = table.with_columns(
                pl.lit(day.item(), dtype=pl.Date).alias(name) for name in ("processed_date", "full_as_of_date")
            )
            reading.months = cells.months_of(day)
        return reading


READERS: tuple[Reader, ...] = (
    ProfiledCsv(
        "enrolment_profile_csv",
        "enrolment",
        "enrolment",
        "",
        "processed_date",
        _finish,
        _ENDS_BEFORE_START,
        warnings,
    ),
    HeaderCsv(
        "enrolment_kokuho_csv",
        "enrolment",
        "enrolment",
        "enrolment_profile_kokuho",
        "processed_date",
        _finish,
        _ENDS_BEFORE_START,
        warnings,
    ),
    HeaderCsv(
        "enrolment_koki_csv",
        "enrolment",
        "enrolment",
        "enrolment_profile_koki",
        "processed_date",
        _finish,
        _ENDS_BEFORE_START,
        warnings,
    ),
)
