"""Where each row of a load goes: kept, set aside, out of area, or refused with its whole file.

The order of the rules: a row without an insurer is set aside (公費単独); a row of an insurer outside
the prefecture is out of area, and a file in which every record is, is for another site; what is left
must hold its contract. Lines follow their parent record.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl

from ingest.formats.contracts import CONTRACTS
from ingest.quality import suites
from ingest.site import future
from ingest.site.area import Area

FILE = "_file"  # position of the file in the run, beside the columns of the plain form
VERDICT: dict[str, pl.DataType] = {
    "_outcome": pl.String(),  # null: kept; set_aside, out_of_area, refused
    "_field": pl.String(),
    "_reason": pl.String(),
    "_message": pl.String(),
}
_MISSING = "保険者の記録がありません"
_FOREIGN = "当サイトの地域外の保険者です"
_WRONG_SITE = "すべての記録が当サイトの地域外の保険者です"
_FUTURE = "まだ来ていない年月です"
_ORPHAN = "属する記録が読み込まれていません"


@dataclass(frozen=True)
class Triage:
    """Each table with the columns of ``VERDICT``, and the files that are for another site."""

    tables: dict[str, pl.DataFrame]
    wrong_site: frozenset[int]

    def kept(self, table: str) -> pl.DataFrame:
        """The rows of ``table`` that go on, in their order, with the file's position."""
        frame = self.tables[table]
        return frame.filter(pl.col("_outcome").is_null()).drop(*VERDICT)


def triage(tables: dict[str, pl.DataFrame], area: Area, reference_month: date = date.max) -> Triage:
    """Judge every row of ``tables`` (plain form with the column ``_file``), months by that of reference."""
    foreign = {name: area.is_foreign(frame) for name, frame in tables.items()}
    wrong_site = _wrong_site(tables, foreign)
    judged: dict[str, pl.DataFrame] = {}
    for name in (name for name in CONTRACTS if name in tables):  # a parent stands before its lines
        frame = _not_yet(name, _judge(name, tables[name], foreign[name], wrong_site), reference_month)
        parent = CONTRACTS[name].parent
        judged[name] = _follow(frame, judged[parent]) if parent in judged else frame
    return Triage(judged, wrong_site)


def _wrong_site(tables: dict[str, pl.DataFrame], foreign: dict[str, pl.Series]) -> frozenset[int]:
    records = [
        frame.select(FILE).with_columns(foreign=foreign[name])
        for name, frame in tables.items()
        if CONTRACTS[name].parent is None
    ]
    if not records:
        return frozenset()
    found = pl.concat(records).group_by(FILE).agg(pl.col("foreign").all())
    return frozenset(found.filter("foreign")[FILE].to_list())


def _judge(name: str, frame: pl.DataFrame, foreign: pl.Series, wrong_site: frozenset[int]) -> pl.DataFrame:
    insurer = "insurer_number" in frame.columns
    field = "insurer_number" if insurer else "municipality_code"
    refused = pl.col(FILE).is_in(sorted(wrong_site))
    missing = pl.col("insurer_number").is_null() if insurer else pl.lit(False)
    out = frame.with_columns(_foreign=foreign).with_columns(
        _outcome=pl.when(refused)
        .then(pl.lit("refused"))
        .when(missing)
        .then(pl.lit("set_aside"))
        .when("_foreign")
        .then(pl.lit("out_of_area")),
        _reason=pl.when(refused)
        .then(pl.lit("wrong_site"))
        .when(missing)
        .then(pl.lit("missing_insurer"))
        .when("_foreign")
        .then(pl.lit("out_of_area")),
        _message=pl.when(refused)
        .then(pl.lit(_WRONG_SITE))
        .when(missing)
        .then(pl.lit(_MISSING))
        .when("_foreign")
        .then(pl.lit(_FOREIGN)),
    )
    out = out.with_columns(_field=pl.when(pl.col("_outcome").is_not_null()).then(pl.lit(field))).drop("_foreign")
    findings = _findings(name, out)
    if findings.is_empty():
        return out.select(*frame.columns, *VERDICT)
    return (
        out.with_row_index("_row")
        .join(findings, on="_row", how="left", maintain_order="left")
        .with_columns(
            _outcome=pl.when(pl.col("field").is_not_null()).then(pl.lit("set_aside")).otherwise("_outcome"),
            _reason=pl.when(pl.col("field").is_not_null()).then(pl.lit("contract")).otherwise("_reason"),
            _field=pl.coalesce("field", "_field"),
            _message=pl.coalesce("message", "_message"),
        )
        .select(*frame.columns, *VERDICT)
    )


def _not_yet(name: str, judged: pl.DataFrame, reference_month: date) -> pl.DataFrame:
    """Set aside what is still let through and speaks of a month that cannot be yet."""
    told = judged.with_columns(_broken=future.broken(name, reference_month))
    early = pl.col("_outcome").is_null() & pl.col("_broken").is_not_null()
    verdict = {"_outcome": "set_aside", "_reason": "future_month", "_message": _FUTURE}
    return told.with_columns(
        *(pl.when(early).then(pl.lit(value)).otherwise(column).alias(column) for column, value in verdict.items()),
        _field=pl.when(early).then("_broken").otherwise("_field"),
    ).drop("_broken")


def _findings(name: str, judged: pl.DataFrame) -> pl.DataFrame:
    """Rows not yet decided that break their contract, by their position in ``judged``."""
    open_rows = judged.with_row_index("_row").filter(pl.col("_outcome").is_null())
    findings = suites.check(name, open_rows.select(*CONTRACTS[name].plain_schema()))
    return findings.select(open_rows["_row"].gather(findings["row_number"]).alias("_row"), "field", "message")


def _follow(lines: pl.DataFrame, parents: pl.DataFrame) -> pl.DataFrame:
    """Lines share the fate of their parent; a line without one is set aside."""
    fate = parents.select(
        FILE,
        pl.col("source_row").alias("parent_source_row"),
        *(pl.col(name).alias(f"_parent{name}") for name in VERDICT),
        pl.lit(True).alias("_found"),
    ).unique([FILE, "parent_source_row"])
    orphan = pl.col("_found").is_null() & (pl.col("_outcome") != "refused").fill_null(True)
    joined = lines.join(fate, on=[FILE, "parent_source_row"], how="left", maintain_order="left")
    orphaned = {"_outcome": "set_aside", "_field": "parent_source_row", "_reason": "contract", "_message": _ORPHAN}
    return joined.with_columns(
        pl.when(orphan)
        .then(pl.lit(orphaned[name]))
        .when(pl.col("_parent_outcome").is_not_null())
        .then(pl.col(f"_parent{name}"))
        .otherwise(name)
        .alias(name)
        for name in VERDICT
    ).select(lines.columns)
