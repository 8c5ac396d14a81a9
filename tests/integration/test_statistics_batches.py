"""Tables of counts on the road: from the inbox into a batch of their own, checked again at the center, taken back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ingest import faults
from ingest.center.rebuild import rebuild
from ingest.center.receive import receive
from ingest.progress import silent
from ingest.sealing.keys import CENTER, KeyRing
from ingest.sealing.seal import seal
from ingest.settings import Settings
from ingest.site.errors import SiteError
from ingest.site.extract import extract
from ingest.site.inbox import listing
from ingest.site.retract import retract
from ingest.site.statistics import TABLES, TOTAL, listed
from ingest.site.status import status
from ingest.statistics.columns import STATISTIC, STATISTIC_SOURCE
from ingest.warehouse import connect
from tests import site_world as world
from tests.counts_world import row, with_national_sender, write
from tests.handmade import demo_workspace
from tests.integration.center_world import receipt, rows, run_killed
from tests.integration.test_site_extract import answer, opened

pytestmark = pytest.mark.xdist_group("statistics_batches")
LANDED = "SELECT area_id, numerator, linkage_domain, batch_sequence FROM raw.statistic ORDER BY ALL"
CHANGED = "SELECT DISTINCT scheme_code, year(month), reason FROM control.change_partition ORDER BY ALL"


class Killed(BaseException):
    """Stands for a kill: no handler of ours catches it."""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return demo_workspace(tmp_path)


def put(settings: Settings, name: str, *told: dict[str, Any], site: str = "16") -> Path:
    return write(settings.site(site).inbox / name, *told)


def test_counts_go_in_a_batch_of_their_own_beside_records(settings: Settings) -> None:
    put(settings, "件数.csv", row(), row(area_id="16204"))
    world.write_enrolments(settings.site("16").inbox / "member.csv", [world.person(0)])

    figures = extract(settings, "16", silent)

    assert (figures["statistics_taken"], figures["statistics_rows_sealed"], figures["taken"]) == (1, 2, 1)
    first = opened(settings)
    assert first.manifest.kind == "statistics"
    assert set(first.files) == set(TABLES)
    assert opened(settings, 2, first.manifest_hash).manifest.kind == "facts"
    assert listing(settings.site("16").inbox) == []
    assert figures["statistics_rows_read"] == figures["statistics_rows_sealed"] + figures["statistics_rows_refused"]
    assert extract(settings, "16", silent)["files"] == 0


def test_a_file_with_a_fault_is_refused_whole_and_told_with_its_lines(settings: Settings) -> None:
    put(settings, "件数.csv", row(), row(area_id="31201"), row(area_id="16204", sex_code="9"))

    figures = extract(settings, "16", silent)

    assert (figures["statistics_refused"], figures["statistics_rows_refused"]) == (1, 3)
    told = status(settings, "16")
    assert told["rows"] == {"statistic": {"read": 3, "refused": 3}}
    assert "誤りは全部で2件" in told["refused"][0]["message"]
    assert [(each["field"], each["reason_code"], each["first_line"]) for each in told["problems"]] == [
        ("地域コード", "out_of_area", 3), ("性別", "bad_code", 4)
    ]  # fmt: skip
    assert [(each["state"], each["rows"]) for each in listed(settings.site("16"))] == [("refused", 3)]
    receive(settings, silent)
    assert rows(settings, LANDED) == []
    assert receipt(settings, "16", 1).state == "accepted", "that something was refused is known to the center too"


def test_the_same_bytes_are_taken_once(settings: Settings) -> None:
    put(settings, "one.csv", row())
    put(settings, "two.csv", row())
    figures = extract(settings, "16", silent)
    assert (figures["statistics_taken"], figures["statistics_duplicate"]) == (1, 1)


def test_the_center_lands_them_and_opens_the_years_that_they_speak_of(settings: Settings) -> None:
    put(settings, "件数.csv", row(), row(area_id="16204", period="2023"))
    extract(settings, "16", silent)

    assert receive(settings, silent)["rows"] == {"statistic": 2, "statistic_source": 1, "control_total": 10}

    assert rows(settings, LANDED) == [("16202", 150, "16", 1), ("16204", 150, "16", 1)]
    assert rows(settings, CHANGED) == [("kokuho", 2023, "landed"), ("kokuho", 2024, "landed")]
    assert rows(settings, "SELECT count(*) FROM raw.identity") == [(0,)]


def test_a_newer_version_also_opens_the_years_that_only_the_older_one_told(settings: Settings) -> None:
    put(settings, "old.csv", row(period="2022"))
    extract(settings, "16", silent)
    receive(settings, silent)
    put(settings, "new.csv", row(created_date="2025-03-11"))
    extract(settings, "16", silent)
    receive(settings, silent)
    assert rows(settings, CHANGED) == [("kokuho", 2022, "landed"), ("kokuho", 2024, "landed")]


def test_a_sender_for_the_whole_country_sends_no_records(settings: Settings) -> None:
    wider = with_national_sender(settings)
    inbox = wider.site("national").inbox
    write(inbox / "national.csv", row(area_id="01100"), row(area_level="nation", area_id="JP", insurers_count=1700))
    world.write_enrolments(inbox / "member.csv", [world.person(0)])

    figures = extract(wider, "national", silent)

    assert (figures["statistics_taken"], figures["refused"]) == (1, 1), "it has no insurers, so nobody's records"
    receive(wider, silent)
    assert [area for area, *_ in rows(wider, LANDED)] == ["01100", "JP"]
    assert rows(wider, "SELECT count(*) FROM raw.enrolment") == [(0,)]


def test_what_is_taken_back_is_gone_and_its_years_are_open(settings: Settings) -> None:
    put(settings, "件数.csv", row())
    extract(settings, "16", silent)
    receive(settings, silent)

    assert retract(settings, "16", 1, reason="別の年の表", files=[])["files_retracted"] == 1
    receive(settings, silent)

    assert rows(settings, LANDED) == []
    assert rows(settings, "SELECT * FROM raw.statistic_source") == []
    assert ("kokuho", 2024, "retracted") in rows(settings, CHANGED)
    assert [each["state"] for each in listed(settings.site("16"))] == ["retracted"]
    put(settings, "again.csv", row())
    assert extract(settings, "16", silent)["statistics_taken"] == 1, "the same bytes load as new"


def test_a_batch_that_the_center_refuses_comes_back_into_the_inbox(settings: Settings) -> None:
    put(settings, "件数.csv", row())
    extract(settings, "16", silent)
    refused = opened(settings).manifest_hash
    answer(settings, 1, "refused")

    assert extract(settings, "16", silent)["statistics_taken"] == 1

    again = opened(settings).manifest
    assert (again.kind, again.replaces) == ("statistics", refused)
    assert {each["state"] for each in listed(settings.site("16"))} == {"recalled", "taken"}


@pytest.mark.parametrize("place", ["sealed", "recording", "recorded"])
def test_a_run_that_died_is_made_good_by_the_next(
    settings: Settings, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(name: str) -> None:
        if name == f"statistics.{place}":
            raise Killed

    put(settings, "件数.csv", row())
    with monkeypatch.context() as patch:
        patch.setattr(faults, "point", die)
        with pytest.raises(Killed):
            extract(settings, "16", silent)

    extract(settings, "16", silent)
    receive(settings, silent)
    assert rows(settings, LANDED) == [("16202", 150, "16", 1)]
    assert status(settings, "16")["deliveries"] == {"taken": 1}


def test_a_center_that_dies_after_its_commit_answers_the_next_time(settings: Settings) -> None:
    put(settings, "件数.csv", row())
    extract(settings, "16", silent)
    assert run_killed(settings, "ingest.center.receive", "receive", "receive.committed") != 0
    receive(settings, silent)
    assert len(rows(settings, LANDED)) == 1
    assert receipt(settings, "16", 1).state == "accepted"


def test_a_rebuilt_warehouse_has_the_counts_again(settings: Settings) -> None:
    put(settings, "件数.csv", row())
    extract(settings, "16", silent)
    receive(settings, silent)
    before = rows(settings, LANDED)
    rebuild(settings, silent)
    assert rows(settings, LANDED) == before != []


def test_only_counts_and_records_can_be_taken_back(settings: Settings) -> None:
    put(settings, "件数.csv", row())
    extract(settings, "16", silent)
    retract(settings, "16", 1, reason="誤送付", files=[])
    with pytest.raises(SiteError):
        retract(settings, "16", 2, reason="誤送付", files=[])


# --- a site that does not keep to the rules ------------------------------------------------------


def sealed_by_hand(settings: Settings, figures: str, *, total: int = 1, more: str = "", extra: bool = False) -> None:
    """A batch of one figure; ``figures`` are SQL values of a row that replace the good ones by name."""
    ring = KeyRing(settings.site("16"))
    with connect(threads=1) as connection:
        good = (
            "'f' AS source_file_id, 2::BIGINT AS source_row, 'metabolic' AS indicator_id, 1::BIGINT AS "
            "definition_version, 'fiscal_year' AS period_kind, DATE '2024-04-01' AS period, 'kokuho' AS scheme_code, "
            "'' AS class_code, 'municipality' AS area_level, '16202' AS area_id, 'all' AS sex_code, "
            "'all' AS age_band_code, 1::BIGINT AS numerator, 2::BIGINT AS denominator, 1::BIGINT AS contributor_count, "
            "2::BIGINT AS denominator_contributor_count, 1::BIGINT AS largest_contribution, 1::BIGINT AS insurers_count"
        )
        connection.execute(f"CREATE TABLE statistic AS SELECT * {figures} FROM (SELECT {good}) {more}")
        assert {*STATISTIC} <= {name for (name, *_) in connection.execute("DESCRIBE statistic").fetchall()}
        connection.execute(
            "CREATE TABLE statistic_source AS SELECT 'f' AS source_file_id, 'counts' AS source_id, "
            "'架空' AS source_name, '架空' AS publisher, '' AS source_url, 2024::BIGINT AS source_year, "
            "DATE '2025-03-10' AS created_date, 1::BIGINT AS version_number, true AS is_generated"
        )
        assert [*STATISTIC_SOURCE] == [
            name for (name, *_) in connection.execute("DESCRIBE statistic_source").fetchall()
        ]
        values = {"rows": total, "numerator": 1, "denominator": 2, "contributor_count": 1,
                  "denominator_contributor_count": 2}  # fmt: skip
        told = ", ".join(f"(1, 'f', 'statistics', 'statistic', 'kokuho', '{name}', 'sealed', {value})"
                         for name, value in values.items())  # fmt: skip
        connection.execute(f"CREATE TABLE control_total AS SELECT * FROM (VALUES {told}) AS t ({', '.join(TOTAL)})")
        connection.execute("ALTER TABLE control_total ALTER delivery_id TYPE BIGINT")
        connection.execute("ALTER TABLE control_total ALTER value TYPE BIGINT")
        connection.execute("CREATE TABLE identity AS SELECT 'a' AS kana")
        seal(
            connection, {name: name for name in (*TABLES, *(["identity"] if extra else []))},
            settings.to_center("16") / "000001", sender="16", recipient=CENTER, sequence=1, previous_hash=None,
            kind="statistics", signing_key=ring.secret("signing"), recipient_public=ring.peer(CENTER).envelope,
        )  # fmt: skip


def test_a_batch_made_by_hand_is_taken_where_it_holds(settings: Settings) -> None:
    sealed_by_hand(settings, "")
    assert receive(settings, silent)["received"] == 1
    assert len(rows(settings, LANDED)) == 1


@pytest.mark.parametrize(("told", "reason"), [
    ({"figures": "REPLACE ('31201' AS area_id)"}, "contract"),
    ({"figures": "REPLACE ('nation' AS area_level, 'JP' AS area_id)"}, "contract"),
    ({"figures": "REPLACE ('16202-01' AS area_id, 'district' AS area_level)"}, "contract"),
    ({"figures": "REPLACE (NULL::VARCHAR AS sex_code)"}, "contract"),
    ({"figures": "REPLACE (-1::BIGINT AS largest_contribution)"}, "contract"),
    ({"figures": "REPLACE ('unheard_of' AS indicator_id)"}, "contract"),
    ({"figures": "REPLACE ('quarter' AS period_kind)"}, "contract"),
    ({"figures": "REPLACE ('9' AS sex_code)"}, "contract"),
    ({"figures": ", 'ヤマダ' AS kana"}, "contract"),
    ({"figures": "REPLACE ('2' AS numerator)"}, "contract"),
    ({"figures": "REPLACE (7::BIGINT AS numerator)"}, "total_mismatch"),
    ({"figures": "", "total": 2}, "total_mismatch"),
    ({"figures": "", "extra": True}, "contract"),
    ({"figures": "REPLACE ('g' AS source_file_id)"}, "total_mismatch"),
])  # fmt: skip
def test_the_center_refuses_what_is_no_count_of_this_sender(
    settings: Settings, told: dict[str, Any], reason: str
) -> None:
    sealed_by_hand(settings, **told)
    assert receive(settings, silent)["refused"] == 1
    assert (receipt(settings, "16", 1).state, receipt(settings, "16", 1).reason_code) == ("refused", reason)
    assert rows(settings, LANDED) == []
    assert rows(settings, "SELECT * FROM control.change_partition") == []
