"""Results leave only from a finished build, once, each site with its own rows."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest

from ingest import warehouse
from ingest.center.errors import CenterError
from ingest.center.home import open_warehouse
from ingest.center.link import link
from ingest.center.receive import receive
from ingest.center.release import release, waits_for
from ingest.center.results import DOMAIN_TABLES, SHARED_TABLES, results
from ingest.center.status import status
from ingest.ledger import Ledger
from ingest.progress import silent
from ingest.sealing.keys import CENTER, KeyRing
from ingest.sealing.opened import OpenBatch
from ingest.sealing.receipts import Receipt, Statement, write_receipt, write_statement
from ingest.sealing.unseal import open_batch
from ingest.settings import Settings
from tests.integration.center_world import demo_workspace, load_of, rows, run_killed, seal_load


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Two sites received and linked; a build stands in that publishes a row for each."""
    settings = demo_workspace(tmp_path)
    seal_load(settings, load_of("16", "1", "2"), 1)
    seal_load(settings, load_of("31", "1"), 1)
    receive(settings, silent)
    link(settings, silent)
    center = settings.the_center()
    with open_warehouse(center, KeyRing(center)) as connection:
        connection.execute("CREATE SCHEMA published")
        for table in DOMAIN_TABLES:
            connection.execute(
                f"CREATE TABLE published.{table} AS SELECT linkage_domain, person_id, identity_tag "
                "FROM link.identity_person"
            )
        for table in SHARED_TABLES:
            connection.execute(f"CREATE TABLE published.{table} AS SELECT 'nation' AS area_level, 1 AS numerator")
        connection.execute(
            "CREATE OR REPLACE TABLE published.statistics_indicator AS "
            "SELECT unnest([10, 20]) AS threshold, 3 AS min_peers, unnest([5, NULL]) AS numerator"
        )
        connection.execute(
            "CREATE OR REPLACE TABLE published.viewer_class AS "
            "SELECT unnest(['operator', 'insurer']) AS viewer_class, unnest([10, 20]) AS threshold, 3 AS min_peers"
        )
        connection.execute("CREATE SCHEMA seeds")
        connection.execute(
            "CREATE TABLE seeds.release_limits (measure_id VARCHAR, level_code VARCHAR, maximum_change_rate "
            "DECIMAL(9, 4), minimum_count BIGINT, valid_from DATE, valid_to DATE)"
        )
        _finish(connection)
    return settings


def _members(settings: Settings, *counts: tuple[str, str, int]) -> None:
    """Members by insurer and month in the mart, their enrolments arrived, and a limit of 10 % from 5 members on."""
    center = settings.the_center()
    with open_warehouse(center, KeyRing(center)) as connection:
        connection.execute("INSERT INTO seeds.release_limits VALUES ('members', 'insurer', 0.1, 5, '2018-04-01', NULL)")
        connection.execute("CREATE SCHEMA marts")
        connection.execute("CREATE TABLE marts.person_month (insurer_number VARCHAR, month DATE)")
        for insurer, month, count in counts:
            connection.execute(
                f"INSERT INTO marts.person_month SELECT ?, ?::DATE FROM range({count:d})", [insurer, month]
            )
            connection.execute(
                "INSERT INTO raw.arrival BY NAME SELECT ? AS insurer_number, 'enrolment' AS stream, ?::DATE AS month, "
                "1 AS rows",
                [insurer, month],
            )


def test_figures_far_from_the_month_before_wait_for_a_named_person(settings: Settings) -> None:
    _members(settings, ("160010", "2025-02-01", 10), ("160010", "2025-03-01", 8))

    with pytest.raises(CenterError, match="160010 の members 10 → 8"):
        results(settings, silent)
    assert release(settings, silent)["out_of_limits"][0]["insurers_count"] == 1
    with pytest.raises(CenterError, match="who approves and why"):
        release(settings, silent, approve="紡木")

    assert release(settings, silent, approve="紡木", reason="施設の転出")["released_by"] == "紡木"
    assert results(settings, silent)["released_by"] == "紡木"
    assert status(settings)["release"]["reason"] == "施設の転出"


def test_each_stream_is_held_against_its_own_month_before_and_the_one_that_waits_is_named(settings: Settings) -> None:
    """歯科 falls by half at one insurer; 調剤 did not come of it in the month before, 医科 stays as it was."""
    center = settings.the_center()
    with open_warehouse(center, KeyRing(center)) as connection:
        for measure in ("claims", "dental_claims", "pharmacy_claims"):
            connection.execute(
                "INSERT INTO seeds.release_limits VALUES (?, 'insurer', 0.4, 5, '2018-04-01', NULL)", [measure]
            )
        connection.execute("CREATE SCHEMA staging")
        connection.execute(
            "CREATE TABLE staging.stg_medical__claim (insurer_number VARCHAR, service_month DATE, points BIGINT, "
            "claim_kind_code VARCHAR, is_withdrawn BOOLEAN, is_summary BOOLEAN)"
        )
        counted = [
            ("160010", "medical", 20, 19), ("160010", "dental", 20, 10), ("160010", "pharmacy", 20, 2),
            ("160028", "dental", 10, 10),
        ]  # fmt: skip
        for insurer, kind, before, now in counted:
            for month, count in (("2025-02-01", before), ("2025-03-01", now)):
                connection.execute(
                    f"INSERT INTO staging.stg_medical__claim SELECT ?, ?::DATE, 1, ?, false, false FROM range({count})",
                    [insurer, month, kind],
                )
                if (kind, month) != ("pharmacy", "2025-02-01"):
                    connection.execute(
                        "INSERT INTO raw.arrival BY NAME SELECT ? AS insurer_number, ? AS stream, ?::DATE AS month, "
                        "1 AS rows",
                        [insurer, kind, month],
                    )

    decision = release(settings, silent)
    assert [(row["stream"], row["insurer_number"], row["measure_id"]) for row in decision["out_of_limits"]] == [
        ("dental", "160010", "dental_claims")
    ]
    assert "歯科 160010 の dental_claims 20 → 10（1保険者）" in waits_for(decision)


def test_an_approval_is_of_what_was_seen_and_not_of_a_later_load(settings: Settings) -> None:
    _members(settings, ("160010", "2025-02-01", 10), ("160010", "2025-03-01", 8))
    release(settings, silent)
    release(settings, silent, approve="紡木", reason="施設の転出")
    _publish_more(settings)

    assert release(settings, silent)["state"] == "waiting"


@pytest.mark.parametrize(
    "counts",
    [
        [("160010", "2025-02-01", 10), ("160010", "2025-03-01", 9)],
        [("160010", "2025-02-01", 4), ("160010", "2025-03-01", 1)],
        [("160010", "2025-03-01", 9)],
    ],
    ids=["within the limit", "too small to say", "arrived in one of the months only"],
)
def test_figures_within_the_limits_go_out_by_themselves(settings: Settings, counts: list[tuple[str, str, int]]) -> None:
    _members(settings, *counts)

    assert results(settings, silent)["released_by"] == "limits"


def _finish(connection: object) -> None:
    connection.execute("DELETE FROM control.change_partition")  # type: ignore[attr-defined]
    connection.execute("DELETE FROM control.change_person")  # type: ignore[attr-defined]
    connection.execute("INSERT INTO control.build VALUES (1, DATE '2025-03-01', 'p', true, 'finished')")  # type: ignore[attr-defined]


def _build_again(connection: object, sequence: int) -> None:
    connection.execute(  # type: ignore[attr-defined]
        f"INSERT INTO control.build VALUES ({sequence}, DATE '2025-03-01', 'p{sequence}', true, 'finished')"
    )


def _publish_more(settings: Settings) -> None:
    center = settings.the_center()
    with open_warehouse(center, KeyRing(center)) as connection:
        connection.execute("INSERT INTO published.statistics_indicator VALUES (10, 3, 9)")
        _build_again(connection, 3)


def _open(settings: Settings, site: str, sequence: int, previous: str | None, folder: Path) -> OpenBatch:
    ring = KeyRing(settings.site(site))
    return open_batch(
        settings.to_site(site) / f"{sequence:06d}",
        folder,
        sender=CENTER,
        recipient=site,
        expected_sequence=sequence,
        previous_hash=previous,
        pinned_public=ring.peer(CENTER).signing,
        private_key=ring.secret("envelope"),
    )


def _answer(settings: Settings, site: str, batch: OpenBatch, state: str) -> None:
    sequence = batch.manifest.sequence
    write_receipt(
        settings.to_center(site) / f"{sequence:06d}.receipt.json",
        Receipt(site, CENTER, sequence, batch.manifest_hash, state, "disk", "full"),  # type: ignore[arg-type]
        KeyRing(settings.site(site)).secret("signing"),
    )


def test_each_site_gets_the_rows_of_its_own_domain_and_all_that_is_shared(settings: Settings, tmp_path: Path) -> None:
    assert results(settings, silent)["sealed"] == 2
    for site, persons in (("16", 2), ("31", 1)):
        batch = _open(settings, site, 1, None, tmp_path / "open" / site)
        assert {table: batch.rows(table) for table in DOMAIN_TABLES} == dict.fromkeys(DOMAIN_TABLES, persons)
        assert batch.rows("identity") == persons
        assert batch.rows("statistics_indicator") == 2
        assert batch.manifest.extra["reference_month"] == "2025-03-01"
        with warehouse.connect() as connection:
            batch.load_new(connection, "person_month", "person_month")
            assert connection.execute("SELECT DISTINCT linkage_domain FROM person_month").fetchall() == [(site,)]


def test_the_same_content_is_not_sent_again_and_changed_content_follows_in_the_chain(
    settings: Settings, tmp_path: Path
) -> None:
    results(settings, silent)
    assert results(settings, silent)["sealed"] == 0
    center = settings.the_center()
    with open_warehouse(center, KeyRing(center)) as connection:
        _build_again(connection, 2)
    assert results(settings, silent)["sealed"] == 0  # built anew, and the same came out
    first = _open(settings, "16", 1, None, tmp_path / "first")
    _answer(settings, "16", first, "accepted")
    _publish_more(settings)
    figures = results(settings, silent)
    assert (figures["sealed"], figures["accepted"]) == (2, 1)
    second = _open(settings, "16", 2, first.manifest_hash, tmp_path / "second")
    assert second.rows("statistics_indicator") == 3


def test_a_refused_batch_is_sealed_anew_under_its_number(settings: Settings, tmp_path: Path) -> None:
    results(settings, silent)
    first = _open(settings, "16", 1, None, tmp_path / "first")
    _answer(settings, "16", first, "refused")
    figures = results(settings, silent)
    assert (figures["refused"], figures["sealed"]) == (1, 1)
    again = _open(settings, "16", 1, None, tmp_path / "again")
    assert again.manifest_hash != first.manifest_hash
    assert [(r["site"], r["reason_code"]) for r in status(settings)["refused"]] == [("16", "disk")]
    assert results(settings, silent)["sealed"] == 0  # the old receipt is of another batch


def _state(settings: Settings, sequence: int, manifest_hash: str, *held: int) -> None:
    """Site 16 says what it took last."""
    statement = Statement("16", CENTER, sequence, manifest_hash, held)
    write_statement(settings.to_center("16"), statement, KeyRing(settings.site("16")).secret("signing"))


def _sent(settings: Settings) -> list[tuple[int, str]]:
    with Ledger(settings.the_center().ledger) as ledger:
        found = ledger.rows("SELECT sequence, state FROM batch WHERE way = 'sent' AND peer = '16' ORDER BY sequence")
    return sorted((row["sequence"], row["state"]) for row in found)


def test_a_refused_batch_is_named_by_the_one_that_replaces_it(settings: Settings, tmp_path: Path) -> None:
    results(settings, silent)
    first = _open(settings, "16", 1, None, tmp_path / "first")
    _answer(settings, "16", first, "refused")
    results(settings, silent)
    assert _open(settings, "16", 1, None, tmp_path / "again").manifest.replaces == first.manifest_hash


def test_results_go_on_from_what_the_site_took_where_the_center_was_put_back(
    settings: Settings, tmp_path: Path
) -> None:
    results(settings, silent)
    _state(settings, 4, "cd" * 32)  # batches 2 to 4 were sealed by the ledger that was lost
    assert results(settings, silent)["sealed"] == 1
    batch = _open(settings, "16", 5, "cd" * 32, tmp_path / "fifth")
    assert (batch.manifest.sequence, batch.manifest.replaces) == (5, "")
    _answer(settings, "16", batch, "accepted")
    _state(settings, 5, batch.manifest_hash)
    assert results(settings, silent)["sealed"] == 0


def test_results_are_sealed_anew_where_the_site_was_put_back(settings: Settings, tmp_path: Path) -> None:
    results(settings, silent)
    first = _open(settings, "16", 1, None, tmp_path / "first")
    _answer(settings, "16", first, "accepted")
    _publish_more(settings)
    results(settings, silent)
    second = _open(settings, "16", 2, first.manifest_hash, tmp_path / "second")
    _answer(settings, "16", second, "accepted")
    results(settings, silent)
    _state(settings, 1, first.manifest_hash)
    assert results(settings, silent)["sealed"] == 1
    again = _open(settings, "16", 2, first.manifest_hash, tmp_path / "again")
    assert again.manifest_hash != second.manifest_hash
    assert again.manifest.replaces == ""  # the site refused none


def test_results_lost_on_the_way_are_sealed_anew_when_a_later_batch_waits(settings: Settings, tmp_path: Path) -> None:
    results(settings, silent)
    first = _open(settings, "16", 1, None, tmp_path / "first")
    _publish_more(settings)
    results(settings, silent)
    _state(settings, 0, "", 2)
    assert results(settings, silent)["sealed"] == 0  # the first is still on its way
    shutil.rmtree(settings.to_site("16") / "000001")
    assert results(settings, silent)["sealed"] == 1
    assert _sent(settings) == [(1, "refused"), (1, "sealed"), (2, "refused")]
    _state(settings, 1, first.manifest_hash)  # it came after all: the chain goes on from there
    assert results(settings, silent)["sealed"] == 1
    assert _open(settings, "16", 2, first.manifest_hash, tmp_path / "second").rows("statistics_indicator") == 3


@pytest.mark.parametrize("fault", ["results.sealed", "results.written"])
def test_a_kill_anywhere_sends_nothing_twice(settings: Settings, tmp_path: Path, fault: str) -> None:
    assert run_killed(settings, "ingest.center.results", "results", fault) == 137
    results(settings, silent)
    assert results(settings, silent)["sealed"] == 0
    for site in settings.sites:
        _open(settings, site, 1, None, tmp_path / "open" / site)
        assert not (settings.to_site(site) / "000002").exists()


def test_nothing_is_sent_while_changes_wait_or_a_build_runs(settings: Settings) -> None:
    center = settings.the_center()
    with open_warehouse(center, KeyRing(center)) as connection:
        connection.execute(
            "INSERT INTO control.change_partition VALUES ('kokuho', 'A', DATE '2025-01-01', 'claim', 'x')"
        )
    with pytest.raises(CenterError, match="changes wait"):
        results(settings, silent)
    with open_warehouse(center, KeyRing(center)) as connection:
        connection.execute("DELETE FROM control.change_partition")
        connection.execute("INSERT INTO control.build VALUES (2, DATE '2025-03-01', 'p', false, 'running')")
    with pytest.raises(CenterError, match="not finished"):
        results(settings, silent)
    assert not (settings.to_site("16") / "000001").exists()


def test_without_a_build_one_clear_line_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(CenterError, match="center build"):
        results(demo_workspace(tmp_path), silent)


def test_the_operator_file_holds_the_operators_rows_and_says_what_it_is(settings: Settings) -> None:
    results(settings, silent)
    center = settings.the_center()
    key = KeyRing(center).statistics_key("operator")
    with warehouse.open_hardened(center.published / "statistics" / "operator.duckdb", key) as connection:
        connection.execute("USE published")
        assert connection.execute("SELECT threshold, numerator FROM indicator_statistics").fetchall() == [(10, 5)]
        assert dict(connection.execute("SELECT * FROM about").fetchall()) == {
            "reference_month": date(2025, 3, 1).isoformat(),
            "is_synthetic": "true",
        }


def test_a_killed_linking_is_repeated_whole(tmp_path: Path) -> None:
    settings = demo_workspace(tmp_path)
    seal_load(settings, load_of("16", "1", "2"), 1)
    receive(settings, silent)
    assert run_killed(settings, "ingest.center.link", "link", "link.written") == 137
    assert rows(settings, "SELECT count(*) FROM link.identity_person") == [(0,)]
    assert link(settings, silent)["new_identities"] == 2
    assert link(settings, silent)["new_identities"] == 0
