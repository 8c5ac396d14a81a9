"""What became of every row, over the whole road: read, sealed, replaced, withdrawn, and all that was not taken."""

from __future__ import annotations

import pytest

from ingest import warehouse
from ingest.ledger import Ledger
from ingest.sealing.keys import KeyRing
from ingest.settings import Settings

TABLES = ("claim", "care_claim", "checkup", "enrolment")
FATES = ("sealed", "set_aside", "refused", "out_of_area")
MARTS = {"claim": "claim", "care_claim": "care_claim", "checkup": "checkup", "enrolment": "enrolment"}


@pytest.fixture(scope="module")
def counted(tiny_road: Settings) -> dict[tuple[str, str], int]:
    """Rows by table and fate: what the sites noted in their ledgers, and what the center made of the sealed ones."""
    found: dict[tuple[str, str], int] = {}
    for site in tiny_road.sites.values():
        with Ledger(site.ledger) as ledger:
            for row in ledger.rows("SELECT table_name, outcome, value FROM control_total WHERE measure = 'rows'"):
                key = (row["table_name"], row["outcome"])
                found[key] = found.get(key, 0) + row["value"]
    center = tiny_road.the_center()
    key = KeyRing(center).secret("at-rest")
    with warehouse.open_database(center.warehouse, key, read_only=True) as connection:
        for table, status, total in connection.execute(
            "SELECT table_name, record_status, sum(total)::BIGINT FROM intermediate.int_record__count_status "
            "WHERE measure = 'rows' AND record_status <> 'current' GROUP BY ALL"
        ).fetchall():
            found[table, status] = total
        for table, mart in MARTS.items():
            (found[table, "marts"],) = connection.execute(f"SELECT count(*) FROM marts.{mart}").fetchone() or (0,)
    return found


@pytest.mark.parametrize("table", TABLES)
def test_every_row_read_is_in_the_marts_or_counted_where_it_went(
    counted: dict[tuple[str, str], int], table: str
) -> None:
    elsewhere = ("superseded", "withdrawn", "set_aside", "refused", "out_of_area")
    assert counted[table, "read"] == counted[table, "marts"] + sum(counted[table, fate] for fate in elsewhere)


@pytest.mark.parametrize("table", TABLES)
def test_every_fate_that_a_row_can_have_occurs(counted: dict[tuple[str, str], int], table: str) -> None:
    missing = [fate for fate in (*FATES, "superseded", "withdrawn", "marts") if not counted.get((table, fate))]
    assert missing == []
