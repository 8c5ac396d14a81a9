"""What a batch carries of identities: each once, and no token that many of them share."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from ingest.identity.passes import MOST_SHARERS, most_sharers
from ingest.progress import silent
from ingest.site.batch_tables import BatchTables
from ingest.site.extract import extract
from tests import site_world as world
from tests.handmade import demo_workspace


def passes(tags: list[bytes], pass_id: str, token: bytes) -> pl.DataFrame:
    return pl.DataFrame({"identity_tag": tags, "pass_id": pass_id, "purpose": pass_id, "pass_tag": token})


def test_a_token_that_too_many_identities_share_is_left_out(tmp_path: Path) -> None:
    people = [bytes([number] * 16) for number in range(10)]
    identity = pl.DataFrame({"identity_tag": people})
    with BatchTables(demo_workspace(tmp_path).site("16")) as tables:
        for _ in range(2):  # parts of a delivery say the same again
            tables.add_identities(identity, passes(people[:9], "resident", b"stand-in" * 2))
            tables.add_identities(identity, passes(people[:8], "number", b"the same family."))
        assert tables.withhold_shared(8) == {"resident": 9}
        query = tables.to_seal()["identity_pass"]
        left = tables.connection.execute(f"SELECT pass_id, identity_tag FROM ({query})").fetchall()
    assert sorted(left) == [("number", tag) for tag in people[:8]]


def test_a_batch_without_identities_has_nothing_to_leave_out(tmp_path: Path) -> None:
    with BatchTables(demo_workspace(tmp_path).site("16")) as tables:
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
