"""How long linkage takes: `tsumugi bench link`, at first and for one month more, beside a plain grouping of the tags.

The records are made of arrays, not of files: people with one to three numbers one after the other, each number named
with and without branch and name, now and then with a wrong year of birth. As at the center, an identity comes in
several batches and every batch brings its tokens again; a month more brings mostly whom the center knows.
"""

from __future__ import annotations

import math
import resource
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import numpy as np
import polars as pl
from numpy.typing import NDArray

from ingest import warehouse
from ingest.center.link.rules import rules
from ingest.center.link.state import relink
from ingest.center.schema import prepare
from ingest.identity.siv import binary
from ingest.progress import ProgressCallback

Ints = NDArray[np.int64]

SITE = "16"
BATCHES = 36
SENT = 2.5  # times that an identity is sent, on the average
SHARE_OF_NUMBERS = {1: 0.6, 2: 0.3, 3: 0.1}  # of people who have so many
WAYS = ((True, True, 0, 1.0), (False, True, 0, 0.6), (True, False, 0, 0.4), (True, True, 1, 0.05))
"""In which a number is named: branch, name, year wrong, and of which share of the numbers."""
NEW_SHARE, SENT_SHARE = 0.01, 0.4  # of a month: new numbers, identities that come once more
THREADS, MEMORY = 2, "1000MB"
FIRST_DAY = date(2015, 4, 1)
_KEY = bytes(range(32))


@dataclass(frozen=True)
class _People:
    """``numbers``: number, person, place in the person's row of numbers, last; ``identities``: identity, number,
    person, branch, name, year (0 right)."""

    numbers: pl.DataFrame
    identities: pl.DataFrame


def run(records: int, progress: ProgressCallback) -> dict[str, Any]:
    """Link so many records of identities, then a month more.

    Returns records, identities, tokens and persons of the whole, records of the month; seconds of the processor and
    of the clock of the whole linkage, of a month more and of a plain join and grouping of the same tags (one round: the
    least identity of every tag, and of that every identity), the ratios of the processor's and of a month to the whole
    by the clock, and the most memory that the process held until the whole was linked, in MB.
    """
    random = np.random.default_rng(records)
    with TemporaryDirectory() as folder:
        connection = warehouse.connect(spill=Path(folder), memory_limit=MEMORY, threads=THREADS)
        prepare(connection)
        progress("records", 0, 4)
        known = _people(max(1, round(records / _records_of_a_person())), 0, random)
        _send_history(connection, known, random)
        progress("whole", 1, 4)
        whole, whole_clock, figures = _timed(lambda: _link(connection, 1))
        most_memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        linked, tokens = (_count(connection, table) for table in ("raw.identity", "link.incidence"))
        progress("plain grouping", 2, 4)
        plain, plain_clock, _ = _timed(lambda: _group_plainly(connection))
        progress("one month more", 3, 4)
        _send_month(connection, known, random)
        month, month_clock, later = _timed(lambda: _link(connection, 2))
        sent = _count(connection, "raw.identity")
        connection.close()
    progress("one month more", 4, 4)
    return {
        "records": linked,
        "records_month": sent - linked,
        "identities": figures["identities"],
        "tokens": tokens,
        "persons": figures["persons"],
        "cpu_seconds": round(whole, 1),
        "cpu_seconds_month": round(month, 1),
        "cpu_seconds_plain": round(plain, 1),
        "seconds": round(whole_clock, 1),
        "seconds_month": round(month_clock, 1),
        "seconds_plain": round(plain_clock, 1),
        "ratio_to_plain": round(whole / plain, 2),
        "month_share": round(month / whole, 3),
        "month_share_clock": round(month_clock / whole_clock, 3),
        "solved_in_month": later["solved_identities"],
        "most_memory_mb": round(most_memory / 1024),
    }


def _records_of_a_person() -> float:
    """How many to expect: identities by the batches that name them, for who is sent twice in one is named once."""
    numbers = sum(number * share for number, share in SHARE_OF_NUMBERS.items())
    left_out = (1 - 1 / BATCHES) * math.exp((1 - SENT) / BATCHES)  # by one batch, of 1 + Poisson times
    return numbers * sum(share for *_, share in WAYS) * BATCHES * (1 - left_out)


def _timed(work: Any) -> tuple[float, float, Any]:
    """Seconds of the processor and of the clock, and what came of it."""
    began, began_clock = time.process_time(), time.perf_counter()
    result = work()
    return time.process_time() - began, time.perf_counter() - began_clock, result


def _link(connection: duckdb.DuckDBPyConnection, build: int) -> dict[str, Any]:
    connection.execute("BEGIN TRANSACTION")
    figures = relink(connection, _KEY, _KEY, rules(), FIRST_DAY, build)
    connection.execute("COMMIT")
    return figures


def _group_plainly(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(
        """
        CREATE TEMP TABLE grouped AS
        SELECT linkage_domain, identity_tag, min(least_tag) AS least_tag FROM link.incidence JOIN (
            SELECT linkage_domain, purpose, pass_tag, min(identity_tag) AS least_tag
            FROM link.incidence GROUP BY linkage_domain, purpose, pass_tag
        ) USING (linkage_domain, purpose, pass_tag) GROUP BY linkage_domain, identity_tag"""
    )
    connection.execute("DROP TABLE temp.grouped")


def _people(count: int, first: int, random: np.random.Generator) -> _People:
    """So many people, numbered from ``first``; numbers and identities are numbered by their person."""
    of_each = random.choice(list(SHARE_OF_NUMBERS), count, p=list(SHARE_OF_NUMBERS.values()))
    person = np.repeat(np.arange(first, first + count), of_each)
    place = np.arange(len(person)) - np.repeat(np.cumsum(of_each) - of_each, of_each)
    numbers = pl.DataFrame(
        {
            "number": person * 4 + place,
            "person": person,
            "place": place,
            "is_last": place + 1 == np.repeat(of_each, of_each),
        }
    )
    parts = [
        numbers.filter(pl.Series(random.random(numbers.height) < share)).select(
            (pl.col("number") * 8 + way).alias("identity"), "number", "person", "place",
            pl.lit(branch).alias("branch"), pl.lit(name).alias("name"), pl.lit(year, pl.Int64).alias("year"),
        )
        for way, (branch, name, year, share) in enumerate(WAYS)
    ]  # fmt: skip
    return _People(numbers, pl.concat(parts))


def _send_history(connection: duckdb.DuckDBPyConnection, known: _People, random: np.random.Generator) -> None:
    times = 1 + random.poisson(SENT - 1, known.identities.height)
    rows = known.identities[np.repeat(np.arange(known.identities.height), times)]
    batch = pl.Series("batch_sequence", random.integers(1, BATCHES + 1, rows.height))
    rows = rows.with_columns(batch).unique(["identity", "batch_sequence"])
    for sequence in range(1, BATCHES + 1):
        _send_identities(connection, rows.filter(batch_sequence=sequence))
        _note_batch(connection, sequence)
    _send_enrolments(connection, known.numbers, 1)


def _send_month(connection: duckdb.DuckDBPyConnection, known: _People, random: np.random.Generator) -> None:
    people = int(known.numbers["person"].max()) + 1  # type: ignore[arg-type]
    fresh = _people(max(1, round(people * NEW_SHARE)), people, random)
    again = known.identities.filter(pl.Series(random.random(known.identities.height) < SENT_SHARE))
    rows = pl.concat([again, fresh.identities]).with_columns(pl.lit(BATCHES + 1, pl.Int64).alias("batch_sequence"))
    _send_identities(connection, rows)
    _send_enrolments(connection, fresh.numbers, BATCHES + 1)
    _note_batch(connection, BATCHES + 1)


def _send_identities(connection: duckdb.DuckDBPyConnection, rows: pl.DataFrame) -> None:
    """Into ``raw``: identities with their tokens, as often as they are sent."""
    tag = _tags("identity", rows["identity"].to_numpy())
    year = 1950 + pl.col("person") % 60 - 10 * pl.col("year")
    identity = rows.select(
        tag.alias("identity_tag"),
        pl.lit(SITE).alias("linkage_domain"),
        "batch_sequence",
        (pl.col("person") % 2 + 1).cast(pl.String).alias("sex_code"),
        pl.date(year, pl.col("person") % 12 + 1, 1).alias("birth_month"),
    )
    _insert(connection, "raw.identity", identity)
    batch = rows["batch_sequence"]
    for pass_id, purpose, carries, key in _PASSES:
        chosen = rows.select(carries).to_series()
        values = rows.filter(chosen).select(key).to_series().to_numpy()
        passed = pl.DataFrame(
            {
                "identity_tag": tag.filter(chosen),
                "pass_tag": _tags(purpose, values),
                "batch_sequence": batch.filter(chosen),
            }
        )
        head = [
            pl.lit(SITE).alias("linkage_domain"),
            pl.lit(pass_id).alias("pass_id"),
            pl.lit(purpose).alias("purpose"),
        ]
        _insert(connection, "raw.identity_pass", passed.with_columns(head))


def _send_enrolments(connection: duckdb.DuckDBPyConnection, numbers: pl.DataFrame, sequence: int) -> None:
    """Into ``raw``: an enrolment for each number."""
    start = pl.lit(FIRST_DAY) + pl.duration(days=pl.col("place") * 1000)
    enrolment = numbers.select(
        _tags("identity", (numbers["number"] * 8).to_numpy()).alias("identity_tag"),
        _tags("record", numbers["number"].to_numpy()).alias("record_key_tag"),
        pl.lit(SITE).alias("linkage_domain"),
        pl.lit(sequence, pl.Int64).alias("batch_sequence"),
        pl.lit("kokuho").alias("scheme_code"),
        start.alias("applied_start_date"),
        pl.when(~pl.col("is_last")).then(start + pl.duration(days=1000)).alias("applied_end_date"),
        pl.lit(FIRST_DAY).alias("processed_date"),
        pl.lit(False).alias("is_deleted"),
    )
    _insert(connection, "raw.enrolment", enrolment)


_HAS_BRANCH, _HAS_NAME = pl.col("branch"), pl.col("name")
_IS_REGISTER = _HAS_BRANCH & _HAS_NAME & (pl.col("year") == 0)
_BORN = pl.col("number") * 2 + pl.col("year")
_NAMED = pl.col("person") * 2 + pl.col("year")
_PASSES = (
    ("number", "number", _HAS_BRANCH, pl.col("number")),
    ("number_birth", "number_birth", _HAS_BRANCH | True, _BORN),
    ("number_name", "number_name", _HAS_NAME, pl.col("number")),
    ("resident", "resident", _IS_REGISTER, pl.col("person")),
    ("previous", "number_birth", _IS_REGISTER & (pl.col("place") > 0), (pl.col("number") - 1) * 2),
    ("name_town", "name_town", _HAS_NAME, _NAMED),
    ("name", "name", _HAS_NAME, _NAMED),
    ("given_birth", "given_birth", _HAS_NAME, _NAMED),
)
"""Pass, purpose, which identities carry it, and of what its token is made."""


def _tags(purpose: str, values: Ints) -> pl.Series:
    """Sixteen bytes a value: any that equal values of a purpose give alike, and others hardly ever."""
    mixed = values.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(sum(purpose.encode()) << 32)
    halves = []
    for odd in (0xBF58476D1CE4E5B9, 0x94D049BB133111EB):  # the mixers of splitmix64
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(odd)
        mixed ^= mixed >> np.uint64(27)
        halves.append(mixed.copy())
    return binary(np.column_stack(halves).view(np.uint8))


def _insert(connection: duckdb.DuckDBPyConnection, table: str, frame: pl.DataFrame) -> None:
    connection.register("sent", frame.to_arrow())
    connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM sent")
    connection.unregister("sent")


def _note_batch(connection: duckdb.DuckDBPyConnection, sequence: int) -> None:
    connection.execute(
        "INSERT INTO control.received_batch VALUES (?, ?, ?, ?, 0, false)", [SITE, sequence, f"{sequence}", SITE]
    )


def _count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    found = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    assert found is not None
    return int(found[0])
