"""A table of a batch is written while its rows come, and is sealed as any other."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import duckdb
import polars as pl
import pytest

from ingest import warehouse
from ingest.sealing.errors import EnvelopeError
from ingest.sealing.keys import CENTER
from ingest.sealing.seal import seal
from ingest.sealing.table_writer import TableWriter
from ingest.sealing.tables import READ
from tests.unit.sealing.pair import SITE, make_pair

ROWS = pl.DataFrame({"number": range(3000), "word": [f"山田{n}" for n in range(3000)]})


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with warehouse.connect(threads=1) as opened:
        yield opened


def writer(path: Path, table: str = "claim") -> TableWriter:
    return TableWriter(table, path, dict(ROWS.schema))


def test_rows_come_out_of_the_batch_as_they_went_in(tmp_path: Path, connection: duckdb.DuckDBPyConnection) -> None:
    pair = make_pair(tmp_path)
    one = writer(tmp_path / "one.parquet")
    for start in range(0, 3000, 700):
        one.append(ROWS.slice(start, 700).get_columns())
    written = one.close()
    assert (written.rows, written.path.stat().st_mode & 0o077) == (3000, 0)
    assert written.key.hex() not in repr(written)
    sealed = seal(
        connection,
        {"checkup": "SELECT 1 AS a", "claim": written},
        pair.folder(1),
        sender=SITE,
        recipient=CENTER,
        sequence=1,
        previous_hash=None,
        kind="facts",
        signing_key=pair.site.secret("signing"),
        recipient_public=pair.site.peer(CENTER).envelope,
    )
    assert not written.path.exists()
    batch = pair.open(sealed.path)
    batch.load_new(connection, "claim", "back")
    assert connection.execute("SELECT * FROM back ORDER BY number").pl().equals(ROWS)


def test_any_number_of_tables_is_written_side_by_side(tmp_path: Path) -> None:
    writers = [writer(tmp_path / f"{n}.parquet", f"t{n}") for n in range(24)]
    for _ in range(3):
        for one in writers:
            one.append(ROWS.get_columns())
    assert [one.close().rows for one in writers] == [9000] * 24


def test_a_table_that_cannot_be_written_is_told_without_a_value(tmp_path: Path) -> None:
    with pytest.raises(EnvelopeError, match="claim could not be written"):
        writer(tmp_path / "nowhere" / "one.parquet")
    other = writer(tmp_path / "other.parquet")
    with pytest.raises(EnvelopeError, match="claim could not be written") as caught:
        other.append(ROWS.select(pl.lit("山田").alias("number"), "word").get_columns())
    assert "山田" not in str(caught.value)


def test_a_disk_that_is_full_only_when_the_file_must_last_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    one = writer(tmp_path / "one.parquet")
    one.append(ROWS.get_columns())
    with pytest.raises(EnvelopeError, match="claim could not be written"):
        one.close()


def test_a_table_that_is_given_up_is_no_table(tmp_path: Path, connection: duckdb.DuckDBPyConnection) -> None:
    one = writer(tmp_path / "one.parquet")
    one.append(ROWS.get_columns())
    one.abandon()
    with pytest.raises(EnvelopeError, match="given up|could not be written"):
        one.close()
    with pytest.raises(duckdb.Error):
        connection.execute(f"SELECT * FROM {READ}", [str(tmp_path / "one.parquet"), bytes(32)])
