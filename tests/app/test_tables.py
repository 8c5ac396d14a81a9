"""The marks of the tables and the league table's order."""

from __future__ import annotations

import re
from datetime import date
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from app.show import Shape
from app.text import Text
from app.views import marks, ranking, summary
from app.views.comparison import Cell, Comparison, Row, Values, table_csv, table_html
from app.views.counts import Counts
from app.views.ranking import Place, Ranking

TEXT = Text("ja")
HIDDEN = Cell(None, None, "hidden_small")


@pytest.mark.parametrize(
    ("sign", "good_direction", "direction"),
    [(1, "good", "good"), (-1, "good", "bad"), (1, "bad", "bad"), (-1, "bad", "good"), (1, "neutral", "neutral"),
     (0, "good", ""), (0, "neutral", "")],
)  # fmt: skip
def test_a_difference_is_good_or_bad_by_the_indicators_direction(
    sign: int, good_direction: str, direction: str
) -> None:
    assert marks.direction_of(sign, good_direction) == direction


def test_a_mark_says_in_words_what_its_shape_and_colour_say_and_never_reads_as_minus() -> None:
    drawn = marks.mark(TEXT, 1, "bad", "富山県")
    assert 'aria-label="富山県より高い(悪い方向)"' in drawn
    assert "▲" not in drawn
    assert "△" not in drawn
    assert "<script>" not in marks.mark(TEXT, 1, "bad", "<script>")


def test_the_foot_spells_out_only_the_marks_that_the_table_holds() -> None:
    assert "10人未満のため非表示" in marks.hidden_foot(TEXT, {"hidden_small", "shown"}, span=3)
    assert "他の値から" not in marks.hidden_foot(TEXT, {"hidden_small", "shown"}, span=3)
    assert marks.hidden_foot(TEXT, {"shown"}, span=3) == ""


def league(*cells: Cell) -> Ranking:
    names = ("高岡市", "砺波市", "小矢部市", "南砺市")
    places = [
        Place(f"municipality:{number}", name, cell, name == "砺波市")
        for number, (name, cell) in enumerate(zip(names, cells, strict=False))
    ]
    indicator: Any = SimpleNamespace(shape=Shape(100, "%", has_denominator=True), good_direction="good")
    screen: Any = SimpleNamespace(text=TEXT, mark="架空データ", is_synthetic=True)
    return Ranking(screen, indicator, places, Cell(600.0, 1500.0, "shown"), "富山県", is_of_persons=True)


RANKED = league(Cell(400.0, 1000.0, "shown"), Cell(160.0, 300.0, "shown"), HIDDEN, Cell(40.0, 200.0, "shown"))


@pytest.mark.parametrize(
    ("order", "names"),
    [
        ("value", ["砺波市", "高岡市", "南砺市", "小矢部市"]),
        ("size", ["高岡市", "砺波市", "南砺市", "小矢部市"]),
        ("code", ["高岡市", "砺波市", "小矢部市", "南砺市"]),
    ],
)
def test_places_stand_by_value_size_or_code_and_hidden_ones_last(order: str, names: list[str]) -> None:
    assert [place.name for place in RANKED.ordered(order)] == names


def test_equal_values_share_a_rank_and_a_hidden_one_has_none() -> None:
    tied = league(Cell(1.0, 10.0, "shown"), Cell(10.0, 100.0, "shown"), HIDDEN, Cell(1.0, 100.0, "shown"))
    assert [tied.rank(place) for place in tied.places] == [1, 1, None, 3]


def test_each_line_of_the_league_table_holds_its_bar_and_its_judgement() -> None:
    drawn = ranking.table_html(RANKED, "value")
    lines = re.findall(r"<tr.*?</tr>", drawn.split("<tbody>")[1].split("</tbody>")[0])
    assert ["ts-bar" in line for line in lines] == [True, True, True, False]
    assert "ts-mark good" in lines[0], "砺波市 is above the rest beyond chance"
    assert "ts-mark bad" in lines[2]
    assert "架空データ" in drawn.split("</caption>")[0]
    assert "10人未満のため非表示" in drawn.split("<tfoot>")[1]


def test_the_whole_of_the_league_table_says_how_many_places_it_rests_on() -> None:
    some = league(Cell(400.0, 1000.0, "shown"), HIDDEN, Cell(None, None, "missing"))
    assert "破線は富山県 40.0（2市町村）" in ranking.table_html(some, "value")


def test_the_file_of_the_league_table_says_why_a_value_is_missing() -> None:
    lines = ranking.table_csv(RANKED, "code", [("期間", "令和6年度(2024)")]).decode("utf-8-sig").splitlines()
    assert lines[0].startswith("架空のデータです")
    assert lines[1] == "期間,令和6年度(2024)"
    assert lines[-2] == ",小矢部市,,,,10人未満のため非表示"
    assert lines[-1] == "3,南砺市,20.000,40,200,表示"


def test_enrolment_counts_from_the_start_of_the_unbroken_scheme() -> None:
    history: Any = SimpleNamespace(
        enrolment=pl.DataFrame(
            {
                "scheme_code": ["kokuho", "kokuho", "kokuho"],
                "start_date": [date(2010, 4, 1), date(2015, 4, 1), date(2020, 4, 1)],
                "end_date": [date(2012, 4, 1), date(2020, 4, 1), None],
            }
        )
    )
    assert summary._enrolment(TEXT, history, date(2025, 3, 31)) == ["<b>国保</b> 平成27年4月1日から"]
    gone: Any = SimpleNamespace(enrolment=history.enrolment.head(1))
    assert summary._enrolment(TEXT, gone, date(2025, 3, 31)) == ["<b>資格なし</b>", "国保 平成24年3月31日まで"]


# --- public tables -------------------------------------------------------------------------------


TOWN, YEAR = "municipality:16208", date(2024, 4, 1)


def an_indicator(name: str, block: str, shape: Shape) -> Any:
    """A row of the catalogue as the table needs it."""
    return SimpleNamespace(
        indicator_id=name, name=name, block_code=block, good_direction="neutral", label=name, is_verified=False,
        shape=shape, row={}, counts_persons=lambda kind: False,
    )  # fmt: skip


def comparison_of(
    indicators: list[Any],
    *,
    missing: dict[str, list[str]] | None = None,
    ends: dict[str, Any] | None = None,
    values: dict[str, int] | None = None,
    sent: Counts | None = None,
    own: frozenset[str] = frozenset(),
) -> Comparison:
    """The overview of one town; ``values`` are numerators over 100."""
    text = Text("ja")
    screen: Any = SimpleNamespace(
        text=text, mark="架空データ", missing_tables=missing or {}, tables_of={}, area_name=lambda key: "砺波市",
        table_name=lambda table: text(f"stream.reference_{table}"), is_mine=lambda key: False,
        files=SimpleNamespace(statistics=None), interval_ends=ends or {}, is_synthetic=True,
        own_areas=own,
    )  # fmt: skip
    columns = ["indicator_id", "scheme_code", "area_level", "area_id", "period", "numerator", "denominator",
               "value_status"]  # fmt: skip
    rows = [
        (name, "residents", "municipality", "16208", YEAR, count, 100, "shown")
        for name, count in (values or {}).items()
    ]
    return Comparison(
        screen, [Row(one, "residents") for one in indicators], [TOWN], TOWN, TOWN, frozenset(), "fiscal_year", YEAR,
        [YEAR], Values(pl.DataFrame(rows, schema=columns, orient="row")), sent or Counts(),
    )  # fmt: skip


def words_of(comparison: Comparison) -> str:
    """The text of the table, without the definitions that open on a click."""
    return re.sub(r"<[^>]+>", " ", re.sub(r"<div popover.*", "", table_html(comparison, {}, is_wide=False)))


def overview_of(missing: dict[str, list[str]]) -> str:
    """The text of an overview of two blocks, some of whose indicators wait for a public table."""
    blocks = (("population", ("総人口", "若年")), ("industry", ("産業一", "産業二")))
    share = Shape(100, "%", has_denominator=True)
    return words_of(
        comparison_of([an_indicator(name, block, share) for block, names in blocks for name in names], missing=missing)
    )


@pytest.fixture
def no_definitions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.views.definitions.as_list", lambda screen, indicator: "")


def test_what_waits_for_a_public_table_says_so_once_in_its_place(no_definitions: None) -> None:
    words = overview_of({"若年": ["population_by_age"], "産業一": ["industry"], "産業二": ["industry"]})
    first, second = words.split("産業構成")
    assert "人口(性・年齢別)の表がまだ読み込まれていないため、若年は表示していません。" in first
    assert second.count("産業別就業者数の表がまだ読み込まれていないため、産業一、産業二は表示していません。") == 1
    assert "総人口" in first and second.count("産業一") == 1


def test_where_every_table_is_loaded_nothing_is_said_of_them(no_definitions: None) -> None:
    words = overview_of({})
    assert "読み込まれていない" not in words and "産業二" in words


# --- intervals -----------------------------------------------------------------------------------
YEARS = Shape(1, "年", has_denominator=True)


def independent(values: dict[str, int]) -> Comparison:
    """A town's 平均自立期間 and the ends of its interval, in hundredths of a year."""
    named = {name: an_indicator(name, "mortality", YEARS) for name in ("自立", "自立下", "自立上")}
    return comparison_of([named["自立"]], ends={"自立": (named["自立下"], named["自立上"])}, values=values)


def test_a_value_with_an_interval_shows_it_beneath_and_its_ends_are_no_rows(no_definitions: None) -> None:
    words = words_of(independent({"自立": 8012, "自立下": 7940, "自立上": 8084}))
    assert re.search(r"80\.1\s+79\.4～80\.8", words)
    assert "自立下" not in words


def test_without_both_ends_no_interval_is_shown(no_definitions: None) -> None:
    words = words_of(independent({"自立": 8012, "自立下": 7940}))
    assert "80.1" in words and "79.4" not in words


def test_the_table_as_csv_has_lines_for_the_ends() -> None:
    lines = table_csv(independent({"自立": 8012, "自立下": 7940, "自立上": 8084}), []).decode("utf-8-sig").splitlines()
    assert [line.split(",")[0] for line in lines[-3:]] == ["自立", "自立下", "自立上"]
    assert [line.split(",")[4] for line in lines[-3:]] == ["8012", "7940", "8084"]


# --- counts of senders ---------------------------------------------------------------------------
SHARE = Shape(100, "%", has_denominator=True)


def sent(*told: tuple[int, int, str, bool]) -> Counts:
    """Counts of one value of the town: insurers by records, by counts, source, whether invented."""
    rows = [("率", "residents", TOWN, YEAR, records, count, source, 2024, invented)
            for records, count, source, invented in told]  # fmt: skip
    return Counts(
        pl.DataFrame(
            rows,
            schema=["indicator_id", "scheme_code", "area_key", "period", "record_insurers_count", "sent_insurers_count",
                    "source", "year", "is_generated"],
            orient="row",
        )
    )  # fmt: skip


def test_a_value_with_counts_of_senders_is_marked_and_says_whose_they_are(no_definitions: None) -> None:
    told = comparison_of(
        [an_indicator("率", "checkup", SHARE), an_indicator("別", "checkup", SHARE)], values={"率": 20, "別": 30},
        sent=sent((10, 1707, "架空の表（作成者）", True)),
    )  # fmt: skip
    drawn = table_html(told, {}, is_wide=False)
    assert drawn.count('class="ts-sent"') == 1, "the other row rests on records alone"
    words = "記録10＋件数表1,707保険者、出典: 架空の表（作成者） 2024年（架空の数値）"
    assert drawn.count(words) == 1, "beside the value"
    behind = drawn[drawn.index('id="def0"') : drawn.index('id="def1"')]
    assert "記録10＋件数表1,707保険者</td>" in behind and "出典: 架空の表（作成者） 2024年（架空の数値）" in behind
    lines = table_csv(told, []).decode("utf-8-sig").splitlines()
    assert any(line.startswith("件数表,") and "架空の数値" in line for line in lines)


def test_every_source_of_a_value_is_named_once(no_definitions: None) -> None:
    told = comparison_of(
        [an_indicator("率", "checkup", SHARE)], values={"率": 20},
        sent=sent((10, 3, "甲", False), (10, 4, "乙", True)),
    )  # fmt: skip
    assert "記録10＋件数表7保険者、出典: 乙 2024年（架空の数値）、出典: 甲 2024年" in table_html(
        told, {}, is_wide=False
    )


def test_an_own_area_is_told_by_its_records_alone(no_definitions: None) -> None:
    told = comparison_of(
        [an_indicator("率", "checkup", SHARE)], values={"率": 20}, sent=sent((1, 5, "甲", False)),
        own=frozenset([TOWN]),
    )  # fmt: skip
    assert "ts-sent" not in table_html(told, {}, is_wide=False)
    assert "件数表" not in table_csv(told, []).decode("utf-8-sig")


def test_without_counts_nothing_is_said_of_them(no_definitions: None) -> None:
    assert "件数表" not in words_of(comparison_of([an_indicator("率", "checkup", SHARE)], values={"率": 20}))
