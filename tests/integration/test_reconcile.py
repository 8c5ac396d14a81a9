"""A form of KDB beside our figures: what was planted is named with its reason, and nothing else is."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from ingest import warehouse
from ingest.cli import app
from ingest.policy import audit
from ingest.progress import silent
from ingest.reconcile.compare import AGREES, DIFFERS, HIDDEN, NO_FIGURE, NOT_A_NUMBER, NOT_OURS, UNMAPPED, Line
from ingest.reconcile.errors import FormError
from ingest.reconcile.kept import kept
from ingest.reconcile.page import html
from ingest.reconcile.run import Reconciliation, reconcile
from ingest.sealing.keys import KeyRing
from ingest.sealing.keytable import AT_REST
from ingest.site.errors import SiteError
from ingest.site.layouts import copy
from ingest.warehouse import WarehouseError
from tests import figures_world, kdb_forms
from tests.figures_world import FiguresWorld
from tests.kdb_forms import PLANTS, Numbers, Style

FIVE = ("attendance_asof", "pharmacy_in", "per_year", "sex", "period")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> FiguresWorld:
    return figures_world.build(tmp_path_factory.mktemp("kdb"))


@pytest.fixture(scope="module")
def numbers(world: FiguresWorld) -> Numbers:
    return Numbers(world.figures)


@pytest.fixture
def against(world: FiguresWorld, tmp_path: Path) -> Callable[..., Reconciliation]:
    def reconciled(content: bytes, **options: object) -> Reconciliation:
        path = tmp_path / "form.csv"
        path.write_bytes(content)
        return reconcile(world.settings, path, figures_world.TENANT, silent, **options)  # type: ignore[arg-type]

    return reconciled


def differing(done: Reconciliation) -> list[Line]:
    return [line for line in done.lines if line.state == DIFFERS]


def planted(world: FiguresWorld, numbers: Numbers, *reasons: str) -> dict[tuple[str, str], str]:
    return {
        (label, kind): str(number(numbers, world.figures))
        for label, kind, number in (PLANTS[reason] for reason in reasons)
    }


def test_five_planted_differences_are_named_with_their_five_reasons_and_nothing_else_is(
    world: FiguresWorld, numbers: Numbers, against: Callable[..., Reconciliation]
) -> None:
    done = against(kdb_forms.overview("P21_001", numbers, Style(), planted(world, numbers, *FIVE)))
    found = {(line.cell.label.replace("／", "/"), line.cell.kind): line.reasons[0].code for line in differing(done)}
    assert found == {PLANTS[reason][:2]: reason for reason in FIVE}
    assert {line.reasons[0].certainty for line in differing(done)} == {"exact"}
    assert done.counts[AGREES] > 60
    assert set(done.counts) <= {AGREES, DIFFERS, NOT_OURS}


@pytest.mark.parametrize("form_id", ["P21_001", "P21_003"])
def test_a_form_made_of_our_own_figures_agrees_in_every_line_that_we_have(
    form_id: str, numbers: Numbers, against: Callable[..., Reconciliation]
) -> None:
    done = against(kdb_forms.overview(form_id, numbers, Style()))
    assert set(done.counts) == ({AGREES, NOT_OURS} if form_id == "P21_003" else {AGREES})
    assert done.form.unknown_headings == ()


def test_an_insurer_number_of_eight_digits_is_the_one_of_six(
    numbers: Numbers, against: Callable[..., Reconciliation]
) -> None:
    style = Style(insurer_number=f"00{figures_world.INSURER}")
    assert AGREES in against(kdb_forms.overview("P21_001", numbers, style)).counts


def test_the_table_of_findings_agrees_by_sex_and_age(numbers: Numbers, against: Callable[..., Reconciliation]) -> None:
    done = against(kdb_forms.findings(numbers, Style()))
    assert done.counts == {AGREES: 9 * (1 + 2 * len(kdb_forms.ITEMS_52))}
    assert done.form.unknown_headings == ()


@pytest.mark.parametrize("reason", ["dental_out", "unit"])
def test_other_reasons_are_named_too(
    reason: str, world: FiguresWorld, numbers: Numbers, against: Callable[..., Reconciliation]
) -> None:
    done = against(kdb_forms.overview("P21_001", numbers, Style(), planted(world, numbers, reason)))
    assert [line.reasons[0].code for line in differing(done)] == [reason]


def test_a_denominator_of_those_measured_is_told_by_the_count_beside_the_rate(
    numbers: Numbers, against: Callable[..., Reconciliation]
) -> None:
    numerator, denominator = numbers.sums("hba1c_56", "own", "1", "40-64")
    measured = denominator * 9 // 10
    rate = kdb_forms.rounded(Decimal(numerator) / measured * 100, 1)
    done = against(kdb_forms.findings(numbers, Style(), {("男／40～64歳／HbA1c/5.6以上", "rate"): str(rate)}))
    (line,) = differing(done)
    assert [(one.code, one.certainty) for one in line.reasons] == [("measured", "possible")]
    assert f"分子は同じ{numerator:,}人" in line.reasons[0].detail


def test_ages_that_changed_places_are_told(numbers: Numbers, against: Callable[..., Reconciliation]) -> None:
    numerator, denominator = numbers.sums("systolic_130", "own", "2", "65-74")
    rate = kdb_forms.rounded(Decimal(numerator) / denominator * 100, 1)
    done = against(kdb_forms.findings(numbers, Style(), {("女／40～64歳／収縮期血圧/130以上", "rate"): str(rate)}))
    (line,) = differing(done)
    assert (line.reasons[0].code, line.reasons[0].detail) == ("age", "65～74歳")


def test_a_number_that_was_cut_off_instead_of_rounded_is_a_matter_of_rounding(
    numbers: Numbers, against: Callable[..., Reconciliation]
) -> None:
    rates = {"問診/睡眠不足": "poor_sleep", "問診/喫煙": "smoking", "問診/毎日飲酒": "daily_drinking"}
    for label, row in rates.items():
        numerator, denominator = numbers.sums(row, "own")
        exact = Decimal(numerator) / denominator * 100
        if kdb_forms.rounded(exact, 1) > exact:
            cut = kdb_forms.rounded(exact, 1) - Decimal("0.1")
            done = against(kdb_forms.overview("P21_001", numbers, Style(), {(label, "rate"): str(cut)}))
            (line,) = differing(done)
            assert line.reasons[0].code == "rounding"
            return
    pytest.fail("no rate of this world is rounded up")


def test_a_form_of_the_month_before_is_told_in_each_of_its_numbers(
    world: FiguresWorld, against: Callable[..., Reconciliation]
) -> None:
    february = Numbers(world.figures, "month", date(2025, 2, 1))
    done = against(kdb_forms.overview("P21_001", february, Style(period="令和7年3月")))
    assert len(differing(done)) == 3
    assert {(line.reasons[0].code, line.reasons[0].detail) for line in differing(done)} == {
        ("period", "本システムの令和7年2月と一致")
    }


def test_meals_are_possible_where_the_cost_of_inpatients_is_a_little_higher(
    numbers: Numbers, against: Callable[..., Reconciliation]
) -> None:
    cost, months = numbers.sums("inpatient_cost_per_member_month", "own")
    higher = kdb_forms.rounded(Decimal(cost) / months * Decimal("1.041"), 0)
    done = against(kdb_forms.overview("P21_001", numbers, Style(), {(kdb_forms.INPATIENT, "count"): str(higher)}))
    (line,) = differing(done)
    assert [(one.code, one.certainty) for one in line.reasons] == [("meal", "possible")]
    assert "1.041倍" in line.reasons[0].detail


def test_a_month_that_did_not_come_is_told_where_costs_differ(numbers: Numbers, tmp_path: Path) -> None:
    settings = figures_world.demo_workspace(tmp_path / "world")
    figures = figures_world.figures(1)
    gone = (pl.col("period") == date(2024, 8, 1)) & (pl.col("indicator_id") == "claims_per_1000")
    figures_world.publish(settings, figures.filter(~gone), missing=("medical", date(2024, 8, 1)))
    path = tmp_path / "form.csv"
    path.write_bytes(kdb_forms.overview("P21_001", numbers, Style(), {(kdb_forms.INPATIENT, "count"): "99,999"}))
    (line,) = differing(reconcile(settings, path, figures_world.TENANT, silent))
    assert line.reasons[0].code == "coverage"
    assert "2024-08" in line.reasons[0].detail


def test_what_nothing_explains_is_told_as_a_definition_that_nobody_verified(
    numbers: Numbers, against: Callable[..., Reconciliation]
) -> None:
    done = against(kdb_forms.overview("P21_001", numbers, Style(), {("問診/喫煙", "rate"): "99.9"}))
    (line,) = differing(done)
    assert [one.code for one in line.reasons] == ["definition"]
    assert "分母: 喫煙の質問に答えた健診受診者" in line.reasons[0].detail


def test_an_unknown_label_and_a_cell_that_is_no_number_are_listed_with_their_place(
    numbers: Numbers, against: Callable[..., Reconciliation]
) -> None:
    more = [["新しい区分", "新しい項目", "", "5", "1.0", "5", "1.0", "5", "1.0", "5", "1.0"]]
    content = kdb_forms.overview("P21_001", numbers, Style(), {("問診/喫煙", "rate"): "約13"}, more)
    done = against(content)
    unknown = [line for line in done.lines if line.state == UNMAPPED]
    assert [(line.cell.label, line.cell.column) for line in unknown] == [
        ("新しい区分／新しい項目", 4),
        ("新しい区分／新しい項目", 5),
    ]
    lines = list(csv.reader(content.decode("cp932").splitlines()))
    assert lines[unknown[0].cell.line - 1][0] == "新しい区分"
    (bad,) = [line for line in done.lines if line.state == NOT_A_NUMBER]
    assert (lines[bad.cell.line - 1][bad.cell.column - 1], bad.cell.label) == ("約13", "問診／喫煙")


def test_a_hidden_figure_of_ours_is_not_held_against_kdb(world: FiguresWorld, numbers: Numbers, tmp_path: Path) -> None:
    settings = figures_world.demo_workspace(tmp_path / "world")
    care = (pl.col("indicator_id") == "certification_rate") & (pl.col("area_level") == "municipality")
    figures = world.figures.with_columns(numerator=pl.when(care).then(4).otherwise(pl.col("numerator")))
    figures_world.publish(settings, figures)
    path = tmp_path / "form.csv"
    path.write_bytes(kdb_forms.overview("P21_001", numbers, Style()))
    done = reconcile(settings, path, figures_world.TENANT, silent)
    assert done.counts[HIDDEN] == 2
    assert DIFFERS not in done.counts


def test_a_period_of_which_we_have_nothing_is_no_difference(
    numbers: Numbers, against: Callable[..., Reconciliation]
) -> None:
    done = against(kdb_forms.overview("P21_001", numbers, Style(period="令和元年度")))
    assert set(done.counts) == {NO_FIGURE}


# -- KDB's other columns -------------------------------------------------------------------------------
def test_the_other_columns_are_kept_encrypted_and_the_newer_form_takes_the_place(
    numbers: Numbers, tmp_path: Path
) -> None:
    settings = figures_world.demo_workspace(tmp_path / "world")
    figures_world.publish(settings, figures_world.figures(1))
    site = settings.site(figures_world.SITE)
    path = tmp_path / "form.csv"

    def take(style: Style) -> int:
        path.write_bytes(kdb_forms.overview("P21_001", numbers, style))
        return reconcile(settings, path, figures_world.TENANT, silent).kept_rows

    newer = replace(Style(), created="2025/07/01")
    first = take(Style())
    assert first > 100
    assert take(Style()) == 0
    assert take(newer) == first
    assert take(Style()) == 0
    rows = kept(site)
    assert rows.height == first
    assert set(rows["source"]) == {"KDB 帳票 P21_001 作成年月日 2025-07-01"}
    assert set(rows["area_level"]) == {"prefecture", "peer", "nation"}
    assert set(rows.filter(area_level="peer")["area_id"]) == {figures_world.PEER}
    row = rows.filter(indicator_id="metabolic", area_level="nation", sex_code="1").row(0, named=True)
    numerator, denominator = numbers.sums("metabolic", "nation", "1")
    assert row["numerator"] == numerator
    assert row["value"] == pytest.approx(numerator / denominator * 100, abs=0.051)
    with pytest.raises(WarehouseError):
        warehouse.open_database(site.kdb_figures, bytes(32), read_only=True)
    assert site.kdb_figures.stat().st_mode & 0o077 == 0
    command = ["keys", "rotate", "at-rest", "--party", figures_world.SITE, "--workspace", str(settings.workspace)]
    rotated = CliRunner().invoke(app, command)
    assert rotated.exit_code == 0, rotated.output
    with pytest.raises(WarehouseError):
        warehouse.open_database(site.kdb_figures, KeyRing(site).numbered(AT_REST, 1), read_only=True)
    assert kept(site).equals(rows)


def test_columns_of_a_form_without_a_date_are_not_kept_until_it_is_given(numbers: Numbers, tmp_path: Path) -> None:
    settings = figures_world.demo_workspace(tmp_path / "world")
    figures_world.publish(settings, figures_world.figures(1))
    path = tmp_path / "form.csv"
    path.write_bytes(kdb_forms.overview("P21_001", numbers, replace(Style(), created="")))
    assert reconcile(settings, path, figures_world.TENANT, silent).kept_rows == 0
    assert reconcile(settings, path, figures_world.TENANT, silent, created=date(2025, 6, 2)).kept_rows > 100


# -- what is told ---------------------------------------------------------------------------------------
def test_the_page_stands_alone_and_says_that_the_data_is_invented(
    world: FiguresWorld, numbers: Numbers, against: Callable[..., Reconciliation]
) -> None:
    page = html(against(kdb_forms.overview("P21_001", numbers, Style(), planted(world, numbers, *FIVE))))
    assert "架空のデータです" in page
    assert "http" not in page.replace("http-equiv", "")
    assert "差があるもの（5）" in page
    assert "法定報告ではなく参照月時点の受診率" in page


def test_the_command_prints_lines_json_and_page(world: FiguresWorld, numbers: Numbers, tmp_path: Path) -> None:
    path = tmp_path / "P21_001.csv"
    path.write_bytes(kdb_forms.overview("P21_001", numbers, Style(), planted(world, numbers, "sex")))
    command = ["reconcile", str(path), "--tenant", figures_world.TENANT, "--workspace", str(world.settings.workspace)]
    done = CliRunner().invoke(app, [*command, "--html", str(tmp_path / "out" / "page.html")])
    assert done.exit_code == 0, done.output
    assert "差あり 1" in done.output
    assert "架空のデータです" in done.output
    assert (tmp_path / "out" / "page.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    told = json.loads(CliRunner().invoke(app, [*command, "--json"]).stdout.splitlines()[-1])
    (line,) = [line for line in told["lines"] if line["state"] == "differs"]
    assert (line["indicator_id"], line["sex_code"], line["reasons"][0]["code"]) == ("metabolic", "1", "sex")
    assert line["difference"] == pytest.approx(line["kdb"] - line["ours"])
    events = audit.events(world.settings.site(figures_world.SITE).home / "audit" / "figures.jsonl")
    assert events[-1]["action"] == "reconcile"
    assert events[-1]["object"] == "P21_001 2024年度"


def test_a_corrected_label_is_used_from_then_on(numbers: Numbers, tmp_path: Path) -> None:
    settings = figures_world.demo_workspace(tmp_path / "world")
    figures_world.publish(settings, figures_world.figures(1))
    content = kdb_forms.overview("P21_001", numbers, Style()).decode("cp932").replace("喫煙", "たばこ")
    path = tmp_path / "form.csv"
    path.write_bytes(content.encode("cp932"))
    before = reconcile(settings, path, figures_world.TENANT, silent)
    assert before.counts[UNMAPPED] == 2
    table = copy(settings.site(figures_world.SITE), "kdb_labels")
    table.write_text(table.read_text("utf-8-sig").replace("問診/喫煙|", "問診/たばこ|"), encoding="utf-8-sig")
    after = reconcile(settings, path, figures_world.TENANT, silent)
    assert UNMAPPED not in after.counts
    assert after.counts[AGREES] == before.counts[AGREES] + 2


def test_a_corrected_table_with_a_wrong_word_is_told_by_its_line(numbers: Numbers, tmp_path: Path) -> None:
    settings = figures_world.demo_workspace(tmp_path / "world")
    figures_world.publish(settings, figures_world.figures(1))
    path = tmp_path / "form.csv"
    path.write_bytes(kdb_forms.overview("P21_001", numbers, Style()))
    table = copy(settings.site(figures_world.SITE), "kdb_reasons")
    table.write_text(table.read_text("utf-8-sig").replace(",truncated,", ",guess,"), encoding="utf-8-sig")
    with pytest.raises(SiteError, match=r"kdb_reasons.csv: 2行目 test: 使えない値"):
        reconcile(settings, path, figures_world.TENANT, silent)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("氏名,番号\r\n架空太郎,123\r\n".encode("cp932"), "知っている帳票ではありません"),
        ("地域の全体像の把握\r\n作成年月日,令和7年6月1日\r\n".encode("cp932"), "見出しの行が見つかりません"),
        (b"\x81\x20\xff\xfe", "文字コードを読めません"),
        ('地域の全体像の把握\r\n"閉じない'.encode(), "引用符が閉じていません"),
    ],
)
def test_what_is_no_form_is_refused_in_one_sentence_that_quotes_nothing(
    content: bytes, told: str, against: Callable[..., Reconciliation]
) -> None:
    with pytest.raises(FormError, match=told) as refused:
        against(content)
    assert "架空太郎" not in str(refused.value)


def test_a_form_of_another_insurer_or_without_a_period_is_refused_with_the_remedy(
    numbers: Numbers, against: Callable[..., Reconciliation]
) -> None:
    with pytest.raises(FormError, match="のものではありません"):
        against(kdb_forms.overview("P21_001", numbers, Style(insurer_number="160010")))
    with pytest.raises(FormError, match="--fiscal-year"):
        against(kdb_forms.overview("P21_001", numbers, Style(period="")))
