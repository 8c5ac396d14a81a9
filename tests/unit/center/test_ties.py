"""Versions that are equally new and say different things are counted, by table and the file that stands."""

from __future__ import annotations

from datetime import date

import duckdb
import pytest

from ingest.center.schema import prepare
from ingest.center.ties import ties

JUNE = date(2024, 6, 1)
Receipt = tuple[str, str, int, int, date]  # record, file, batch, points, adjudication month


def told(*receipts: Receipt) -> list[tuple[str, int, str, int]]:
    with duckdb.connect(":memory:") as connection:
        prepare(connection)
        for record, file, batch, points, adjudicated in receipts:
            connection.execute(
                "INSERT INTO raw.claim BY NAME SELECT '16' AS linkage_domain, ?::BIGINT AS batch_sequence, "
                "? AS source_file_id, 1 AS source_row, encode(?) AS record_key_tag, ?::BIGINT AS points, "
                "?::DATE AS adjudication_month, 1 AS version_number",
                [batch, file, record, points, adjudicated],
            )
        return [
            (row["table_name"], row["batch_sequence"], row["source_file_id"], row["records"])
            for row in ties(connection)
        ]


@pytest.mark.parametrize("turned", [False, True], ids=["as they came", "the other way round"])
def test_a_tie_is_told_once_whatever_came_first(turned: bool) -> None:
    receipts: list[Receipt] = [("a", "file a", 1, 100, JUNE), ("a", "file b", 2, 200, JUNE)]
    assert told(*(reversed(receipts) if turned else receipts)) == [("claim", 2, "file b", 1)]


def test_the_same_record_again_is_no_tie() -> None:
    assert told(("a", "file a", 1, 100, JUNE), ("a", "file b", 2, 100, JUNE)) == []


def test_a_tie_that_a_newer_version_has_settled_is_told_no_more() -> None:
    july = date(2024, 7, 1)
    assert told(("a", "f", 1, 1, JUNE), ("a", "g", 2, 2, JUNE), ("a", "h", 3, 3, july)) == []
