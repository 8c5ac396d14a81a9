"""What a planner does, in headless Chromium."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ingest.policy import audit
from tests.app.conftest import (
    Served,
    SignIn,
    choose,
    column_names,
    open_first_person,
    press,
    search_person,
    segment,
    settle,
)
from tests.app.published_fixture import SECRET_NAME, World

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("dashboard")]  # one process: one world, one server

REFUSED = "この人の記録を見る権限がありません"
SYNTHETIC = "架空のデータです。実在の人・市町村の実績ではありません"


def events(served: Served, user: str, action: str) -> list[dict[str, Any]]:
    return [
        event for event in audit.events(served.audit_path) if event["account"] == user and event["action"] == action
    ]


def test_a_prefectures_planner_goes_up_to_the_nation_and_down_to_a_municipality(sign_in: SignIn) -> None:
    page = sign_in("prefecture")
    assert column_names(page)[1:3] == ["富山県", "全国"]
    assert "特定健診受診率(法定)" in page.locator('[data-testid="comparison"]').inner_text()

    press(page, "▲ 上へ")
    assert page.locator("h1").inner_text() == "全国"
    assert column_names(page)[1:3] == ["富山県", "全国"], "the column of the prefecture stays"

    press(page, "自分の地域に戻す")
    segment(page, "q_parts", "市町村別")
    beside = column_names(page)
    assert beside[1] == "富山県"
    assert {"砺波市", "高岡市", "南砺市"} <= set(beside), "the parts stand in the same table"
    assert "全国" in beside

    choose(page, "go_down", "砺波市")
    assert page.locator("h1").inner_text() == "砺波市"
    assert {"砺波市", "富山県", "全国"} <= set(column_names(page))
    assert page.outside == [], "nothing is fetched from outside"


def test_a_municipalitys_staff_opens_at_the_own_town_beside_prefecture_peers_and_nation(sign_in: SignIn) -> None:
    page = sign_in("kokuho")
    assert column_names(page)[1:5] == ["砺波市", "富山県", "同規模保険者：市 5万人未満", "全国"]
    assert SYNTHETIC in page.locator(".ts-synthetic").inner_text()
    assert "架空データ" in page.locator('[data-testid="comparison"] caption').inner_text()
    segment(page, "q_parts", "地区別")
    assert {"1区", "2区"} <= set(column_names(page))


def test_a_town_divided_in_several_ways_is_shown_by_the_districts_of_the_chosen_set(sign_in: SignIn) -> None:
    page = sign_in("kokuho")
    segment(page, "q_parts", "地区別")
    choose(page, "q_set", "小学校区")
    shown = set(column_names(page))
    assert {"紡小", "糸小"} <= shown and not {"1区", "2区"} & shown
    choose(page, "go_down", "糸小")
    assert page.locator("h1").inner_text() == "糸小"
    press(page, "▲ 上へ")
    assert page.locator("h1").inner_text() == "砺波市"


def test_small_counts_of_others_are_hidden_in_the_pinned_words(sign_in: SignIn) -> None:
    page = sign_in("prefecture")
    segment(page, "q_parts", "市町村別")
    assert "※1 10人未満のため非表示" in page.locator('[data-testid="comparison"] tfoot').inner_text()
    hidden = page.locator('[data-testid="comparison"] tbody abbr').first
    assert (hidden.inner_text(), hidden.get_attribute("title")) == ("※1", "10人未満のため非表示")


def test_a_link_above_the_long_table_leads_to_its_part_and_the_charts_stay_in_sight(sign_in: SignIn) -> None:
    page = sign_in("kokuho")
    part = page.locator("tr.block", has_text="質問票(生活習慣)")
    height = page.viewport_size["height"]
    assert part.bounding_box()["y"] > height
    page.locator(".ts-jumps a", has_text="質問票(生活習慣)").click()
    page.wait_for_function("row => row.getBoundingClientRect().top < innerHeight / 4", arg=part.element_handle())
    assert part.bounding_box()["y"] >= 0
    chart = page.locator("[data-testid=stVegaLiteChart]").first.bounding_box()
    assert 0 <= chart["y"] < height / 2


def test_an_indicator_opens_its_definition_with_numerator_denominator_and_verification(sign_in: SignIn) -> None:
    page = sign_in("kokuho")
    page.get_by_role("button", name="特定健診受診率(法定)").click()
    panel = page.locator(".ts-pop:visible")
    words = panel.inner_text()
    assert all(name in words for name in ("分子", "分母", "出典", "未検証", "対象範囲", "24ファイル・2,000件"))
    assert "砺波市" in words, "the counts behind each column are one click away"


def test_a_public_table_that_nobody_has_loaded_is_named_where_its_figures_would_stand(sign_in: SignIn) -> None:
    page = sign_in("prefecture")
    shown = page.locator('[data-testid="comparison"]').inner_text()
    assert "総人口" in shown and "人口構成　住民" in shown
    assert "産業別就業者数の表がまだ読み込まれていないため、第1次産業の割合は表示していません。" in shown


def test_the_address_reopens_what_was_on_the_screen(sign_in: SignIn) -> None:
    page = sign_in("kokuho")
    choose(page, "q_sex", "女")
    page.reload()
    page.wait_for_selector('[data-testid="comparison"]')
    settle(page)
    assert "sex=2" in page.url
    assert page.locator(".st-key-q_sex input").input_value() == "女"


def test_the_table_is_saved_with_its_conditions_and_says_that_it_is_invented(sign_in: SignIn, served: Served) -> None:
    page = sign_in("kokuho")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="この表を保存(CSV)").click()
    saved = waiting.value
    assert saved.suggested_filename == "全体像_砺波市_令和6年度(2024).csv"
    content = Path(saved.path()).read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")
    lines = content.decode("utf-8-sig").splitlines()
    assert lines[0] == SYNTHETIC
    assert lines[1:3] == ["地域,砺波市", "期間,令和6年度(2024)"]
    assert any(line.startswith("版,") for line in lines[:8])
    assert any("特定健診受診率(法定),%,国保" in line for line in lines)
    settle(page)
    assert events(served, "kokuho", "download")


def test_the_league_table_ranks_and_shows_the_range_of_chance(sign_in: SignIn) -> None:
    page = sign_in("prefecture", "view=league")
    lines = page.locator('[data-testid="league"] tbody tr').all_inner_texts()
    ranked = [float(line.split("\t")[2]) for line in lines]
    assert len(ranked) == 6
    assert ranked == sorted(ranked, reverse=True)
    assert page.locator('[data-testid="league"] .ts-bar').count() == 6, "each bar stands in the line of its place"
    assert "架空データ" in page.locator('[data-testid="league"] caption').inner_text()
    page.wait_for_selector('[data-testid="stVegaLiteChart"] canvas, [data-testid="stVegaLiteChart"] svg')
    choose(page, "q_sort", "団体コード順")
    assert [line.split("\t")[1] for line in page.locator('[data-testid="league"] tbody tr').all_inner_texts()][:2] == [
        "高岡市", "砺波市"
    ]  # fmt: skip
    assert page.outside == []


def test_english_is_one_switch_away(sign_in: SignIn) -> None:
    page = sign_in("kokuho")
    press(page, "English")
    assert "Checkup attendance (legal)" in page.locator('[data-testid="comparison"]').inner_text()
    assert "lang=en" in page.url
    assert "Invented data" in page.locator(".ts-synthetic").inner_text()


def test_the_page_about_the_data_says_what_this_is_not(sign_in: SignIn) -> None:
    page = sign_in("center", "view=about")
    words = page.locator(".stMain").inner_text()
    assert "国保中央会の国保データベース(KDB)システムではありません" in words
    assert "9/10" in page.locator('[data-testid="coverage"]').inner_text()
    assert page.locator('[data-testid="definitions"] tbody tr').count() >= 19


# --- persons -------------------------------------------------------------------------------------


def test_a_nurse_states_a_purpose_and_sees_one_persons_time_line(sign_in: SignIn, served: Served, world: World) -> None:
    page = sign_in("eisei", f"view=person&person={world.nurse_person}")
    assert page.locator('[data-testid="person"]').count() == 0, "no purpose, no record"
    choose(page, "purpose", "重症化予防")
    head = page.locator('[data-testid="person"]').inner_text()
    assert SECRET_NAME in head
    assert "架空データ" in head
    summary = page.locator('[data-testid="summary"]').inner_text()
    assert all(words in summary for words in ("後期 令和6年6月15日から", "令和6年7月10日", "か月受診", "要介護2"))
    assert page.locator(".st-key-ts_timeline [data-testid='stVegaLiteChart']").count() >= 4
    looks = [event for event in events(served, "eisei", "view_person") if event["object"] == world.nurse_person]
    assert [(event["purpose"], event["result"]) for event in looks] == [("重症化予防", "shown")]


def test_municipal_staff_go_down_to_one_own_person_from_the_list(sign_in: SignIn, served: Served) -> None:
    page = sign_in("kokuho", "view=person")
    choose(page, "purpose", "保健指導・受診勧奨")
    search_person(page, SECRET_NAME)
    assert "1人" in page.locator(".stMain").inner_text()
    open_first_person(page)
    assert SECRET_NAME in page.locator('[data-testid="person"]').inner_text()
    assert "person=" in page.url
    assert SECRET_NAME not in page.url
    assert events(served, "kokuho", "view_person")[-1]["result"] == "shown"
    press(page, "‹ 一覧へ戻る")
    assert page.locator('[data-testid="person"]').count() == 0
    assert page.locator('[data-testid="stDataFrame"]').count() == 1


def test_another_tenants_person_is_refused_by_address_and_logged(sign_in: SignIn, served: Served, world: World) -> None:
    page = sign_in("kokuho", f"view=person&person={world.other_person}")
    assert REFUSED in page.locator('[data-testid="refused"]').inner_text()
    assert page.locator('[data-testid="person"]').count() == 0
    last = events(served, "kokuho", "view_person")[-1]
    assert (last["object"], last["result"]) == (world.other_person, "refused")


def test_another_tenants_person_is_refused_by_the_widget_and_logged(
    sign_in: SignIn, served: Served, world: World
) -> None:
    page = sign_in("eisei", "view=person")
    choose(page, "purpose", "重症化予防")
    search_person(page, world.own_person)  # 国保's id of one whom 衛生 knows by another
    assert REFUSED in page.locator('[data-testid="refused"]').inner_text()
    assert events(served, "eisei", "view_person")[-1]["result"] == "refused"
    press(page, "一覧へ戻る")
    assert page.locator('[data-testid="stDataFrame"]').count() == 1


def test_a_role_of_statistics_sees_no_person_by_any_address(sign_in: SignIn, served: Served, world: World) -> None:
    page = sign_in("prefecture", f"view=person&person={world.own_person}")
    assert REFUSED in page.locator('[data-testid="refused"]').inner_text()
    assert events(served, "prefecture", "view_person")[-1]["result"] == "refused"
    page = sign_in("center")
    assert "個人の経過" not in page.locator(".st-key-ts_top").inner_text()


def test_the_end_of_a_session_in_one_window_ends_it_in_the_other(sign_in: SignIn, served: Served) -> None:
    page = sign_in("kokuho")
    other = page.context.new_page()
    other.goto(f"{served.address}/logout")
    other.wait_for_selector("#user_name")
    page.locator(".st-key-q_sex input").click()
    page.get_by_role("option", name="女", exact=True).click()
    page.wait_for_selector(".ts-ended")
    page.wait_for_selector('[data-testid="comparison"]', state="detached")


def test_neither_log_nor_audit_chain_holds_a_name(served: Served) -> None:
    count, _ = audit.verify(served.audit_path)
    assert count > 0
    written = served.log.read_text(encoding="utf-8") + served.audit_path.read_text(encoding="utf-8")
    assert "admin" not in written
    assert SECRET_NAME not in written
    assert "Traceback" not in written
    planted = written + SECRET_NAME
    assert SECRET_NAME in planted
