"""What came of whom for which month, and so what is missing."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

import polars as pl

from ingest.expected import EXPECTED, missing, reading_day, stream_rules
from ingest.formats.contracts import CONTRACTS, STREAMS
from ingest.ledger import Ledger
from ingest.site.arrivals import arrivals
from ingest.site.matrix import matrix
from tests.handmade import frame, month


def test_every_stream_has_a_rule_on_a_column_of_its_own_table() -> None:
    assert set(stream_rules()) == {*STREAMS, "dental", "pharmacy"}
    for rule in stream_rules().values():
        assert CONTRACTS[rule.table_name].stream == rule.stream or rule.table_name == "claim"
        assert rule.month_column in CONTRACTS[rule.table_name].names()


def test_a_late_claim_counts_for_the_month_its_delivery_is_for() -> None:
    row = {
        "scheme_code": "kokuho", "insurer_number": "160028", "number": "1", "birth_date": date(1950, 1, 1),
        "sex_code": "1", "search_number": "1", "points": 1, "adjudication_month": month(2024, 1),
    }  # fmt: skip
    claims = frame("claim", [row | {"service_month": month(2023, 12)}, row | {"service_month": month(2023, 7)}])
    came = arrivals("medical", claims.with_columns(pl.lit(0).alias("_file")), "_file")
    assert came.rows() == [(0, "160028", "medical", date(2023, 12, 1), 2)]


def test_what_arrived_of_claims_is_told_by_their_kind() -> None:
    row = {
        "scheme_code": "kokuho", "insurer_number": "160028", "number": "1", "birth_date": date(1950, 1, 1),
        "sex_code": "1", "search_number": "1", "points": 1, "adjudication_month": month(2024, 1),
        "service_month": month(2023, 12),
    }  # fmt: skip
    claims = frame("claim", [row | {"claim_kind_code": kind} for kind in ("medical", "dpc", "dental", "pharmacy")])
    came = arrivals("medical", claims.with_columns(pl.lit(0).alias("_file")), "_file")
    assert {(stream, rows) for _, _, stream, _, rows in came.rows()} == {("medical", 2), ("dental", 1), ("pharmacy", 1)}


def test_after_the_last_month_that_there_is_nothing_more_is_expected() -> None:
    assert stream_rules()["medical"].next_period(date(9999, 12, 1)) == date.max
    assert stream_rules()["checkup"].next_period(date(9999, 4, 1)) == date.max


def test_the_history_in_a_file_of_changes_is_no_delivery_of_long_ago() -> None:
    row = {
        "scheme_code": "kokuho", "number": "1", "birth_date": date(1950, 1, 1), "sex_code": "1",
        "acquired_date": date(1990, 4, 1), "applied_start_date": date(1990, 4, 1),
    }  # fmt: skip
    rows = [
        row | {"insurer_number": "160028", "processed_date": date(1990, 4, 9)},
        row | {"insurer_number": "160077", "processed_date": date(2024, 4, 9)},
        row | {"insurer_number": "160028", "processed_date": date(2024, 6, 9)},
    ]
    files = frame("enrolment", rows).with_columns(_file=pl.Series([0, 0, 1]))
    assert arrivals("enrolment", files, "_file").rows() == [
        (0, "160028", "enrolment", date(2024, 4, 1), 1),
        (0, "160077", "enrolment", date(2024, 4, 1), 1),
        (1, "160028", "enrolment", date(2024, 6, 1), 1),
    ]


def test_a_population_counts_for_its_municipality_and_year() -> None:
    row = {"municipality_code": "16202", "sex_code": "1", "age_band_code": "65-69", "population_count": 1,
           "created_date": date(2024, 2, 1), "year": 2024}  # fmt: skip
    came = arrivals("population", frame("population", [row]).with_columns(pl.lit(0).alias("_file")), "_file")
    assert came.rows() == [(0, "16202", "population", date(2024, 1, 1), 1)]


def test_periods_follow_the_cadence_of_the_stream() -> None:
    rules = stream_rules()
    assert rules["checkup"].period(date(2024, 3, 1)) == date(2023, 4, 1)
    assert rules["checkup"].next_period(date(2023, 4, 1)) == date(2024, 4, 1)
    assert rules["medical"].next_period(date(2023, 12, 1)) == date(2024, 1, 1)
    assert rules["population"].period(date(2024, 1, 1)) == date(2024, 1, 1)


def ledger_with(tmp_path: Path, came: list[tuple[str, str, str, str]]) -> Ledger:
    """A ledger with one delivery a row: insurer, stream, month, state."""
    ledger = Ledger(tmp_path / "ledger.sqlite")
    with ledger.transaction() as connection:
        for number, (insurer, stream, day, state) in enumerate(came):
            delivery = ledger.add_delivery(connection, file_id=str(number), file_name="f", stream=stream, state=state)
            connection.execute("INSERT INTO arrival VALUES (?, ?, ?, ?, 5)", (delivery, insurer, stream, day))
    return ledger


def absent(ledger: Ledger, reference_month: date) -> list[tuple[str, str, str]]:
    """Insurer, stream and month of what is missing, read on the last day of the month after the month of reference."""
    entries = missing(matrix(ledger, reference_month, reading_day(reference_month)))
    return [(row["insurer_number"], row["stream"], row["month"]) for row in entries]


def test_a_month_that_others_delivered_and_one_did_not_is_missing(tmp_path: Path) -> None:
    ledger = ledger_with(
        tmp_path,
        [
            ("160028", "medical", "2024-03-01", "taken"),
            ("160028", "medical", "2024-04-01", "taken"),
            ("160028", "medical", "2024-05-01", "taken"),
            ("160077", "medical", "2024-03-01", "taken"),
            ("160077", "medical", "2024-05-01", "taken"),
            ("160085", "medical", "2024-05-01", "taken"),
        ],
    )
    # The third insurer is expected from its first month on; May is not yet so late that it is missing.
    assert absent(ledger, date(2024, 6, 1)) == [("160077", "medical", "2024-04")]


def test_the_matrix_tells_what_came_what_is_missing_what_was_taken_back_and_what_is_not_due(tmp_path: Path) -> None:
    ledger = ledger_with(
        tmp_path,
        [
            ("160028", "medical", "2024-01-01", "taken"),
            ("160028", "medical", "2024-03-01", "retracted"),
            ("160028", "medical", "2024-04-01", "retracted"),
            ("160028", "medical", "2024-04-01", "taken"),
        ],
    )
    told = {row["month"]: row["state"] for row in matrix(ledger, date(2024, 7, 1), date(2024, 8, 31))}
    assert told == {
        "2024-01": "arrived", "2024-02": "missing", "2024-03": "retracted", "2024-04": "arrived",
        "2024-05": "missing", "2024-06": "not_due", "2024-07": "not_due",
    }  # fmt: skip


def test_every_stream_is_expected_of_somebody() -> None:
    with EXPECTED.open(encoding="utf-8", newline="") as handle:
        assert {row["stream"] for row in csv.DictReader(handle)} == set(stream_rules())


def test_what_was_recalled_did_not_come(tmp_path: Path) -> None:
    ledger = ledger_with(
        tmp_path,
        [
            ("160028", "medical", "2024-04-01", "taken"),
            ("160028", "medical", "2024-05-01", "recalled"),
            ("160077", "medical", "2024-05-01", "taken"),
        ],
    )
    assert absent(ledger, date(2024, 7, 1)) == [("160028", "medical", "2024-05")]


def test_a_checkup_in_any_month_of_the_year_is_enough(tmp_path: Path) -> None:
    ledger = ledger_with(
        tmp_path,
        [
            ("160028", "checkup", "2023-06-01", "taken"),
            ("160028", "checkup", "2025-03-01", "taken"),
            ("160077", "checkup", "2022-06-01", "taken"),
            ("160077", "checkup", "2024-06-01", "taken"),
        ],
    )
    assert absent(ledger, date(2025, 3, 1)) == [("160077", "checkup", "2023-04")]


def test_a_month_is_missing_from_the_day_after_its_due_day_and_the_allowed_months(tmp_path: Path) -> None:
    ledger = ledger_with(tmp_path, [("160028", "medical", "2024-01-01", "taken")])

    def february(day: date) -> str:
        return next(row["state"] for row in matrix(ledger, date(2024, 7, 1), day) if row["month"] == "2024-02")

    # The seed: due on the 10th of the month after, two months of grace.
    assert february(date(2024, 5, 10)) == "not_due"
    assert february(date(2024, 5, 11)) == "missing"
    assert reading_day(date(2024, 1, 1)) == date(2024, 2, 29)


def test_an_insurer_is_expected_to_send_what_the_others_of_its_scheme_send(tmp_path: Path) -> None:
    came = [
        ("160028", "medical", "2024-01-01", "taken"),
        ("160028", "dental", "2024-01-01", "taken"),
        ("160077", "medical", "2024-02-01", "taken"),  # which never sent 歯科
        ("39160015", "medical", "2024-01-01", "taken"),  # whose scheme sends none
    ]
    told = absent(ledger_with(tmp_path, came), date(2024, 4, 1))
    assert ("160077", "dental", "2024-02") in told and ("160077", "dental", "2024-01") not in told
    assert not [stream for insurer, stream, _ in told if insurer == "39160015" and stream != "medical"]


def test_what_was_set_aside_came_and_does_not_move_the_first_month(tmp_path: Path) -> None:
    ledger = ledger_with(
        tmp_path, [("160028", "medical", "2024-01-01", "taken"), ("-", "medical", "2024-01-01", "refused")]
    )
    with ledger.transaction() as connection:
        for day in ("1924-02-01", "2024-01-01", "2024-02-01", "2124-02-01"):
            connection.execute("INSERT INTO arrival_aside VALUES (2, '160028', 'medical', ?, 5)", (day,))
    told = {row["month"]: row["state"] for row in matrix(ledger, date(2024, 3, 1), date(2024, 4, 30))}
    assert told == {"2024-01": "arrived", "2024-02": "set_aside", "2024-03": "not_due"}
