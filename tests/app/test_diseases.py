"""疾病別医療費 in a browser: classes of diseases down, areas across."""

from __future__ import annotations

from tests.app.conftest import SignIn

ROWS = '[data-testid="diseases"] tbody tr'


def test_the_page_of_diseases_ranks_the_major_classes_by_their_share_of_cost(sign_in: SignIn) -> None:
    page = sign_in("kokuho", "view=diseases")
    lines = page.locator(ROWS).all_inner_texts()
    assert [line.split("\t")[1].strip() for line in lines][:3] == [
        "循環器系の疾患", "新生物＜腫瘍＞", "筋骨格系及び結合組織の疾患",
    ]  # fmt: skip
    assert page.locator('[data-testid="diseases"] .ts-bar').count() >= 3
    assert "架空データ" in page.locator('[data-testid="diseases"] caption').inner_text()
    assert "未検証" in page.locator("h2").first.inner_text(), "no definition of these was held against the official one"
    heads = page.locator('[data-testid="diseases"] thead').inner_text()
    assert "砺波市" in heads and "富山県" in heads and "全国" in heads


def test_a_major_class_opens_into_its_minor_ones(sign_in: SignIn) -> None:
    page = sign_in("kokuho", "view=diseases&classes=minor&within=major-09")
    lines = page.locator(ROWS).all_inner_texts()
    assert [line.split("\t")[1].strip() for line in lines] == ["高血圧性疾患"]


def test_the_lifestyle_diseases_are_shares_of_one_another(sign_in: SignIn) -> None:
    page = sign_in("kokuho", "view=diseases&classes=lifestyle")
    assert "生活習慣病に占める割合" in page.locator("h2").first.inner_text()
    assert "糖尿病" in page.locator(ROWS).first.inner_text()
