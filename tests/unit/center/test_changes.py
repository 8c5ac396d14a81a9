"""The change set: what a load opens, and that a finished build closes it."""

from __future__ import annotations

from datetime import date

import polars as pl

from ingest.center import changes
from ingest.center.schema import RAW_TABLES
from tests.property.link_world import REFERENCE, Center, Load, tag


def _land(center: Center, load: Load) -> None:
    sequence = center.take(load)
    tables = [name for name in ("enrolment", "care_certification", "claim") if getattr(load, name)]
    changes.add_landed(center.connection, tables, load.domain, sequence, REFERENCE)


def _months(center: Center, table: str) -> list[date]:
    return [
        row[0]
        for row in center.connection.execute(
            "SELECT month FROM control.change_partition WHERE table_name = ? ORDER BY month", [table]
        ).fetchall()
    ]


def _close(center: Center) -> None:
    changes.close(center.connection, 1)


def test_an_open_enrolment_reaches_from_its_start_to_the_month_of_reference() -> None:
    center, load = Center(), Load()
    load.enrol(load.person("kokuho", "A", "1", branch="01"), "kokuho", "A", date(2024, 11, 15))
    _land(center, load)
    months = [date(2024, 11, 1), date(2024, 12, 1), date(2025, 1, 1), date(2025, 2, 1), date(2025, 3, 1)]
    assert _months(center, "enrolment") == months


def test_a_member_who_leaves_opens_only_the_months_from_the_end() -> None:
    center, load = Center(), Load()
    identity = load.person("kokuho", "A", "1", branch="01")
    load.enrol(identity, "kokuho", "A", date(2010, 4, 1))
    _land(center, load)
    _close(center)
    leaving = Load()
    leaving.enrol(identity, "kokuho", "A", date(2010, 4, 1), date(2025, 2, 10), processed=date(2025, 2, 12))
    _land(center, leaving)
    assert _months(center, "enrolment") == [date(2025, 2, 1), date(2025, 3, 1)]


def test_two_versions_that_come_together_open_everything_from_the_start() -> None:
    center, load = Center(), Load()
    identity = load.person("kokuho", "A", "1", branch="01")
    load.enrol(identity, "kokuho", "A", date(2024, 12, 1))
    load.enrol(identity, "kokuho", "A", date(2024, 12, 1), date(2025, 2, 1), processed=date(2025, 2, 1))
    _land(center, load)
    assert _months(center, "enrolment")[0] == date(2024, 12, 1)


def test_a_withdrawn_enrolment_opens_everything_from_the_start() -> None:
    center, load = Center(), Load()
    identity = load.person("kokuho", "A", "1", branch="01")
    load.enrol(identity, "kokuho", "A", date(2024, 12, 1))
    _land(center, load)
    _close(center)
    withdrawal = Load()
    withdrawal.enrol(identity, "kokuho", "A", date(2024, 12, 1), processed=date(2025, 3, 1), is_deleted=True)
    _land(center, withdrawal)
    assert _months(center, "enrolment")[0] == date(2024, 12, 1)


def test_a_claim_corrected_into_another_month_opens_both_and_those_of_its_lines() -> None:
    center, load = Center(), Load()
    identity = load.person("kokuho", "A", "1", branch="01")
    load.claims(identity, "kokuho", "A", date(2024, 5, 1))
    _land(center, load)
    _close(center)
    correction = Load()
    correction.claims(identity, "kokuho", "A", date(2024, 5, 1))
    correction.claim[0]["service_month"] = date(2024, 6, 1)
    _land(center, correction)
    for table in ("claim", "claim_diagnosis", "claim_item"):
        assert _months(center, table) == [date(2024, 5, 1), date(2024, 6, 1)]


def test_a_certification_opens_every_month_from_its_first_date_to_the_month_of_reference() -> None:
    center, load = Center(), Load()
    load.certify(load.person("care", "C", "5"), "C", date(2025, 1, 20))
    _land(center, load)
    assert _months(center, "care_certification") == [date(2025, month, 1) for month in (1, 2, 3)]
    places = "SELECT DISTINCT scheme_code, insurer_number FROM control.change_partition"
    assert center.connection.execute(places).fetchall() == [("care", "C")]


def test_a_certification_opens_no_month_for_the_sake_of_the_day_on_which_its_person_became_insured() -> None:
    center, load = Center(), Load()
    load.certify(load.person("care", "C", "5"), "C", date(2025, 2, 20))
    load.care_certification[0]["insured_start_date"] = date(2009, 6, 14)
    _land(center, load)
    assert _months(center, "care_certification") == [date(2025, 2, 1), date(2025, 3, 1)]


def _event(identity: bytes, day: date, start: date, **more: object) -> Load:
    """A load of one later event that restates the certification since ``start``."""
    load = Load()
    load.certify(identity, "C", day)
    load.care_certification[0].update({"event_code": "3", "certified_start_date": start} | more)
    return load


def test_the_end_of_a_certification_that_was_told_before_opens_no_month_before_it() -> None:
    center, load = Center(), Load()
    identity = load.person("care", "C", "5")
    load.certify(identity, "C", date(2022, 5, 10))
    _land(center, load)
    _close(center)
    _land(center, _event(identity, date(2025, 2, 20), date(2022, 5, 10)))
    assert _months(center, "care_certification") == [date(2025, 2, 1), date(2025, 3, 1)]


def test_the_end_of_a_certification_that_nobody_told_opens_it_from_its_start() -> None:
    center, load = Center(), Load()
    identity = load.person("care", "C", "5")
    load.certify(identity, "C", date(2024, 11, 10))
    _land(center, load)
    _close(center)
    _land(center, _event(identity, date(2025, 2, 20), date(2024, 12, 1)))
    assert _months(center, "care_certification")[0] == date(2024, 12, 1)


def test_the_end_of_a_certification_whose_telling_was_corrected_opens_it_from_its_start() -> None:
    center, load = Center(), Load()
    identity = load.person("care", "C", "5")
    load.certify(identity, "C", date(2024, 11, 10))
    load.certify(identity, "C", date(2024, 11, 10))
    load.care_certification[1].update({"correction_code": "2", "corrected_date": date(2024, 12, 1)})
    _land(center, load)
    _close(center)
    _land(center, _event(identity, date(2025, 2, 20), date(2024, 11, 10)))
    assert _months(center, "care_certification")[0] == date(2024, 11, 1)


def test_a_population_table_opens_the_january_of_its_year() -> None:
    center = Center()
    row = {"source_file_id": "f", "record_key_tag": tag("p"), "municipality_code": "16202", "year": 2024}
    frame = pl.DataFrame([{c: row.get(c) for c in RAW_TABLES["population"]}], schema=RAW_TABLES["population"])
    center.connection.register("landing", frame.to_arrow())
    center.connection.execute(
        "INSERT INTO raw.population BY NAME SELECT *, '16' AS linkage_domain, 1 AS batch_sequence FROM landing"
    )
    changes.add_landed(center.connection, ["population"], "16", 1, REFERENCE)
    assert center.connection.execute("SELECT * EXCLUDE reason FROM control.change_partition").fetchall() == [
        ("care", "", date(2024, 1, 1), "population")
    ]


def test_a_set_of_districts_opens_every_month_of_members_of_both_schemes() -> None:
    center, load = Center(), Load()
    load.enrol(load.person("kokuho", "A", "1", branch="01"), "kokuho", "A", date(2024, 12, 10))
    _land(center, load)
    _close(center)
    row = {"source_file_id": "f", "record_key_tag": tag("d"), "municipality_code": "16202"}
    frame = pl.DataFrame([{c: row.get(c) for c in RAW_TABLES["district_set"]}], schema=RAW_TABLES["district_set"])
    center.connection.register("landing", frame.to_arrow())
    center.connection.execute(
        "INSERT INTO raw.district_set BY NAME SELECT *, '16' AS linkage_domain, 9 AS batch_sequence FROM landing"
    )
    changes.add_landed(center.connection, ["district_set"], "16", 9, REFERENCE)
    found = center.connection.execute("SELECT * EXCLUDE reason FROM control.change_partition ORDER BY ALL").fetchall()
    months = [date(2024, 12, 1), date(2025, 1, 1), date(2025, 2, 1), date(2025, 3, 1)]
    assert found == [(scheme, "", month, "district_set") for scheme in ("koki", "kokuho") for month in months]


def test_a_month_of_reference_that_moves_on_opens_the_new_months_of_what_goes_on() -> None:
    center, load = Center(), Load()
    staying, gone = (load.person("kokuho", "A", number, branch="01") for number in "12")
    load.enrol(staying, "kokuho", "A", date(2020, 4, 1))
    load.enrol(gone, "kokuho", "B", date(2020, 4, 1), date(2021, 4, 1))
    load.claims(staying, "kokuho", "A", date(2025, 4, 1))
    load.claims(gone, "kokuho", "B", date(2021, 1, 1))
    _land(center, load)
    _close(center)
    changes.add_months(center.connection, REFERENCE, date(2025, 5, 1))
    assert center.connection.execute(
        "SELECT table_name, insurer_number, month FROM control.change_partition WHERE table_name <> '' ORDER BY ALL"
    ).fetchall() == [
        ("claim", "A", date(2025, 4, 1)),
        ("enrolment", "A", date(2025, 4, 1)),
        ("enrolment", "A", date(2025, 5, 1)),
    ]


def test_a_month_of_reference_that_moves_on_opens_the_new_months_of_every_scheme_for_its_year_to_date() -> None:
    center, load = Center(), Load()
    gone = load.person("kokuho", "B", "2", branch="01")
    load.enrol(gone, "kokuho", "B", date(2020, 4, 1), date(2021, 4, 1))
    _land(center, load)
    _close(center)
    changes.add_months(center.connection, REFERENCE, date(2025, 5, 1))
    assert center.connection.execute(
        "SELECT * EXCLUDE reason FROM control.change_partition ORDER BY ALL"
    ).fetchall() == [
        ("kokuho", "", date(2025, 4, 1), ""),
        ("kokuho", "", date(2025, 5, 1), ""),
    ]


def test_what_goes_on_is_open_to_the_month_last_built_where_the_month_of_reference_has_gone_back() -> None:
    center, load = Center(), Load()
    center.connection.execute("INSERT INTO control.build VALUES (1, DATE '2025-05-01', 'project', true, 'finished')")
    load.enrol(load.person("kokuho", "A", "1", branch="01"), "kokuho", "A", date(2025, 2, 15))
    _land(center, load)
    assert _months(center, "enrolment") == [date(2025, month, 1) for month in (2, 3, 4, 5)]


def test_closing_keeps_the_summary_and_empties_the_set() -> None:
    center, load = Center(), Load()
    identity = load.person("kokuho", "A", "1", branch="01")
    load.claims(identity, "kokuho", "A", date(2024, 5, 1))
    _land(center, load)
    center.connection.execute("INSERT INTO control.change_person VALUES (?, 'new')", [identity])
    assert not changes.is_empty(center.connection)
    changes.close(center.connection, 7)
    assert changes.is_empty(center.connection)
    assert center.connection.execute(
        "SELECT * FROM control.change_history WHERE table_name = 'claim' OR persons > 0 ORDER BY persons"
    ).fetchall() == [
        (7, "claim", "landed", 1, date(2024, 5, 1), date(2024, 5, 1), 0),
        (7, None, "new", 0, None, None, 1),
    ]
