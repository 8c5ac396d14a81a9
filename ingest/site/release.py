"""`tsumugi quarantine release`: a row that was set aside is right as it is, and goes on with the next extract.

What is released travels as a delivery of its own under the bytes and the line of its source file, so that lineage and
lines find their record. Its account moves: the delivery reads nothing, sets aside fewer rows (a negative number) and
seals as many, so that read = sealed + set aside + refused + out of area holds of it, of its file and of all together.
Rules of plausibility of the released table are overruled; contract, area and month of reference are not.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from sqlite3 import Connection
from typing import Any

import polars as pl

from ingest.formats.contracts import CONTRACTS
from ingest.formats.reading import reasons
from ingest.ledger import Ledger
from ingest.quality.quarantine import Quarantine
from ingest.quality.rules import rules
from ingest.site import future
from ingest.site.delivery import Delivery
from ingest.site.held import DROPPED, NOTED, RELEASED, SUPERSEDED
from ingest.site.inbox import InboxFile

NAME = "解除: "  # before the name of the file whose rows a delivery releases
FUTURE = "future_month"
_SHOWN = 5  # at most so many refusals are told


@dataclass(frozen=True)
class Released:
    """Rows to be sent together.

    ``tables``      their plain form; what is no table of ``overruled`` is judged as ever
    ``entries``     by table and in its order: entry_id, record_entry_id (of a line that goes with its record)
    """

    tables: dict[str, pl.DataFrame]
    entries: dict[str, pl.DataFrame]
    overruled: frozenset[str]


def judged_reasons() -> frozenset[str]:
    """Reason codes that are a judgement: those of plausibility rules that set aside, and a month not yet come."""
    return frozenset(rule.reason_code for rule in rules() if rule.severity == "set_aside") | {FUTURE}


# -- noting ------------------------------------------------------------------------------------------
def refusals(
    known: pl.DataFrame, quarantine: Quarantine, entry_ids: list[str], reference_month: date
) -> dict[str, str]:
    """Why entries cannot be released, by entry id; ``known`` are the ``held.entries`` of the site."""
    by_id = {row["entry_id"]: row for row in known.iter_rows(named=True)}
    records = {(row["file_id"], row["table_name"], row["source_row"]): row for row in by_id.values()}
    still_future = _still_future(quarantine, [e for e in entry_ids if e in by_id], reference_month)
    found = {}
    for entry_id in entry_ids:
        row = by_id.get(entry_id)
        why = _no_entry() if row is None else _refusal(row, records, still_future)
        if why:
            found[entry_id] = why
    return found


def note(ledger: Ledger, known: pl.DataFrame, entry_ids: list[str], *, by: str, reason: str) -> None:
    """Note in the ledger that these entries go on; the next extract takes them along."""
    files = dict(known.select("entry_id", "file_id").iter_rows())
    now = datetime.now(UTC).isoformat(timespec="seconds")
    with ledger.transaction() as connection:
        connection.executemany(
            "INSERT INTO release (entry_id, file_id, released_by, reason, recorded_at) VALUES (?, ?, ?, ?, ?)",
            [(entry_id, files[entry_id], by, reason, now) for entry_id in entry_ids],
        )


def told(refused: dict[str, str]) -> str:
    """The refusals for an operator, the first few of them."""
    lines = [f"{entry_id}: {why}" for entry_id, why in list(refused.items())[:_SHOWN]]
    more = f"\nほか{len(refused) - _SHOWN:,}件" if len(refused) > _SHOWN else ""
    return "解除できない行があるため、何も解除していません。\n" + "\n".join(lines) + more


def _no_entry() -> str:
    return "この ID の行はありません。`tsumugi quarantine list --rows` で確かめてください"


def _refusal(row: dict[str, Any], records: dict[Any, dict[str, Any]], still_future: set[str]) -> str | None:
    decided = {
        DROPPED: "破棄済みで記録が残っていません。送付元からファイルを取り直してください",
        NOTED: f"すでに解除の指示があります（{row['decided_by']}）。次の `tsumugi site extract` で送られます",
        RELEASED: f"すでに解除して送りました（{row['decided_by']}、配信 {row['delivery_id']}）",
        SUPERSEDED: f"訂正された記録が届いています（配信 {row['delivery_id']} {row['decided_by']}）。解除は要りません",
    }
    if row["state"] in decided:
        return decided[row["state"]]
    reason = reasons()[row["reason_code"]]
    if row["set_aside_by"] != "rule" or row["reason_code"] not in judged_reasons():
        if row["reason_code"] == "missing_insurer":
            return f"{row['message']}。{reason.remedy_ja}"
        return (
            f"{row['message']}。様式や表の定めに合わない行は解除できません。送付元に訂正したファイルを求めてください"
            "（訂正した配信が届くと、この行は差替済みになります）"
        )
    record = records.get((row["file_id"], row["record_table"], row["record_row"]))
    if record is not None and record["entry_id"] != row["entry_id"] and record["state"] != RELEASED:
        return f"保留中の記録 {record['entry_id']} の明細です。記録の方を解除すると明細も送られます"
    if row["entry_id"] in still_future:
        return "集計基準月から見てまだ来ていない年月です。基準月（tsumugi.toml の reference_month）を確かめてください"
    return None


def _still_future(quarantine: Quarantine, entry_ids: list[str], reference_month: date) -> set[str]:
    found: set[str] = set()
    asked = pl.col("record_entry_id").is_null()
    aside = quarantine.with_lines(entry_ids).filter(asked & (pl.col("reason_code") == FUTURE))
    for (table,), rows in aside.drop_nulls("row_text").group_by(["table_name"], maintain_order=True):
        is_broken = _typed(str(table), rows).select(future.broken(str(table), reference_month)).to_series()
        found |= set(rows.filter(is_broken.is_not_null())["entry_id"])
    return found


# -- sending -----------------------------------------------------------------------------------------
def delivery(original: dict[str, Any], delivery_id: int) -> Delivery:
    """The delivery that takes rows of ``original`` (a row of the ledger) along."""
    file = InboxFile(Path(), NAME + original["file_name"].removeprefix(NAME), original["file_id"], 0, "")
    found = Delivery(file, delivery_id, original=original["delivery_id"], is_release=True)
    found.stream, found.format, found.edition = original["stream"], original["format"], original["edition"]
    return found


def released(quarantine: Quarantine, entry_ids: list[str]) -> list[Released]:
    """What goes on: records with their lines, then lines whose record went on before."""
    rows = quarantine.with_lines(entry_ids).drop_nulls("row_text")
    is_record = pl.col("table_name") == pl.col("record_table")
    records = rows.filter(is_record)
    own = rows.join(
        records.select("file_id", record_table="table_name", record_row="source_row").unique(),
        on=["file_id", "record_table", "record_row"], how="semi", maintain_order="left",
    )  # fmt: skip
    others = rows.join(own.select("entry_id"), on="entry_id", how="anti", maintain_order="left")
    found = []
    for part in (own, others):
        of_table = {str(name): part.filter(pl.col("table_name") == name) for name in part["table_name"].unique()}
        if of_table:
            found.append(
                Released(
                    {name: _typed(name, its) for name, its in of_table.items()},
                    {name: its.select("entry_id", "record_entry_id") for name, its in of_table.items()},
                    frozenset(part.filter(pl.col("record_entry_id").is_null())["table_name"]),
                )
            )
    return found


def finish(connection: Connection, delivery_id: int, sent: pl.DataFrame, left: pl.DataFrame) -> None:
    """Inside the ledger transaction of an extract: the delivery took ``sent`` along (entry_id, record_entry_id);
    ``left`` was set aside for another reason, which ends its release."""
    asked = pl.col("record_entry_id").is_null()
    connection.executemany(
        "UPDATE release SET delivery_id = ? WHERE entry_id = ? AND delivery_id IS NULL",
        [(delivery_id, entry_id) for entry_id in sent.filter(asked)["entry_id"]],
    )
    connection.executemany(
        "INSERT INTO release (entry_id, record_entry_id, file_id, released_by, reason, recorded_at, delivery_id) "
        "SELECT ?, entry_id, file_id, released_by, reason, recorded_at, delivery_id FROM release "
        "WHERE entry_id = ? AND delivery_id = ?",
        [(entry_id, record, delivery_id) for entry_id, record in sent.filter(~asked).iter_rows()],
    )
    connection.executemany(
        "DELETE FROM release WHERE entry_id = ? AND delivery_id IS NULL",
        [(entry_id,) for entry_id in left.filter(asked)["entry_id"]],
    )


def note_again(connection: Connection, delivery_ids: list[int]) -> None:
    """Inside a ledger transaction: what these deliveries released goes with the next extract instead."""
    connection.executemany(
        "INSERT INTO release (entry_id, file_id, released_by, reason, recorded_at) "
        "SELECT entry_id, file_id, released_by, reason, recorded_at FROM release "
        "WHERE delivery_id = ? AND record_entry_id IS NULL",
        [(delivery_id,) for delivery_id in delivery_ids],
    )


def release_ids(ledger: Ledger) -> set[int]:
    """The deliveries that took released rows along."""
    return {row["delivery_id"] for row in ledger.rows("SELECT DISTINCT delivery_id FROM release")} - {None}


def _typed(table: str, rows: pl.DataFrame) -> pl.DataFrame:
    """The plain rows of ``table`` out of the quarantine's text."""
    schema = CONTRACTS[table].plain_schema()
    return rows.select(pl.col("row_text").str.json_decode(pl.Struct(schema)).alias("row")).unnest("row")
