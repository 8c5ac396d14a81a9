"""Triage: every row ends in exactly one place, lines with their parent."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
import pytest

from ingest.quality import suites
from ingest.site import totals
from ingest.site.area import area_of
from ingest.site.errors import SiteError
from ingest.site.triage import FILE, Triage, triage
from tests.handmade import frame, month

CLAIM = {
    "scheme_code": "kokuho",
    "insurer_number": "160028",
    "number": "1234567",
    "birth_date": date(1950, 5, 6),
    "sex_code": "1",
    "search_number": "1",
    "service_month": month(2024, 5),
    "adjudication_month": month(2024, 6),
    "points": 100,
}


def tables(*claims: dict[str, Any], lines: int = 2) -> dict[str, pl.DataFrame]:
    """Claims of one file, each with ``lines`` items."""
    whole = [CLAIM | claim for claim in claims]
    items = [
        {"scheme_code": row["scheme_code"], "insurer_number": row["insurer_number"], "parent_source_row": number,
         "service_month": row["service_month"], "points": 5}
        for number, row in enumerate(whole, start=1)
        for _ in range(lines)
    ]  # fmt: skip
    return {"claim": frame("claim", whole), "claim_item": frame("claim_item", items)}


def judged(*files: dict[str, pl.DataFrame]) -> Triage:
    placed = [
        {name: table.with_columns(pl.lit(place, dtype=pl.Int64).alias(FILE)) for name, table in file.items()}
        for place, file in enumerate(files)
    ]
    whole = {name: pl.concat([file[name] for file in placed]) for name in files[0]}
    return triage(whole, area_of("16"), suites.Gate())


def verdicts(found: Triage, table: str, name: str = "_outcome") -> list[str | None]:
    """What each row of the table was told; None where it goes on."""
    told = dict(found.verdicts[table].select("_row", name).iter_rows())
    return [told.get(row) for row in range(found.frames[table].height)]


outcomes = verdicts


def test_good_rows_of_the_sites_insurers_go_on_in_their_order() -> None:
    found = judged(tables({"number": "3"}, {"number": "1"}))
    assert outcomes(found, "claim") == [None, None]
    assert found.kept("claim")["number"].to_list() == ["3", "1"]
    assert found.kept("claim_item").height == 4


def test_a_receipt_without_an_insurer_is_set_aside_with_its_lines() -> None:
    found = judged(tables({}, {"insurer_number": None, "scheme_code": None, "is_public_only": True}))
    assert outcomes(found, "claim") == [None, "set_aside"]
    assert outcomes(found, "claim_item") == [None, None, "set_aside", "set_aside"]
    assert verdicts(found, "claim", "_reason") == [None, "missing_insurer"]


def test_insurers_of_another_prefecture_and_of_employees_are_out_of_area() -> None:
    found = judged(
        tables({}, {"insurer_number": "310029"}, {"insurer_number": "01010016", "scheme_code": None},
               {"insurer_number": "39310024", "scheme_code": "koki"})
    )  # fmt: skip
    assert outcomes(found, "claim") == [None, "out_of_area", "out_of_area", "out_of_area"]
    assert outcomes(found, "claim_item") == [None, None] + ["out_of_area"] * 6


def test_the_number_of_another_scheme_is_not_the_sites_own() -> None:
    found = judged(tables({}, {"insurer_number": "160028", "scheme_code": "koki"}))
    assert outcomes(found, "claim") == [None, "out_of_area"]


def test_a_malformed_insurer_number_breaks_its_contract_and_is_not_called_foreign() -> None:
    found = judged(tables({}, {"insurer_number": "16002X"}))
    assert outcomes(found, "claim") == [None, "set_aside"]
    assert verdicts(found, "claim", "_field") == [None, "insurer_number"]


def test_a_file_in_which_every_record_is_foreign_is_refused_as_a_whole() -> None:
    found = judged(tables({}, {}), tables({"insurer_number": "310029"}, {"insurer_number": "310029"}))
    assert found.wrong_site == {1}
    assert outcomes(found, "claim") == [None, None, "refused", "refused"]
    assert outcomes(found, "claim_item") == [None] * 4 + ["refused"] * 4
    assert verdicts(found, "claim", "_reason")[2:] == ["wrong_site", "wrong_site"]


def test_a_broken_line_is_set_aside_alone_and_a_broken_receipt_with_its_lines() -> None:
    file = tables({}, {"days_count": 99})
    file["claim_item"] = file["claim_item"].with_columns(
        item_code=pl.when(pl.col("source_row") == 1).then(pl.lit("?")).otherwise("item_code")
    )
    found = judged(file)
    assert outcomes(found, "claim") == [None, "set_aside"]
    assert outcomes(found, "claim_item") == ["set_aside", None, "set_aside", "set_aside"]
    assert verdicts(found, "claim_item", "_field") == ["item_code", None, "days_count", "days_count"]


def test_a_line_whose_record_was_not_read_is_set_aside() -> None:
    file = tables({}, {})
    file["claim"] = file["claim"].head(1)
    found = judged(file)
    assert outcomes(found, "claim_item") == [None, None, "set_aside", "set_aside"]
    assert verdicts(found, "claim_item", "_field")[2:] == ["parent_source_row"] * 2


def test_lines_belong_to_the_record_of_their_own_file() -> None:
    found = judged(tables({}), tables({"days_count": 99}))
    assert outcomes(found, "claim_item") == [None, None, "set_aside", "set_aside"]


def test_a_population_of_another_prefectures_town_is_out_of_area() -> None:
    row = {"year": 2024, "sex_code": "1", "age_band_code": "65-69", "population_count": 5,
           "created_date": date(2024, 2, 1)}  # fmt: skip
    file = {"population": frame("population", [row | {"municipality_code": code} for code in ("16202", "31202", "?")])}
    assert outcomes(judged(file), "population") == [None, "out_of_area", "set_aside"]


def test_totals_say_of_every_row_and_point_where_it_went() -> None:
    found = judged(tables({}, {"insurer_number": None, "scheme_code": None, "points": 7}, {"insurer_number": "310029"}))
    read = totals.of_tables(found.frames, pl.lit("read"))
    gone = totals.of_tables(
        {name: found.gone(name) for name in found.frames},
        pl.col("_outcome"),
    )
    sealed = totals.of_tables({name: found.kept(name) for name in found.frames}, pl.lit("sealed"))
    account = totals.together([read, gone, sealed])
    totals.hold(account)
    claim = account.filter((pl.col("table_name") == "claim") & (pl.col("measure") == "points"))
    assert {tuple(row) for row in claim.select("scheme_code", "outcome", "value").rows()} == {
        ("", "read", 7), ("", "set_aside", 7), ("kokuho", "read", 200), ("kokuho", "sealed", 100),
        ("kokuho", "out_of_area", 100),
    }  # fmt: skip


def test_a_row_unaccounted_for_stops_the_run() -> None:
    found = judged(tables({}, {}))
    read = totals.of_tables(found.frames, pl.lit("read"))
    sealed = totals.of_tables({name: found.kept(name).head(1) for name in found.frames}, pl.lit("sealed"))
    with pytest.raises(SiteError, match=r"claim\.points"):
        totals.hold(totals.together([read, sealed]))


def test_a_row_that_is_only_warned_of_goes_on() -> None:
    found = judged(tables({"line_points": 90, "original_points": 100}, {}))
    assert outcomes(found, "claim") == [None, None]
    assert (0, "claim_points_sum") in found.warnings["claim"].select("row_number", "rule_id").rows()
    assert found.kept("claim").height == 2


def test_a_row_of_another_area_is_not_warned_of() -> None:
    found = judged(tables({"insurer_number": "310029", "line_points": 90, "original_points": 100}, {}))
    assert set(found.warnings["claim"]["row_number"]) <= {1}


def test_a_file_is_refused_when_more_than_a_fifth_of_its_rows_are_set_aside() -> None:
    wrong = {"days_count": 99}
    at_the_limit = tables(*[wrong] * 10, *[{}] * 40, lines=0)
    above = tables(*[wrong] * 11, *[{}] * 39, lines=0)
    small = tables(*[wrong] * 20, *[{}] * 29, lines=0)
    found = judged(at_the_limit, above, small)
    assert {place: reason for place, (reason, _) in found.refused.items()} == {1: "too_many_set_aside"}
    assert outcomes(found, "claim")[50:100] == ["refused"] * 50
    assert outcomes(found, "claim")[:50].count("set_aside") == 10
    assert "50行のうち11行" in found.refused[1][1]


def test_rows_without_insurer_or_of_another_area_do_not_count_against_their_file() -> None:
    public = {"insurer_number": None, "scheme_code": None, "is_public_only": True}
    found = judged(tables(*[public] * 30, *[{"insurer_number": "310029"}] * 10, *[{}] * 20, lines=0))
    assert found.refused == {}
