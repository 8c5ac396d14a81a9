"""The center keeps a table whole: by year, replaced by the next import of the year, never half."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ingest import faults
from ingest.faults import EXIT_CODE, FAULT_VARIABLE
from ingest.reference import store
from ingest.reference.errors import ReferenceRefused
from ingest.reference.reading import ReferenceFile, read
from ingest.reference.tables import tables


def life(*lines: str) -> ReferenceFile:
    text = "\n".join(["年,地域コード,性別,平均余命,出典", *lines, ""])
    return read(tables()["life_table"], text.encode(), "生命表.csv")


def stored(home: Path) -> list[tuple[int, str, str]]:
    found = store.load(home, "life_table")
    assert found is not None
    return [(year, area, f"{value:.1f}") for year, area, value in found.rows.select("year", "area_id", "value").rows()]


def test_an_import_of_a_year_takes_the_place_of_that_year_only(tmp_path: Path) -> None:
    store.put(tmp_path, life("2015,16201,男,80.1,a", "2020,16201,男,81.1,a", "2020,16202,男,81.2,a"))
    (done,) = store.put(tmp_path, life("2020,16202,男,82.0,b"))
    assert stored(tmp_path) == [(2015, "16201", "80.1"), (2020, "16202", "82.0")]
    assert (done.year, done.areas, done.areas_before) == (2020, 1, 2)
    found = store.load(tmp_path, "life_table")
    assert found is not None and [each.year for each in found.imports] == [2015, 2020]


def test_the_same_table_again_changes_nothing(tmp_path: Path) -> None:
    store.put(tmp_path, life("2020,16201,男,81.1,a"))
    before = store.path_of(tmp_path, "life_table").read_bytes()
    assert store.put(tmp_path, life("2020,162019,男,81.10,a")) == []
    assert store.path_of(tmp_path, "life_table").read_bytes() == before


def test_an_import_that_is_killed_leaves_the_table_as_it_was(tmp_path: Path) -> None:
    store.put(tmp_path, life("2020,16201,男,81.1,a"))
    code = (
        "from pathlib import Path; from ingest.reference import store; from ingest.reference.reading import read; "
        "from ingest.reference.tables import tables; "
        "data = '年,地域コード,性別,平均余命,出典\\n2020,16201,男,99.9,a\\n'.encode(); "
        f"store.put(Path({str(tmp_path)!r}), read(tables()['life_table'], data, 'x.csv'))"
    )
    killed = subprocess.run([sys.executable, "-c", code], env=os.environ | {FAULT_VARIABLE: "reference.written"})
    assert killed.returncode == EXIT_CODE
    assert stored(tmp_path) == [(2020, "16201", "81.1")]
    faults.point("reference.written")  # not named here: goes on


def test_a_damaged_table_is_told_with_what_to_do(tmp_path: Path) -> None:
    store.put(tmp_path, life("2020,16201,男,81.1,a"))
    store.path_of(tmp_path, "life_table").write_bytes(b"gone")
    with pytest.raises(
        ReferenceRefused, match=r"life_table\.parquet .*このファイルを消し、表をもう一度取り込んでください"
    ):
        store.load(tmp_path, "life_table")


def test_a_table_that_was_never_imported_is_not_there(tmp_path: Path) -> None:
    assert store.load(tmp_path, "facilities") is None and store.load_all(tmp_path) == []
