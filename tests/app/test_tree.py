"""健診ツリー in a browser: eligible persons from left to right, with the persons to turn to first."""

from __future__ import annotations

from tests.app.conftest import SignIn

NODES = '[data-testid="tree"] td[data-node]'


def test_the_tree_shows_every_node_with_its_persons_and_its_share_of_all_eligible(sign_in: SignIn) -> None:
    page = sign_in("kokuho", "view=tree")
    nodes = page.locator(NODES)
    assert nodes.count() == 11
    unknown = page.locator('[data-node="tree_unexamined_untreated"]').inner_text()
    assert "治療なし(健康状態不明者)" in unknown
    assert "人" in unknown
    assert "%" in unknown
    assert "富山県" in unknown, "what stands beside it is told in the node"
    assert "架空データ" in page.locator('[data-testid="tree"] caption').inner_text()
    assert page.outside == []


def test_parts_of_the_tree_do_not_exceed_their_whole(sign_in: SignIn) -> None:
    page = sign_in("kokuho", "view=tree")

    def persons(node: str) -> int:
        words = page.locator(f'[data-node="{node}"] .n').inner_text()
        return int(words.removesuffix("人").replace(",", ""))

    whole = page.locator('[data-testid="tree"] td.root .n').inner_text()
    assert int(whole.removesuffix("人").replace(",", "")) > persons("tree_examined") > persons("tree_treated_referred")


def test_a_scheme_without_checkups_of_this_kind_is_told_where_the_tree_is(sign_in: SignIn) -> None:
    page = sign_in("kokuho", "view=tree&scheme=koki")
    assert page.locator('[data-testid="tree"]').count() == 0
    assert "国保か国保組合を選んでください" in page.locator(".stMain").inner_text()


def test_the_tree_is_saved_as_a_table_that_says_what_it_is_of(sign_in: SignIn) -> None:
    page = sign_in("kokuho", "view=tree")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="この表を保存(CSV)").click()
    saved = waiting.value
    assert saved.suggested_filename == "健診ツリー_砺波市_令和6年度(2024).csv"
    lines = saved.path().read_text(encoding="utf-8-sig").splitlines()
    assert any("健康状態不明者" in line for line in lines)
