"""A table of counts is taken whole, as offices write it, or refused with every fault, its line, column and remedy."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from ingest import console
from ingest.statistics import known
from ingest.statistics.columns import columns, template
from ingest.statistics.reading import StatisticsFile, StatisticsRefused, is_statistics, read
from tests.counts_world import row, table

MONTH = date(2025, 3, 1)
TOWNS = known.areas().filter(area_level="municipality", prefecture_code="16")["area_id"].to_list()


def taken(*rows: dict[str, Any], prefecture: str = "16") -> StatisticsFile:
    return read(table(*rows), "件数.csv", prefecture_code=prefecture, reference_month=MONTH)


def refused(*rows: dict[str, Any], prefecture: str = "16") -> StatisticsRefused:
    with pytest.raises(StatisticsRefused) as found:
        taken(*rows, prefecture=prefecture)
    assert console.is_expected(found.value)
    for fault in found.value.faults:
        assert "対処: " in str(fault) and not str(fault).endswith("対処: ")
    assert found.value.records == {"statistic": len(rows)}
    return found.value


def fault(*rows: dict[str, Any], prefecture: str = "16") -> tuple[int | None, str, str]:
    """Line, column and reason of the only fault of a file."""
    faults = refused(*rows, prefecture=prefecture).faults
    assert len(faults) == 1, [str(each) for each in faults]
    return faults[0].line, faults[0].field, faults[0].reason_code


# --- what is taken -------------------------------------------------------------------------------


def test_the_template_is_a_table_that_is_taken() -> None:
    found = read(template().encode(), "雛形.csv", prefecture_code="16", reference_month=MONTH)
    assert found.rows.height == 1
    assert {column.column_name for column in columns()} == {*found.rows.columns, *found.source.columns} - {"source_row"}


def test_a_row_is_typed_and_blank_counts_of_insurers_are_one() -> None:
    found = taken(row(), row(area_id="16204", period="2024年度", numerator="1,200", denominator="8,000",
                             contributor_count="1,200", denominator_contributor_count="8,000"))  # fmt: skip
    assert found.rows.select("source_row", "period", "class_code", "area_id", "numerator", "insurers_count").rows() == [
        (2, date(2024, 4, 1), "", "16202", 150, 1),
        (3, date(2024, 4, 1), "", "16204", 1200, 1),
    ]
    assert found.source.row(0, named=True) == {
        "source_id": "counts", "source_name": "架空の件数表", "publisher": "架空の連合会", "source_url": "",
        "source_year": 2024, "created_date": date(2025, 3, 10), "version_number": 1, "is_generated": True,
    }  # fmt: skip
    assert found.months == ["2024-04"]


def test_english_headings_and_shift_jis_are_read_alike() -> None:
    english = {column.column_name: column.headings[1] for column in columns()}
    one = read(table(row(), headings=english), "x.csv", prefecture_code="16", reference_month=MONTH)
    other = read(table(row()).decode().encode("cp932"), "x.csv", prefecture_code="16", reference_month=MONTH)
    assert one.rows.equals(other.rows) and one.source.equals(other.source)


@pytest.mark.parametrize(("kind", "written", "first"), [
    ("month", "2024-05", date(2024, 5, 1)),
    ("month", "202405", date(2024, 5, 1)),
    ("year_to_date", "2024-05-01", date(2024, 5, 1)),
    ("fiscal_year", "2024-04-01", date(2024, 4, 1)),
])  # fmt: skip
def test_periods_are_read_as_offices_write_them(kind: str, written: str, first: date) -> None:
    assert taken(row(period_kind=kind, period=written)).rows["period"].to_list() == [first]


def test_a_sender_for_the_whole_country_speaks_of_any_area() -> None:
    everywhere = [
        row(area_level="nation", area_id="JP", insurers_count=1700, numerator=1500, denominator=9000),
        row(area_level="peer", area_id="kdb_13:05", insurers_count=120),
        row(area_level="prefecture", area_id="01", insurers_count=179),
        row(area_level="municipality", area_id="47201"),
    ]
    assert taken(*everywhere, prefecture="00").rows.height == 4


def test_a_file_is_known_by_its_heading_and_no_other_is_taken_for_one() -> None:
    assert is_statistics(table(row()))
    assert is_statistics(table(row()).decode().encode("cp932"))
    assert is_statistics(table(row(), headings={"numerator": ""})), "one without a column is refused by name"
    for other in (b"", "年,地域コード,性別,人口\r\n".encode(), "1人の最大値の列について\r\n".encode(), b"\x00" * 64):
        assert not is_statistics(other)


# --- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(("told", "column", "reason"), [
    ({"indicator_id": "unheard_of"}, "指標ID", "bad_code"),
    ({"definition_version": 99}, "指標ID", "bad_code"),
    ({"scheme_code": "koki"}, "制度", "bad_code"),
    ({"period_kind": "quarter"}, "期間の種類", "bad_code"),
    ({"period": "令和6"}, "期間", "bad_date"),
    ({"period": "2024-07-01"}, "期間", "bad_date"),
    ({"period": "2017"}, "期間", "bad_date"),
    ({"period": "2025"}, "期間", "future_month"),
    ({"class_code": "major-01"}, "疾病分類", "bad_code"),
    ({"indicator_id": "disease_cost_share"}, "疾病分類", "bad_code"),
    ({"area_level": "district", "area_id": "16202-01"}, "地域の区分", "bad_code"),
    ({"area_id": "16999"}, "地域コード", "bad_code"),
    ({"area_id": "31201"}, "地域コード", "out_of_area"),
    ({"area_level": "nation", "area_id": "JP", "insurers_count": 9}, "地域コード", "out_of_area"),
    ({"area_level": "prefecture", "area_id": "16"}, "保険者数", "missing_field"),
    ({"area_level": "insurer", "area_id": "39160015"}, "制度", "bad_code"),
    ({"scheme_code": "kumiai"}, "地域の区分", "bad_code"),
    ({"sex_code": "男"}, "性別", "bad_code"),
    ({"age_band_code": "40-45"}, "年齢階級", "bad_code"),
    ({"numerator": "12.5", "contributor_count": 12}, "分子", "bad_number"),
    ({"numerator": -1, "contributor_count": 1}, "分子", "bad_number"),
    ({"numerator": 801, "contributor_count": 700, "largest_contribution": 2}, "分子", "implausible"),
    ({"numerator": 0, "denominator": 0, "largest_contribution": 0}, "分母", "implausible"),
    ({"contributor_count": 151}, "分子の人数", "implausible"),
    ({"denominator_contributor_count": 801}, "分母の人数", "implausible"),
    ({"contributor_count": 100}, "1人の最大値", "implausible"),
    ({"insurers_count": 0}, "保険者数", "implausible"),
])  # fmt: skip
def test_a_row_that_cannot_be_is_told_with_line_and_column(told: dict[str, Any], column: str, reason: str) -> None:
    assert fault(row(area_id="16204"), row(**told)) == (3, column, reason)


@pytest.mark.parametrize(("told", "column", "reason"), [
    ({"source_name": ""}, "出典", "missing_field"),
    ({"source_name": "受付 19600615"}, "出典", "contract"),
    ({"source_id": "件数"}, "出典ID", "contract"),
    ({"source_url": "file:///etc"}, "URL", "contract"),
    ({"created_date": "2025年"}, "作成年月日", "bad_date"),
    ({"is_generated": "たぶん"}, "架空", "bad_code"),
])  # fmt: skip
def test_a_source_that_is_none_is_told(told: dict[str, Any], column: str, reason: str) -> None:
    assert fault(row(**told)) == (2, column, reason)


def test_every_fault_is_told_at_once() -> None:
    found = refused(row(indicator_id="unheard_of"), row(area_id="31201"), row(sex_code="9"))
    assert [(each.line, each.reason_code) for each in found.faults] == [
        (2, "bad_code"), (3, "out_of_area"), (4, "bad_code")
    ]  # fmt: skip


def test_a_figure_stands_once() -> None:
    assert fault(row(), row(numerator=10)) == (3, "", "contract")


def test_a_file_has_one_source() -> None:
    assert fault(row(), row(area_id="16204", source_id="others")) == (3, "出典ID", "contract")


def test_a_missing_heading_and_one_that_stands_twice_are_named() -> None:
    with pytest.raises(StatisticsRefused) as found:
        read(table(row(), headings={"numerator": "分母"}), "x.csv", prefecture_code="16", reference_month=MONTH)
    assert [(each.line, each.reason_code) for each in found.value.faults] == [(1, "unrecognised"), (1, "contract")]


def test_a_line_with_another_number_of_fields_is_told() -> None:
    data = table(row(), row(area_id="16204")).rstrip() + b",1\r\n"
    with pytest.raises(StatisticsRefused) as found:
        read(data, "x.csv", prefecture_code="16", reference_month=MONTH)
    assert [(each.line, each.reason_code) for each in found.value.faults] == [(3, "contract")]


def test_a_prefecture_may_not_be_less_than_its_towns() -> None:
    whole = {"area_level": "prefecture", "area_id": "16", "insurers_count": 15}
    assert fault(row(), row(area_id="16204"), row(**whole, numerator=299, denominator=1600)) == (
        4, "分子", "total_mismatch"
    )  # fmt: skip
    assert taken(row(), row(area_id="16204"), row(**whole, numerator=900, denominator=5000)).rows.height == 3


def test_a_prefecture_is_the_sum_of_its_towns_where_all_are_there() -> None:
    towns = [row(area_id=town, numerator=10, denominator=100) for town in TOWNS]
    whole = {"area_level": "prefecture", "area_id": "16", "insurers_count": 15, "numerator": 10 * len(TOWNS)}
    assert taken(*towns, row(**whole, denominator=100 * len(TOWNS))).rows.height == len(TOWNS) + 1
    assert fault(*towns, row(**whole, denominator=100 * len(TOWNS) + 1))[1:] == ("分母", "total_mismatch")


def test_persons_counted_in_two_towns_need_not_add_up() -> None:
    whole = {"area_level": "prefecture", "area_id": "16", "insurers_count": 15}
    towns = [row(indicator_id="attendance_asof", area_id=town) for town in ("16202", "16204")]
    assert taken(*towns, row(indicator_id="attendance_asof", **whole, numerator=299, denominator=1600)).rows.height == 3


def test_both_sexes_are_no_less_than_each_added() -> None:
    both = [row(sex_code="1", numerator=80, denominator=400), row(sex_code="2", numerator=80, denominator=400)]
    assert fault(*both, row()) == (4, "分子", "total_mismatch")
    assert taken(*both, row(numerator=160)).rows.height == 3


def test_sums_that_no_number_holds_are_refused() -> None:
    rows = [
        row(indicator_id="inpatient_cost_per_member_month", area_id=town, age_band_code=band, sex_code=sex,
            numerator=99_999_999_999_999, denominator=99_999_999_999_999, contributor_count=99_999_999,
            largest_contribution=99_999_999_999_999)
        for town in known.areas().filter(area_level="municipality")["area_id"]
        for band in known.bands()[:21]
        for sex in ("1", "2", "all")
    ]  # fmt: skip
    found = refused(*rows, prefecture="00")
    assert {(each.field, each.reason_code) for each in found.faults} >= {("分子", "implausible")}


def test_a_file_that_says_nothing_is_refused() -> None:
    for data in (table(), table(row())[:40], b"", b"\xff\xfe\x00"):
        with pytest.raises(StatisticsRefused):
            read(data, "x.csv", prefecture_code="16", reference_month=MONTH)
