"""What became of each row that was set aside: it waits, was given up, goes on after all, or came again corrected.

The quarantine keeps the rows, the ledger what was decided and which delivery did it. A state is never written
down: a delivery that was recalled or taken back counts no longer, and what it had done to a row is undone with it.
"""

from __future__ import annotations

import json
from functools import reduce
from typing import Any

import polars as pl

from ingest.formats.contracts import CONTRACTS
from ingest.ledger import Ledger
from ingest.quality.quarantine import Quarantine
from ingest.site.delivery import Delivery
from ingest.site.triage import FILE, Triage

WAITING, NOTED, RELEASED, SUPERSEDED, DROPPED = "waiting", "noted", "released", "superseded", "dropped"
STATES = {WAITING: "保留中", NOTED: "解除・送付待ち", RELEASED: "解除済み", SUPERSEDED: "差替済み", DROPPED: "破棄済み"}
"""State of an entry and its word on the screen."""
SAME_SIZE = 0.05  # a file sent again has as many rows as before but for this share, or one (当製品の既定値)
AGAIN: dict[str, pl.DataType] = {"entry_id": pl.String(), "file_id": pl.String(), FILE: pl.Int64()}
_DECISIONS: dict[str, pl.DataType] = {
    "entry_id": pl.String(),
    "decision": pl.String(),
    "delivery_id": pl.Int64(),
    "decided_by": pl.String(),
}

_BROUGHT = """
SELECT file_id, max(delivery_id) AS delivery_id FROM delivery
WHERE state = 'taken' AND delivery_id NOT IN (SELECT delivery_id FROM release WHERE delivery_id IS NOT NULL)
GROUP BY file_id"""
"""The delivery that brought a file; a release carries rows of the same bytes and is none."""
_DECIDED = f"""
WITH brought AS ({_BROUGHT})
SELECT r.entry_id, '{RELEASED}' AS decision, r.delivery_id, r.released_by AS decided_by
FROM release AS r JOIN delivery AS d ON d.delivery_id = r.delivery_id JOIN brought AS b ON b.file_id = r.file_id
WHERE d.state = 'taken' AND r.delivery_id > b.delivery_id
UNION ALL
SELECT s.entry_id, '{SUPERSEDED}', s.delivery_id, d.file_name
FROM superseded AS s JOIN delivery AS d ON d.delivery_id = s.delivery_id JOIN brought AS b ON b.file_id = s.file_id
WHERE d.state = 'taken' AND s.delivery_id > b.delivery_id
UNION ALL
SELECT entry_id, '{NOTED}', NULL, released_by FROM release WHERE delivery_id IS NULL"""


def entries(ledger: Ledger, quarantine: Quarantine) -> pl.DataFrame:
    """``Quarantine.listing`` and what became of each entry.

    ``state`` of ``STATES``; ``delivery_id`` that released or superseded it; ``decided_by``: who released it, or the
    name of the file that superseded it. A release that was sent stands before a correction that came later.
    """
    decided = pl.DataFrame(ledger.rows(_DECIDED), schema=_DECISIONS, orient="row")
    order = pl.col("decision").replace_strict({RELEASED: 0, SUPERSEDED: 1, NOTED: 2}, return_dtype=pl.Int64)
    first = decided.sort(order, "delivery_id").unique("entry_id", keep="first", maintain_order=True)
    state = (
        pl.when(pl.col("decision") == RELEASED).then(pl.lit(RELEASED))
        .when(pl.col("is_dropped")).then(pl.lit(DROPPED))
        .otherwise(pl.col("decision").fill_null(WAITING))
    )  # fmt: skip
    return (
        quarantine.listing()
        .join(first, on="entry_id", how="left", maintain_order="left")
        .with_columns(state.alias("state"))
        .drop("decision")
    )


def due(ledger: Ledger, quarantine: Quarantine) -> list[dict[str, Any]]:
    """The releases to be sent, one a file that is taken: its delivery's columns, and ``entry_ids``."""
    noted = entries(ledger, quarantine).filter(pl.col("state") == NOTED)
    found = []
    for brought in ledger.rows(f"SELECT * FROM delivery WHERE delivery_id IN (SELECT delivery_id FROM ({_BROUGHT}))"):
        its = noted.filter(pl.col("file_id") == brought["file_id"])["entry_id"].to_list()
        if its:
            found.append(brought | {"entry_ids": its})
    return found


def has_noted(ledger: Ledger) -> bool:
    """Whether a release was noted and not sent; it may have come to nothing since, which ``due`` tells."""
    return bool(ledger.rows("SELECT 1 FROM release WHERE delivery_id IS NULL LIMIT 1"))


class Waiting:
    """The rows that waited before a run, held against the records that the run brings.

    An entry is superseded where a record of the same business key comes in another file, in a version no older than
    the one set aside (where the version itself was told wrong, in any); the state of the record that came is its own:
    set aside again, it waits as an entry of its new delivery. A row that could not be typed has no key: it is
    superseded where its file comes again under its name (``sent_again``).
    """

    def __init__(self, ledger: Ledger, quarantine: Quarantine) -> None:
        self._ledger = ledger
        self._quarantine = quarantine
        self._entries = entries(ledger, quarantine).filter(pl.col("state").is_in([WAITING, NOTED]))
        self._keys: dict[str, pl.DataFrame] = {}

    def come_again(self, table: str, frame: pl.DataFrame, file_ids: pl.Series) -> pl.DataFrame:
        """Entries (``AGAIN``) whose record is in ``frame``: plain rows of ``table`` with the place of their file."""
        known = self._known(table)
        if known.is_empty():
            return pl.DataFrame(schema=AGAIN)
        contract = CONTRACTS[table]
        versions = [name for name in contract.version_key if name not in contract.business_key]
        # The few that wait are the right side: nearly no row of a delivery is among them.
        met = frame.select(
            FILE, *contract.business_key, *(pl.col(name).alias(f"{name}_new") for name in versions)
        ).join(known, on=list(contract.business_key), nulls_equal=True)
        is_newer = reduce(_or_equal, reversed(versions), pl.lit(True)) | pl.col("field").is_in(versions)
        met = met.with_columns(file_ids.gather(met[FILE]).alias("_its_file"))
        return met.filter(is_newer & (pl.col("_its_file") != pl.col("file_id"))).select(*AGAIN).unique()

    def sent_again(self, delivery: Delivery, arrived: set[tuple[str, str, str]], rows: dict[str, int]) -> pl.DataFrame:
        """Entries (without ``FILE``) of earlier files that this one is sent in place of.

        The same name and format, the same months, at least the insurers and months of before (``arrived``), and as
        many rows of each table (``rows``, by table): a name alone says little where senders name every file alike.
        """
        columns = [name for name in AGAIN if name != FILE]
        none = pl.DataFrame(schema=AGAIN).select(columns)
        if self._entries.is_empty():
            return none
        before = []
        for old in self._ledger.rows(
            f"SELECT * FROM delivery WHERE delivery_id IN (SELECT delivery_id FROM ({_BROUGHT})) "
            "AND file_name = ? AND format = ? AND months = ?",
            (delivery.file.name, delivery.format, json.dumps(delivery.months)),
        ):
            its_rows = self._ledger.rows(
                "SELECT table_name, sum(value) AS rows FROM control_total WHERE delivery_id = ? AND measure = 'rows' "
                "AND outcome = 'read' GROUP BY table_name",
                (old["delivery_id"],),
            )
            its_arrivals = {
                (row["insurer_number"], row["stream"], row["month"])
                for row in self._ledger.rows("SELECT * FROM arrival WHERE delivery_id = ?", (old["delivery_id"],))
            }
            alike = all(
                abs(rows.get(r["table_name"], 0) - r["rows"]) <= max(1, SAME_SIZE * r["rows"]) for r in its_rows
            )
            if alike and its_arrivals <= arrived:
                before.append(old["file_id"])
        return self._entries.filter(
            pl.col("file_id").is_in(before) & (pl.col("file_id") != delivery.file.file_id)
        ).select(columns)

    def _known(self, table: str) -> pl.DataFrame:
        """The records of ``table`` that rows wait for: entry_id, file_id, field, keys, versions; each typed."""
        if table not in self._keys:
            contract = CONTRACTS[table]
            schema = contract.plain_schema()
            key = pl.Struct({name: schema[name] for name in (*contract.business_key, *contract.version_key)})
            records = self._quarantine.records(table).join(
                self._entries.select("entry_id", "field"), on="entry_id", how="inner"
            )
            needed = [c.name for c in contract.columns if c.required and c.name in contract.business_key]
            typed = records.with_columns(pl.col("record_key").str.json_decode(key)).unnest("record_key")
            self._keys[table] = typed.drop_nulls(needed)  # without these it is nobody's key
        return self._keys[table]


def records_of(judged: Triage, table: str, rows: pl.DataFrame) -> pl.DataFrame:
    """record_table, record_row, record_key of ``rows`` of ``table``: the record that a row is or belongs to."""
    parent = CONTRACTS[table].parent
    if parent is None or parent not in judged.frames:
        named, row = (table, "source_row") if parent is None else (parent, "parent_source_row")
        key = _record_key(table) if parent is None else pl.lit(None, dtype=pl.String)
        return rows.select(
            pl.lit(named).alias("record_table"), pl.col(row).alias("record_row"), key.alias("record_key")
        )
    place = [FILE, "parent_source_row"]
    records = (
        judged.frames[parent]
        .rename({"source_row": "parent_source_row"})
        .join(rows.select(place).unique(), on=place, how="semi")
        .select(*place, _record_key(parent).alias("record_key"))
        .unique(place)
    )
    return (
        rows.select(place)
        .join(records, on=place, how="left", maintain_order="left")
        .select(pl.lit(parent).alias("record_table"), pl.col("parent_source_row").alias("record_row"), "record_key")
    )


def _record_key(table: str) -> pl.Expr:
    contract = CONTRACTS[table]
    return pl.struct(*dict.fromkeys((*contract.business_key, *contract.version_key))).struct.json_encode()


def _or_equal(later: pl.Expr, name: str) -> pl.Expr:
    """Whether the version that comes is newer by ``name`` and, where it is the same, by the columns after it."""
    new, old = pl.col(f"{name}_new"), pl.col(name)
    newer = new.is_not_null() & (old.is_null() | (new > old))
    return newer.fill_null(False) | (new.eq_missing(old) & later)
