"""確定版: which years are final, and what changed since in the figures of one's own."""

from __future__ import annotations

import pytest

from app.text import Text
from tests.app.conftest import SignIn

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("dashboard")]


def test_a_year_is_final_or_provisional_and_says_who_called_it_so(sign_in: SignIn) -> None:
    table = sign_in("kokuho", "view=editions").get_by_test_id("editions")
    table.wait_for()
    years = {row.split("\t")[0]: row for row in table.locator("tbody tr").all_inner_texts()[::-1]}
    assert "暫定" in years["令和6年度(2024)"]
    assert "確定版" in years["令和5年度(2023)"] and "紡木 織江" in years["令和5年度(2023)"]
    assert "令和6年9月20日" in years["令和5年度(2023)"]
    assert "架空データ" in table.locator("caption").inner_text()


def test_the_own_figures_that_changed_stand_beside_what_was_final(sign_in: SignIn) -> None:
    page = sign_in("kokuho", "view=editions")
    changes = page.get_by_test_id("edition-changes")
    changes.wait_for()
    rows = [row.split("\t") for row in changes.locator("tbody tr").all_inner_texts()]
    attended = next(row for row in rows if row[0].startswith("特定健診受診率(法定)"))
    assert attended[2:5] == ["国保", "男女計", "全年齢"]
    frozen, now, difference = attended[5:]
    assert float(now) > float(frozen) and difference.startswith("+")
    came = next(row for row in rows if row[0].startswith("被保険者数"))
    assert came[5] == "－" and came[7] == "－", "a figure that was not there has no difference"
    with page.expect_download() as downloaded:
        page.get_by_role("button", name="CSV").first.click()
    content = downloaded.value.path().read_bytes().decode("utf-8-sig")
    assert content.startswith("架空データ") or "架空" in content.splitlines()[0]
    assert "特定健診受診率(法定)" in content


def test_who_has_no_figures_of_their_own_is_told_so(sign_in: SignIn) -> None:
    page = sign_in("federation", "view=editions")
    page.get_by_test_id("editions").wait_for()
    page.get_by_text(Text("ja")("editions.no_own")).wait_for()
    assert page.get_by_test_id("edition-changes").count() == 0


def test_the_page_is_there_in_english(sign_in: SignIn) -> None:
    page = sign_in("kokuho", "view=editions&lang=en")
    table = page.get_by_test_id("editions")
    table.wait_for()
    assert "Provisional" in table.inner_text() and "Final" in table.inner_text()
