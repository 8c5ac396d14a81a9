"""紐付けの品質: for those who watch over the linkage of all insurers, in both languages, and for nobody else."""

from __future__ import annotations

import polars as pl
import pytest

from app.text import Text
from ingest.settings import PROJECT_ROOT
from tests.app.conftest import SignIn, press

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("dashboard")]
CATALOGUE = pl.read_csv(PROJECT_ROOT / "seeds" / "indicators.csv", infer_schema=False)


def test_the_federation_sees_every_figure_of_the_linkage_by_area_and_by_insurer(sign_in: SignIn) -> None:
    page = sign_in("federation", "view=linkage")
    table = page.get_by_test_id("linkage")
    table.wait_for()
    rows = table.locator("tbody tr").all_inner_texts()
    names = CATALOGUE.filter(pl.col("block_code") == "linkage")["indicator_name"]
    assert [name for name in names if not any(name in row for row in rows)] == []
    assert "架空データ" in table.locator("caption").inner_text()
    insurers = page.get_by_test_id("linkage_insurers")
    insurers.wait_for()
    assert insurers.locator("tbody tr").count() > 1
    assert "高岡市(後期)" not in insurers.inner_text()
    table.get_by_role("button", name="75歳到達の追跡率").click()
    assert "喪失と同じ月に後期の資格が始まる人" in page.locator(".ts-pop:popover-open").inner_text()


def test_the_insurers_are_those_of_the_scheme_that_the_address_names(sign_in: SignIn) -> None:
    insurers = sign_in("federation", "view=linkage&indicator=claims_after_death.koki").get_by_test_id(
        "linkage_insurers"
    )
    insurers.wait_for()
    assert "高岡市(後期)" in insurers.inner_text() and insurers.locator("tbody tr").count() > 1


def test_the_center_reads_it_in_english(sign_in: SignIn) -> None:
    page = sign_in("center", "view=linkage&lang=en")
    page.get_by_test_id("linkage").wait_for()
    assert "75-year transitions followed" in page.get_by_test_id("linkage").inner_text()
    assert page.get_by_text("Quality of linkage").count()
    press(page, "日本語")
    assert page.get_by_test_id("linkage").get_by_text("75歳到達の追跡率").count()


@pytest.mark.parametrize("account", ["kokuho", "prefecture", "eisei"])
def test_nobody_else_is_offered_the_page_or_gets_it_by_address(sign_in: SignIn, account: str) -> None:
    page = sign_in(account)
    page.get_by_test_id("comparison").wait_for()
    assert page.get_by_text("紐付けの品質").count() == 0, "neither as a page nor as a block of the table"
    refused = sign_in(account, "view=linkage")
    refused.get_by_text(Text("ja")("app.no_rights")).wait_for()
    assert refused.get_by_test_id("linkage").count() == 0
