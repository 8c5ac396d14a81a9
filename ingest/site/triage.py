"""Where each row of a load goes: kept, set aside, out of area, or refused with its whole file.

The order of the rules: a row without an insurer is set aside (公費単独); a row of an insurer outside
the prefecture is out of area, and a file in which every record is, is for another site; what is left
must hold its contract and the rules of plausibility. Lines follow their parent record. A file of which too
many rows are set aside is refused as a whole.

Nearly every row is kept, so only the others carry a verdict.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ingest.formats.contracts import CONTRACTS
from ingest.formats.reading import reasons
from ingest.quality import checks, suites
from ingest.quality.rules import rules, share_rules
from ingest.site import future
from ingest.site.area import Area

FILE = checks.FILE  # position of the file in the run, beside the columns of the plain form
VERDICT: dict[str, pl.DataType] = {
    "_outcome": pl.String(),  # set_aside, out_of_area, refused
    "_field": pl.String(),
    "_reason": pl.String(),
    "_message": pl.String(),
    "_remedy": pl.String(),
    "_rule": pl.String(),  # the rule that was broken; null where the row is not of our area or files
}
_ROW = "_row"
_ROWS = 1 << 40  # more than any file has
_FAR = 1 << 62
_MISSING = "保険者の記録がありません"
_FOREIGN = "当サイトの地域外の保険者です"
_WRONG_SITE = "すべての記録が当サイトの地域外の保険者です"
_FUTURE = "まだ来ていない年月です"
_ORPHAN = "属する記録が読み込まれていません"
_NOT_WRONG = ("missing_insurer", "out_of_area")


@dataclass
class Tally:
    """What the rules about a whole file need to know of it; parts of a file are added up."""

    records: int = 0  # rows of tables without a parent
    foreign: int = 0
    rows: dict[str, int] = field(default_factory=dict)  # by table, foreign ones and those without insurer left out
    wrong: dict[str, int] = field(default_factory=dict)  # of these the ones set aside

    def add(self, other: Tally) -> None:
        """Add a further part of the same file."""
        self.records += other.records
        self.foreign += other.foreign
        for mine, theirs in ((self.rows, other.rows), (self.wrong, other.wrong)):
            for table, count in theirs.items():
                mine[table] = mine.get(table, 0) + count

    def refusal(self) -> tuple[str, str] | None:
        """Reason code and message where the file as a whole must be refused."""
        if self.records and self.foreign == self.records:
            return "wrong_site", _WRONG_SITE
        for rule in share_rules():
            limit, least = float(rule.parameters["limit"]), int(rule.parameters["rows"])
            for table, rows in self.rows.items():
                wrong = self.wrong.get(table, 0)
                if rows >= least and wrong > limit * rows:
                    return rule.reason_code, f"{rule.message_ja}（{table}: {rows:,}行のうち{wrong:,}行）"
        return None


@dataclass(frozen=True)
class Triage:
    """The tables as they came, verdicts of the rows that do not go on, findings that only warn.

    ``verdicts``  by table ``_row`` (position in the table) and ``VERDICT``, in order
    ``warnings``  by table findings (``FINDINGS_SCHEMA``) of rows that go on
    ``tallies``   by position of the file
    ``refused``   reason code and message by position of a file that is refused as a whole
    """

    frames: dict[str, pl.DataFrame]
    verdicts: dict[str, pl.DataFrame]
    warnings: dict[str, pl.DataFrame]
    tallies: dict[int, Tally]
    refused: dict[int, tuple[str, str]]

    @property
    def wrong_site(self) -> frozenset[int]:
        """Files that are for another site."""
        return frozenset(place for place, (reason, _) in self.refused.items() if reason == "wrong_site")

    def kept(self, table: str) -> pl.DataFrame:
        """The rows of ``table`` that go on, in their order, with the file's position."""
        frame, gone = self.frames[table], self.verdicts[table].get_column(_ROW)
        if gone.is_empty():
            return frame
        return frame.filter(_mask(frame.height, gone).not_())

    def gone(self, table: str) -> pl.DataFrame:
        """The others, with their verdict."""
        verdicts = self.verdicts[table]
        return self.frames[table][verdicts.get_column(_ROW)].with_columns(verdicts.drop(_ROW).get_columns())


def triage(
    tables: dict[str, pl.DataFrame],
    area: Area,
    gate: suites.Gate,
    aside: Mapping[tuple[int, str], int] | None = None,
    *,
    reference_month: date = date.max,
    is_part: bool = False,
    overruled: frozenset[str] = frozenset(),
) -> Triage:
    """Judge every row of ``tables`` (plain form with the column ``_file``).

    ``aside`` counts by file and table the rows that a reader could not type. Of a part of a file
    (``is_part``) nothing is said about the file as a whole: that is for ``Tally.refusal`` of all parts. Months that
    cannot be yet are told by ``reference_month``. Of the tables ``overruled`` a person has said that their rows are
    right however implausible: there the rules of ``rules.csv`` set nothing aside, the contract still does.
    """
    ordered = {name: tables[name] for name in CONTRACTS if name in tables}  # a parent stands before its lines
    findings = gate.check_tables(ordered)
    verdicts: dict[str, pl.DataFrame] = {}
    for name, frame in ordered.items():
        parent = CONTRACTS[name].parent
        own = _of_findings(findings[name], is_overruled=name in overruled)
        if parent in verdicts:
            verdicts[name] = _first(_of_parent(frame, ordered[parent], verdicts[parent]), own)
        else:
            verdicts[name] = _first(_of_area(frame, area), _not_yet(name, frame, reference_month), own)
    tallies = _tallies(ordered, verdicts, aside or {})
    refused = {} if is_part else {place: why for place, tally in tallies.items() if (why := tally.refusal())}
    if refused:
        verdicts = {name: _refuse(frame, verdicts[name], refused) for name, frame in ordered.items()}
    warnings = {name: _warnings(findings[name], verdicts[name]) for name in ordered}
    return Triage(ordered, verdicts, warnings, tallies, refused)


def _of_area(frame: pl.DataFrame, area: Area) -> pl.DataFrame:
    """Rows without an insurer, and rows of an insurer or town of another area."""
    has_insurer = "insurer_number" in frame.columns
    named = "insurer_number" if has_insurer else "municipality_code"
    parts = []
    if has_insurer:
        missing = frame.get_column("insurer_number").is_null().arg_true()
        parts.append(_verdict(missing, "set_aside", named, "missing_insurer", _MISSING, rule="missing_insurer"))
    parts.append(_verdict(area.is_foreign(frame).arg_true(), "out_of_area", named, "out_of_area", _FOREIGN))
    return pl.concat(parts).sort(_ROW)


def _of_findings(findings: pl.DataFrame, *, is_overruled: bool) -> pl.DataFrame:
    stops = pl.col("severity") == "set_aside"
    if is_overruled:  # of the rules that set aside a row shows the first, and those of the contract stand first
        stops &= ~pl.col("rule_id").is_in([rule.rule_id for rule in rules()])
    return findings.filter(stops).select(
        pl.col("row_number").alias(_ROW),
        pl.col("severity").alias("_outcome"),
        pl.col("field").alias("_field"),
        pl.col("reason_code").alias("_reason"),
        pl.col("message").alias("_message"),
        pl.col("remedy").alias("_remedy"),
        pl.col("rule_id").alias("_rule"),
    )


def _not_yet(name: str, frame: pl.DataFrame, reference_month: date) -> pl.DataFrame:
    """Rows that speak of a month that cannot be yet."""
    broken = frame.select(future.broken(name, reference_month).alias("_field")).to_series()
    rows = broken.is_not_null().arg_true()
    verdicts = _verdict(rows, "set_aside", "", "future_month", _FUTURE, rule="future_month")
    return verdicts.with_columns(broken.gather(rows))


def _of_parent(lines: pl.DataFrame, parents: pl.DataFrame, fates: pl.DataFrame) -> pl.DataFrame:
    """Lines share the fate of their parent; a line without one is set aside."""
    # Lines of one record stand together, so each run of them is looked up once.
    own = _records(lines, "parent_source_row")
    begins = np.flatnonzero(np.diff(own, prepend=-2))
    known = _records(parents, "source_row")
    order = np.argsort(known, kind="stable")
    place = np.searchsorted(known, own[begins], sorter=order)
    runs = order[np.minimum(place, len(order) - 1)] if len(order) else place
    is_orphan = known[runs] != own[begins] if len(order) else np.ones(len(begins), bool)
    if fates.is_empty() and not is_orphan.any():
        return _nothing()
    sizes = np.diff(begins, append=len(own))
    at = pl.Series(np.repeat(np.where(is_orphan, -1, runs), sizes)).replace(-1, None)
    orphans = _verdict(
        at.is_null().arg_true(), "set_aside", "parent_source_row", "contract", _ORPHAN, rule="parent_source_row"
    )
    if fates.is_empty():
        return orphans
    follow = at.to_frame("_at").with_row_index(_ROW).join(fates.rename({_ROW: "_at"}), on="_at")
    # The rule was broken by the parent alone, and is told of once.
    followed = follow.with_columns(pl.lit(None, dtype=pl.String).alias("_rule"))
    return pl.concat([followed.select(pl.col(_ROW).cast(pl.Int64), *VERDICT), orphans]).sort(_ROW)


def _records(frame: pl.DataFrame, row: str) -> NDArray[np.int64]:
    """Per row one number for its file and the row of its record there; -1 where the row is not told."""
    found = frame.get_column(FILE).to_numpy() * _ROWS + frame.get_column(row).fill_null(-_FAR).to_numpy()
    told: NDArray[np.int64] = np.maximum(found, -1)
    return told


def _refuse(frame: pl.DataFrame, verdicts: pl.DataFrame, refused: dict[int, tuple[str, str]]) -> pl.DataFrame:
    parts = [verdicts]
    for place, (reason, message) in refused.items():
        rows = (frame.get_column(FILE) == place).arg_true()
        parts.append(_verdict(rows, "refused", _named(frame) if reason == "wrong_site" else "", reason, message))
    return pl.concat(parts).unique(_ROW, keep="last", maintain_order=True).sort(_ROW)


def _named(frame: pl.DataFrame) -> str:
    return "insurer_number" if "insurer_number" in frame.columns else "municipality_code"


def _warnings(findings: pl.DataFrame, verdicts: pl.DataFrame) -> pl.DataFrame:
    warned = findings.filter(pl.col("severity") == "warn")
    return warned.join(verdicts.select(pl.col(_ROW).alias("row_number")), on="row_number", how="anti")


def _tallies(
    frames: dict[str, pl.DataFrame], verdicts: dict[str, pl.DataFrame], aside: Mapping[tuple[int, str], int]
) -> dict[int, Tally]:
    found: dict[int, Tally] = {}
    for name, frame in frames.items():
        rows = dict(frame.get_column(FILE).value_counts().iter_rows())
        gone = frame.select(FILE)[verdicts[name].get_column(_ROW)].with_columns(verdicts[name].get_column("_reason"))
        by_reason: dict[tuple[int, str], int] = {
            (place, reason): count for place, reason, count in gone.group_by(FILE, "_reason").len().iter_rows()
        }
        for place, count in rows.items():
            tally = found.setdefault(place, Tally())
            innocent = sum(by_reason.get((place, reason), 0) for reason in _NOT_WRONG)
            if CONTRACTS[name].parent is None:
                tally.records += count
                tally.foreign += by_reason.get((place, "out_of_area"), 0)
            tally.rows[name] = tally.rows.get(name, 0) + count - innocent
            wrong = sum(rows_ for (file, _), rows_ in by_reason.items() if file == place) - innocent
            tally.wrong[name] = tally.wrong.get(name, 0) + wrong
    for (place, table), count in aside.items():
        tally = found.setdefault(place, Tally())
        tally.rows[table] = tally.rows.get(table, 0) + count
        tally.wrong[table] = tally.wrong.get(table, 0) + count
    return found


def _verdict(
    rows: pl.Series, outcome: str, named: str, reason: str, message: str, *, rule: str | None = None
) -> pl.DataFrame:
    words = (outcome, named, reason, message, reasons()[reason].remedy_ja, rule)
    columns = [pl.lit(word, dtype=pl.String).alias(name) for name, word in zip(VERDICT, words, strict=True)]
    return rows.cast(pl.Int64).alias(_ROW).to_frame().with_columns(columns)


def _first(*verdicts: pl.DataFrame) -> pl.DataFrame:
    """Verdicts of the same table as one: of a row judged twice the first stands."""
    return pl.concat(verdicts).unique(_ROW, keep="first", maintain_order=True).sort(_ROW)


def _nothing() -> pl.DataFrame:
    return pl.DataFrame(schema={_ROW: pl.Int64(), **VERDICT})


def _mask(height: int, rows: pl.Series) -> pl.Series:
    mask = pl.zeros(height, dtype=pl.UInt8, eager=True)
    return mask.scatter(rows.cast(pl.UInt32), 1).cast(pl.Boolean)
