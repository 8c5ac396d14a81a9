"""Quarantine keeps what was not let through, once, and readable with the site's key only."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from ingest.quality.quarantine import SCHEMA, Quarantine
from ingest.warehouse import WarehouseError

KEY = bytes(range(32))
NEEDLE = "ツムギイトヨ"


def rows(file_id: str, *lines: int) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {"file_id": file_id, "file_name": "a.csv", "table_name": "claim", "source_row": line, "field": "number",
             "reason_code": "contract", "message": "m", "remedy": "r", "scheme_code": "kokuho", "row_text": NEEDLE,
             "set_aside_by": "rule"}
            for line in lines
        ],
        schema=SCHEMA,
    )  # fmt: skip


def test_the_same_files_again_take_the_place_of_what_was_there(tmp_path: Path) -> None:
    with Quarantine(tmp_path / "q.duckdb", KEY) as quarantine:
        quarantine.replace(["one", "two"], {"set_aside": pl.concat([rows("one", 1, 2), rows("two", 5)])})
        quarantine.replace(["one"], {"set_aside": rows("one", 2), "out_of_area": rows("one", 9)})
        assert quarantine.rows("set_aside").select("file_id", "source_row").rows() == [("one", 2), ("two", 5)]
        assert quarantine.rows("out_of_area")["source_row"].to_list() == [9]


def test_a_failed_replacement_leaves_what_was_there(tmp_path: Path) -> None:
    with Quarantine(tmp_path / "q.duckdb", KEY) as quarantine:
        quarantine.replace(["one"], {"set_aside": rows("one", 1)})
        with pytest.raises(pl.exceptions.ColumnNotFoundError):
            quarantine.replace(["one"], {"set_aside": pl.DataFrame({"file_id": ["one"]})})
        assert quarantine.rows("set_aside")["source_row"].to_list() == [1]


def test_its_bytes_hold_no_row_and_no_other_key_opens_it(tmp_path: Path) -> None:
    with Quarantine(tmp_path / "q.duckdb", KEY) as quarantine:
        quarantine.replace(["one"], {"set_aside": rows("one", 1)})
    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert content
    assert NEEDLE.encode() not in content
    with pytest.raises(WarehouseError):
        Quarantine(tmp_path / "q.duckdb", bytes(32), read_only=True)


def test_a_dropped_row_stays_counted_and_its_record_is_gone_from_the_file(tmp_path: Path) -> None:
    with Quarantine(tmp_path / "q.duckdb", KEY) as quarantine:
        quarantine.replace(["one"], {"set_aside": rows("one", 1, 2)})
        first, second = quarantine.listing()["entry_id"]
        assert quarantine.drop([first, "no such entry"], by="operator", purpose="given up") == 1
        assert quarantine.drop([first], by="operator", purpose="again") == 0
        assert quarantine.listing()["is_dropped"].to_list() == [True, False]
        assert (quarantine.content(first), quarantine.content(second)) == (None, NEEDLE)


def test_a_listing_names_lines_and_holds_no_value(tmp_path: Path) -> None:
    with Quarantine(tmp_path / "q.duckdb", KEY) as quarantine:
        quarantine.replace(["one"], {"set_aside": rows("one", 7)})
        listed = quarantine.listing()
    assert listed["source_row"].to_list() == [7]
    assert NEEDLE not in listed.write_csv()
