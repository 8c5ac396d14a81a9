"""The files of a batch that Tsumugi writes itself: DuckDB reads every value as it was, whatever it is and however many
rows come at a time."""

from __future__ import annotations

import secrets
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import polars as pl
import pytest

from ingest import warehouse
from ingest.sealing.parquet_file import GROUP_ROWS, EncryptedParquet
from ingest.sealing.tables import READ, write_table
from tests.plain_envelope import Footer

SCHEMA: dict[str, pl.DataType] = {
    "row": pl.Int64(),
    "few_numbers": pl.Int64(),
    "any_number": pl.Int64(),
    "ends": pl.Int64(),
    "small": pl.Int32(),
    "code": pl.String(),
    "long_words": pl.String(),
    "many_words": pl.String(),
    "nothing": pl.String(),
    "tag": pl.Binary(),
    "few_tags": pl.Binary(),
    "day": pl.Date(),
    "any_day": pl.Date(),
    "truth": pl.Boolean(),
    "always": pl.Boolean(),
    "amount": pl.Decimal(18, 4),
}
LONG = ["山田太郎", "一二三四五六七八九十", "x" * 12, "x" * 13, "x" * 12 + "y", ""]


def rows(count: int, begin: int, random: Random) -> pl.DataFrame:
    def row(number: int) -> dict[str, Any]:
        values = {
            "few_numbers": random.choice([0, 7, 1 << 40]),
            "any_number": random.randrange(-(2**63), 2**63),
            "small": random.randrange(-3, 3),
            "code": random.choice(["", "a", "1101", "x" * 12]),
            "long_words": random.choice(LONG),
            "many_words": random.randbytes(random.randrange(9)).hex(),
            "tag": random.randbytes(16),
            "few_tags": bytes([random.randrange(3)] * 16),
            "day": date(2024, 1, 1) + timedelta(random.randrange(9)),
            "any_day": date(1, 1, 1) + timedelta(random.randrange(3_000_000)),
            "truth": random.random() < 0.5,
            "amount": Decimal(random.randrange(-(10**17), 10**17)).scaleb(-4),
        }
        there = {name: value for name, value in values.items() if random.random() > 0.1}
        return there | {"row": number, "ends": random.choice([-(2**63), 2**63 - 1]), "always": True}

    return pl.DataFrame([row(begin + number) for number in range(count)], schema=SCHEMA)


def read(path: Path, key: bytes) -> pl.DataFrame:
    with warehouse.connect(threads=2) as connection:
        return connection.execute(f"SELECT * FROM {READ} ORDER BY row", [str(path), key]).pl()


@pytest.mark.parametrize("sizes", [[], [1], [0, 3, 1], [7, 8, 9, 100, 1000], [3000, 20, 3000]])
def test_what_is_written_is_read_by_duckdb(sizes: list[int], tmp_path: Path) -> None:
    random, key = Random(5), secrets.token_bytes(32)
    frames = [rows(size, 10_000 * place, random) for place, size in enumerate(sizes)]
    file = EncryptedParquet(tmp_path / "file", key, SCHEMA)
    for frame in frames:
        file.write(pl.concat([frame[: len(frame) // 3], frame[len(frame) // 3 :]], rechunk=False).get_columns())
    file.close()
    assert read(tmp_path / "file", key).equals(pl.concat([pl.DataFrame(schema=SCHEMA), *frames]))
    assert file.rows == sum(sizes)


def test_a_part_of_a_frame_is_written_as_that_part(tmp_path: Path) -> None:
    whole, key = rows(1001, 0, Random(7)), secrets.token_bytes(32)
    file = EncryptedParquet(tmp_path / "file", key, SCHEMA)
    file.write(whole[333:].get_columns())
    file.write(whole[:333].filter(pl.col("row") % 3 == 0).get_columns())
    file.close()
    kept = pl.concat([whole[:333].filter(pl.col("row") % 3 == 0), whole[333:]])
    assert read(tmp_path / "file", key).equals(kept)


def test_more_rows_than_a_group_holds_are_read_in_their_order(tmp_path: Path) -> None:
    whole, key = pl.DataFrame({"row": range(2 * GROUP_ROWS + 5)}), secrets.token_bytes(32)
    file = EncryptedParquet(tmp_path / "file", key, dict(whole.schema))
    for begin in range(0, whole.height, 70_000):
        file.write(whole[begin : begin + 70_000].get_columns())
    file.close()
    with warehouse.connect(threads=1) as connection:
        assert connection.execute(f"SELECT row FROM {READ}", [str(tmp_path / "file"), key]).pl().equals(whole)


def test_its_footer_tells_columns_and_rows_as_one_that_duckdb_wrote(tmp_path: Path) -> None:
    frame, key = rows(50, 0, Random(9)), secrets.token_bytes(32)
    file = EncryptedParquet(tmp_path / "own", key, SCHEMA)
    file.write(frame.get_columns())
    file.close()
    with warehouse.connect(threads=1) as connection:
        connection.register("frame", frame)
        theirs = write_table(connection, "table", "frame", tmp_path / "theirs")
    one, other = Footer(tmp_path / "own", key), Footer(theirs.path, theirs.key)
    assert (one.columns, one.rows) == (other.columns, other.rows)


def test_a_changed_byte_or_another_key_opens_nothing(tmp_path: Path) -> None:
    key = secrets.token_bytes(32)
    file = EncryptedParquet(tmp_path / "file", key, SCHEMA)
    file.write(rows(500, 0, Random(3)).get_columns())
    file.close()
    content = (tmp_path / "file").read_bytes()
    assert (tmp_path / "file").stat().st_mode & 0o077 == 0
    with pytest.raises(duckdb.Error):
        read(tmp_path / "file", bytes(32))
    for place in range(100, len(content) - 8, len(content) // 7):
        (tmp_path / "file").write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with pytest.raises(duckdb.Error):
            read(tmp_path / "file", key)


def test_no_value_and_no_name_of_a_column_stands_in_the_file(tmp_path: Path) -> None:
    frame = pl.DataFrame({"name": ["山田太郎左衛門"] * 100, "kana": [f"ヤマダ{n}" for n in range(100)]})
    file = EncryptedParquet(tmp_path / "file", secrets.token_bytes(32), dict(frame.schema))
    file.write(frame.get_columns())
    file.close()
    content = (tmp_path / "file").read_bytes()
    assert not [word for word in ("山田太郎", "ヤマダ", "name", "kana") if word.encode() in content]


def test_a_type_that_no_batch_has_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="type Float64"):
        EncryptedParquet(tmp_path / "file", bytes(32), {"share": pl.Float64()})
    with pytest.raises(ValueError, match="columns"):
        EncryptedParquet(tmp_path / "file", bytes(32), SCHEMA).write([pl.Series("row", [1])])
