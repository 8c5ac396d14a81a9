"""An open batch may be asked for a part of a table, without loading it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest import warehouse
from ingest.sealing.errors import BatchRefused
from tests.unit.sealing.pair import make_pair


def test_a_part_of_a_table_is_read_where_it_lies(tmp_path: Path) -> None:
    pair = make_pair(tmp_path)
    batch = pair.open(pair.seal().path)
    with warehouse.connect(threads=1) as connection:
        found = batch.ask(connection, "claim_item", "SELECT points FROM {} WHERE number = ?", [7])
        assert found.rows() == [(70,)]


def test_what_a_table_does_not_have_or_whose_file_is_damaged_is_refused_without_a_value(tmp_path: Path) -> None:
    pair = make_pair(tmp_path)
    batch = pair.open(pair.seal().path)
    with warehouse.connect(threads=1) as connection:
        with pytest.raises(BatchRefused, match="claim cannot be asked") as told:
            batch.ask(connection, "claim", "SELECT word::INTEGER FROM {}")
        assert "p0" not in str(told.value)
        batch.files["claim"].write_bytes(b"PARE")
        with pytest.raises(BatchRefused, match="cannot be asked"):
            batch.ask(connection, "claim", "SELECT word FROM {}")
