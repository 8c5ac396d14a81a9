"""What a batch carries of identities: each once, and no token that many of them share."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from ingest import warehouse
from ingest.formats.contracts import CONTRACTS
from ingest.identity.passes import MOST_SHARERS, most_sharers
from ingest.progress import silent
from ingest.sealing.tables import READ
from ingest.site.batch_tables import BatchTables
from ingest.site.extract import extract
from ingest.site.identity_rows import PASS_SCHEMA
from tests import site_world as world
from tests.handmade import demo_workspace


def passes(tags: list[bytes], pass_id: str, token: bytes) -> pl.DataFrame:
    told = {"identity_tag": tags, "pass_id": pass_id, "purpose": pass_id, "pass_tag": token}
    return pl.DataFrame(told, schema=PASS_SCHEMA)


def rows(tables: BatchTables, table: str, columns: str) -> list[tuple[object, ...]]:
    written = tables.to_seal()[table]
    with warehouse.connect(threads=1) as connection:
        return connection.execute(f"SELECT {columns} FROM {READ}", [str(written.path), written.key]).fetchall()


def test_a_token_that_too_many_identities_share_is_left_out(tmp_path: Path) -> None:
    people = [bytes([number] * 16) for number in range(10)]
    identity = pl.DataFrame({"identity_tag": people})
    with BatchTables(demo_workspace(tmp_path).site("16")) as tables:
        for _ in range(2):  # parts of a delivery say the same again
            tables.add_identities(identity, passes(people[:9], "resident", b"stand-in" * 2))
            tables.add_identities(identity, passes(people[:8], "number", b"the same family."))
        tables.finish()
        assert tables.withhold_shared(8) == {"resident": 9}
        left = rows(tables, "identity_pass", "pass_id, identity_tag")
        named = rows(tables, "identity", "identity_tag")
    assert sorted(left) == [("number", tag) for tag in people[:8]]
    assert sorted(named) == [(tag,) for tag in people]


def test_who_is_said_to_be_of_two_towns_is_told_of_twice_and_of_no_more(tmp_path: Path) -> None:
    tag, nothing = bytes(16), passes([], "number", b"")
    with BatchTables(demo_workspace(tmp_path).site("16")) as tables:
        for town in ("16201", "16202", "16201", "16202"):
            tables.add_identities(pl.DataFrame({"identity_tag": [tag], "municipality_code": town}), nothing)
        tables.finish()
        tables.withhold_shared(8)
        assert sorted(rows(tables, "identity", "municipality_code")) == [("16201",), ("16202",)]


def test_of_a_refused_file_neither_rows_nor_persons_stay(tmp_path: Path) -> None:
    gone, stays = (bytes([number] * 16) for number in (1, 2))
    schema = {name: kind for name, kind in CONTRACTS["claim"].sealed_schema().items() if name != "source_file_id"}
    with BatchTables(demo_workspace(tmp_path).site("16")) as tables:
        for file, tag in (("a", gone), ("b", stays)):
            frame = pl.DataFrame([{"identity_tag": tag, "points": 5}], schema=schema)
            tables.add_facts("claim", frame, pl.Series([file]))
            tables.add_identities(pl.DataFrame({"identity_tag": [tag]}), passes([tag], "number", tag))
        tables.refuse_file("a")
        assert tables.finish()["claim"] == 1
        tables.withhold_shared(8)
        assert rows(tables, "claim", "source_file_id, identity_tag, points") == [("b", stays, 5)]
        assert rows(tables, "identity", "identity_tag") == rows(tables, "identity_pass", "identity_tag") == [(stays,)]


def test_a_batch_without_identities_has_nothing_to_leave_out(tmp_path: Path) -> None:
    with BatchTables(demo_workspace(tmp_path).site("16")) as tables:
        tables.finish()
        assert tables.withhold_shared(8) == {}


def test_a_large_site_may_have_more_who_share_a_token() -> None:
    assert most_sharers(100) == MOST_SHARERS
    assert most_sharers(250_000) == 25


def test_a_stand_in_number_ties_nobody_to_strangers_and_is_told(tmp_path: Path) -> None:
    """Nine people of one household number, day of birth and 宛名番号: what a ledger fills in where it knows nothing."""
    settings = demo_workspace(tmp_path)
    rows = [world.person(number, birth_date=world.BIRTH, address_number="9") for number in range(MOST_SHARERS + 1)]
    world.write_enrolments(settings.site("16").inbox / "enrolment.csv", rows)
    figures = extract(settings, "16", silent)
    assert figures["rows_sealed"] == len(rows)
    assert figures["tokens_withheld"] == len(rows)
