"""A public table is taken whole, as offices write it, or refused with every fault, its line, field and remedy."""

from __future__ import annotations

from decimal import Decimal

import polars as pl
import pytest

from ingest import console
from ingest.reference.ages import BANDS
from ingest.reference.errors import ReferenceRefused
from ingest.reference.reading import ReferenceFile, read
from ingest.reference.tables import ROLES, tables, template

INDUSTRY = "年,地域コード,第1次産業,第2次産業,第3次産業,分類不能,就業者総数,出典"
LIFE = "年,地域コード,性別,平均余命,出典"
POPULATION = "年,地域コード,性別,年齢階級,人口,出典"
DEATHS = "年,地域コード,性別,年齢階級,死亡数,出典"
CAUSES = "年,地域コード,がん,心臓病,脳疾患,糖尿病,腎不全,自殺,死亡総数,出典"
FACILITIES = "年,地域コード,病院数,診療所数,病床数,医師数,出典"


def taken(table: str, *lines: str, encoding: str = "utf-8") -> ReferenceFile:
    return read(tables()[table], "\r\n".join([*lines, ""]).encode(encoding), "表.csv")


def refused(table: str, *lines: str) -> ReferenceRefused:
    with pytest.raises(ReferenceRefused) as found:
        taken(table, *lines)
    assert console.is_expected(found.value)
    for fault in found.value.faults:
        assert "対処: " in str(fault) and not str(fault).endswith("対処: ")
    return found.value


def fault(table: str, *lines: str) -> str:
    """The only fault of a file, as it is told."""
    found = refused(table, *lines)
    assert len(found.faults) == 1, found
    return str(found.faults[0])


def values(file: ReferenceFile, **key: str) -> dict[str, Decimal]:
    rows = file.rows.filter(*(pl.col(name) == value for name, value in key.items()))
    return dict(zip(rows["measure_code"], rows["value"], strict=True))


def ages(area: str, sex: str, *, missing: str = "") -> list[str]:
    """One person at every age, 2 of 95 and over."""
    return [
        f"2025,{area},{sex},{band.replace('+', '歳以上')},{2 if band == '95+' else 1},架空の統計"
        for band in BANDS
        if band != missing
    ]


# --- what is taken -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", tables())
def test_every_table_has_a_year_an_area_a_source_and_something_to_count(name: str) -> None:
    table = tables()[name]
    assert {column.role for column in table.columns} <= set(ROLES)
    for role in ("year", "area", "source"):
        assert len(table.of_role(role)) == 1
    assert table.of_role("value") and all(column.note_ja for column in table.columns)
    spellings = [spelling for column in table.columns for spelling in column.spellings]
    assert len(set(spellings)) == len(spellings)
    measures = {column.column_name for column in table.of_role("value")}
    assert all(set(column.total_of) <= measures for column in table.columns)


@pytest.mark.parametrize("name", tables())
def test_a_template_is_refused_until_its_example_is_taken_out_and_then_reads_as_it_says(name: str) -> None:
    heading, example, _ = template(tables()[name]).removeprefix("\ufeff").split("\r\n")
    assert "記入例の行が残っています" in fault(name, heading, example)
    line = example.replace("記入例: ", "")
    others = [line.replace(",男,", ",女,")] if name in ("population", "deaths") else []
    lines = [each.replace("0～4歳", "総数") for each in (line, *others)]
    assert taken(name, heading, *lines).rows["area_id"].unique().to_list() == ["16201"]


def test_a_number_is_read_in_full_width_and_with_separators() -> None:
    file = taken(
        "industry",
        INDUSTRY,
        '２０２０年,１６２０１,５,１０,２０,,"３５",架空の統計',
        '2020,16202,"1,000",0,0,0,"1,000",x',
    )
    assert values(file, area_id="16201")["employed"] == 35
    assert values(file, area_id="16202") == {
        "employed_primary": 1000, "employed_secondary": 0, "employed_tertiary": 0, "employed_unclassified": 0,
        "employed": 1000,
    }  # fmt: skip


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932"])
def test_a_spreadsheets_encodings_are_the_same_file(encoding: str) -> None:
    file = taken("life_table", LIFE, "2020,16,男,81.50,架空の生命表", encoding=encoding)
    assert file.rows.row(0) == (
        2020, "prefecture", "16", "1", "all", "life_expectancy", Decimal("81.5"), "架空の生命表",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("code", "area"),
    [
        ("00000", ("nation", "JP")), ("全国", ("nation", "JP")), ("16", ("prefecture", "16")),
        ("16000", ("prefecture", "16")), ("16201", ("municipality", "16201")), ("162019", ("municipality", "16201")),
    ],
)  # fmt: skip
def test_an_area_is_known_by_any_of_its_official_codes(code: str, area: tuple[str, str]) -> None:
    file = taken("life_table", LIFE, f"2020,{code},女,87.1,x")
    assert file.rows.select("area_level", "area_id").row(0) == area


def test_columns_may_stand_in_any_order_and_strange_ones_are_read_past() -> None:
    file = taken("life_table", "備考,平均寿命,性別,市区町村コード,出典,西暦年", "なし,81.05,男,16201,x,2020")
    assert file.rows["value"].to_list() == [Decimal("81.05")]


def test_totals_over_ages_and_sexes_that_are_left_out_are_added() -> None:
    file = taken("population", POPULATION, *ages("16201", "男"), *ages("16201", "女"))
    assert values(file, sex_code="all", age_band_code="all") == {"population": 42}
    assert values(file, sex_code="2", age_band_code="all") == {"population": 21}
    assert values(file, sex_code="all", age_band_code="95+") == {"population": 4}


def test_who_died_at_an_age_unknown_is_in_the_total_only() -> None:
    men, women = ages("00000", "男"), ages("00000", "女")
    file = taken("deaths", DEATHS, *men, "2025,00000,男,不詳,5,x", *women)
    assert values(file, sex_code="1", age_band_code="all") == {"deaths": 26}
    assert set(file.rows["age_band_code"]) == {*BANDS, "all"}


def test_what_a_survey_did_not_ask_may_be_blank() -> None:
    file = taken("facilities", FACILITIES, "2023,16201,3,20,800,,x")
    assert values(file) == {"hospitals": 3, "clinics": 20, "beds": 800}


def test_wards_of_a_city_are_read_past_and_counted() -> None:
    file = taken("facilities", FACILITIES, "2023,01100,3,20,800,9,x", "2023,01101,1,2,80,4,x")
    assert file.ward_rows == 1 and file.rows["area_id"].unique().to_list() == ["01100"]


# --- what is refused -----------------------------------------------------------------------------


def test_every_fault_is_told_at_once_with_its_line_and_field() -> None:
    found = refused(
        "industry", INDUSTRY, "2020,16201,x,1,1,,2,出典", "R2,99999,1,1,1,,3,出典", "2020,16202,1,1,1,,4,出典"
    )
    told = str(found).splitlines()
    assert told[0] == "表.csv: 3件の誤りがあり、取り込みませんでした"
    assert [line.split(":")[0].strip() for line in told[1:]] == ["2行目 第1次産業", "3行目 年", "3行目 地域コード"]


def test_many_faults_are_counted() -> None:
    lines = str(refused("life_table", LIFE, *(f"2020,16201,男,{n},x" for n in range(200, 230)))).splitlines()
    assert lines[-1] == "  ほか20件"


@pytest.mark.parametrize(
    ("table", "lines", "told"),
    [
        ("industry", [INDUSTRY, "2020,16201,5,10,20,1,35,x"],
         "2行目 就業者総数: 35は内訳の合計36と合いません [total_mismatch]。対処: 統計表の値を確かめてください"),
        ("causes_of_death", [CAUSES, "2023,16201,9,9,9,1,1,1,29,x"],
         "2行目 死亡総数: 29は内訳の合計30より小さい値です"),
        ("life_table", [LIFE, "2020,16201,男,81.05,x", "2020,162019,男,81.06,x"],
         "3行目: 2行目と同じ年・地域・性別・年齢の行です [contract]。対処: どちらが正しいか確かめ、一つにしてください"),
        ("life_table", [LIFE, "2020,16299,男,81,x"], "2行目 地域コード: 知られていない地域コードです [bad_code]"),
        ("life_table", [LIFE, "2020,1100,男,81,x"], "表計算ソフトが先頭の0を落としたようです"),
        ("life_table", [LIFE, "2020,162018,男,81,x"], "検査数字（6桁目）が合いません"),
        ("life_table", [LIFE, "2020,富山市,男,81,x"], "地域コードではありません"),
        ("life_table", [LIFE, "令和2年,16201,男,81,x"], "2行目 年: 西暦4桁の年ではありません [bad_date]"),
        ("life_table", [LIFE, "2020,16201,計,81,x"], "2行目 性別: 男女別の値ではありません"),
        ("life_table", [LIFE, "2020,16201,男,81.055,x"], "小数点以下2桁までではありません [bad_number]"),
        ("life_table", [LIFE, "2020,16201,男,810,x"], "40から120までの値ではありません [implausible]"),
        ("life_table", [LIFE, "2020,16201,男,81,"], "2行目 出典: 空欄です [missing_field]"),
        ("life_table", [LIFE, "2020,16201,男,81"], "列の数が4で、見出しの5と違います"),
        ("life_table", [LIFE], "見出しの下に行がありません"),
        ("life_table", [LIFE.replace("平均余命", "平均余命,平均寿命"), "2020,16201,男,81,81,x"],
         "同じ見出しの列が二つあります"),
        ("life_table", ["年,性別,平均余命,出典", "2020,男,81,x"],
         "1行目: 「地域コード」の列がありません [unrecognised]。対処: `tsumugi reference template life_table`"),
        ("facilities", [FACILITIES, "2023,16201,,,,,x"], "数値が一つもありません"),
        ("facilities", [FACILITIES, "2023,16201,3,20,…,9,x"], "2行目 病床数: 数値ではない印です"),
        ("facilities", [FACILITIES, "2023,16201,-3,20,8,9,x"], "0以上の数値ではありません"),
        ("facilities", [FACILITIES, "2023,16201,3.5,20,8,9,x"], "整数ではありません"),
        ("population", [POPULATION, *ages("16201", "男", missing="20-24"), *ages("16201", "女")],
         "年齢階級 20-24 の行がありません"),
        ("population", [POPULATION, *ages("16201", "男")], "この地域と年齢に女の行がありません"),
        ("population", [POPULATION, "2025,16201,計,100歳以上,5,x"], "5歳ごとの年齢階級ではありません"),
        ("population", [POPULATION, *ages("16201", "計"), "2025,16201,計,総数,20,x"],
         "20は年齢階級の合計21と合いません [total_mismatch]"),
        ("deaths", [DEATHS, "2023,16,男,総数,3,x", "2023,16,女,総数,4,x", "2023,16,計,総数,8,x"],
         "4行目 死亡数: 8は男女の合計7と合いません"),
    ],
)  # fmt: skip
def test_a_wrong_line_is_told_with_what_to_do(table: str, lines: list[str], told: str) -> None:
    found = refused(table, *lines)
    assert told in str(found.faults[0])


def test_an_encoding_that_is_not_read_is_told() -> None:
    with pytest.raises(
        ReferenceRefused, match=r"表\.csv UTF-16またはバイナリのファイルです \[encoding\]。対処: 表計算"
    ):
        taken("life_table", LIFE, "2020,16201,男,81,x", encoding="utf-16")
