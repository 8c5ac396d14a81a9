"""The page of a delivery: counts, rates, codes classified, trend, a text for the sender; no person, no value."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ingest.ledger import Ledger
from ingest.progress import silent
from ingest.settings import Settings
from ingest.site import quarantine_desk as desk
from ingest.site.extract import extract
from tests import site_world as world
from tests.handmade import demo_workspace, month

pytestmark = pytest.mark.xdist_group("site_extract")
JULY = month(2024, 7)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Receipts of June and of July, one of July before its patient's birth, one cut file; then that row released."""
    settings = demo_workspace(tmp_path_factory.mktemp("report"))
    inbox = settings.site("16").inbox
    world.write_claims(inbox / "june" / "a.UKE", [world.person(n) for n in range(3)])
    extract(settings, "16", silent)
    born_late = world.person(0, birth_date=month(2024, 8))
    world.write_claims(inbox / "july" / "b.UKE", [born_late, world.person(1), world.person(2)], billed=JULY)
    world.write_claims(inbox / "cut.UKE", [world.person(5)], billed=JULY)
    (inbox / "cut.UKE").write_bytes((inbox / "cut.UKE").read_bytes()[:-40])
    extract(settings, "16", silent)
    entry = desk.entries(settings, "16", table="claim")["entry_id"].to_list()
    desk.release(settings, "16", entry, by="富山花子", reason="原本で確認済み")
    extract(settings, "16", silent)
    return settings


def page(settings: Settings, file_name: str) -> str:
    with Ledger(settings.site("16").ledger) as ledger:
        row = ledger.rows("SELECT delivery_id, sequence FROM delivery WHERE file_name = ?", (file_name,))[0]
    folder: Path = settings.site("16").home / "reports" / f"{row['sequence']:06d}"
    return (folder / f"{row['delivery_id']}.html").read_text(encoding="utf-8")


def texts(html: str) -> str:
    return re.sub(r"<[^>]+>", " ", html)


def test_the_sender_is_told_what_to_mend_by_the_name_that_he_gave_the_file(settings: Settings) -> None:
    told = re.search(r"<blockquote>(.*)</blockquote>", page(settings, "july/b.UKE"))
    assert told is not None
    assert "ご提出いただいた「b.UKE」" in told[1]
    assert "・生年月日: 診療年月が生年月日より前です（1行。行番号 2）" in told[1]
    assert "再提出をお願いいたします" in told[1]
    assert "july" not in told[1]


def test_a_refused_file_asks_the_sender_and_not_us(settings: Settings) -> None:
    told = re.search(r"<blockquote>(.*)</blockquote>", page(settings, "cut.UKE"))
    assert told is not None
    assert "出力し直したファイルの再提出をお願いいたします" in told[1]
    assert "取り直してください" not in told[1]


def test_the_page_says_how_many_codes_could_be_classified_and_by_what(settings: Settings) -> None:
    told = texts(page(settings, "july/b.UKE"))
    assert re.search(r"レセプト（調剤・総括を除く）\s+2\s+0\s+0\.0%\s+傷病名マスターなし（最小限の表）", told)
    assert re.search(r"診療行為\s+2\s+判別せず\s+―\s+診療行為マスターなし", told)
    assert "tsumugi masters import" in told


def test_the_page_compares_with_the_months_and_deliveries_before(settings: Settings) -> None:
    told = texts(page(settings, "july/b.UKE"))
    assert re.search(r"2024-05\s+3\s+2024-06\s+2", told)
    assert re.search(
        r"june/a\.UKE\s+2024-05\s+9\s+0\.0%\s+0\.0%\s+july/b\.UKE（この配信）\s+2024-06\s+9\s+33\.3%", told
    )
    assert "これまでの月との比較" not in texts(page(settings, "june/a.UKE")), "there is nothing to compare with"


def test_the_page_of_a_release_explains_its_negative_rows(settings: Settings) -> None:
    told = texts(page(settings, "解除: july/b.UKE"))
    assert "保留した行を解除して送った配信です" in told
    assert re.search(r"レセプト\s+0\s+1\s+-1\s+0\s+0", told)


def test_a_row_that_may_be_right_leads_to_its_release(settings: Settings) -> None:
    assert "tsumugi quarantine release" in page(settings, "july/b.UKE")
    assert "tsumugi quarantine release" not in page(settings, "cut.UKE")


def test_the_list_puts_what_is_to_be_looked_at_first(settings: Settings) -> None:
    listed = (settings.site("16").home / "reports" / "000002.html").read_text(encoding="utf-8")
    asked = listed[listed.index("確かめるファイル") : listed.index("すべてのファイル")]
    assert "cut.UKE" in asked and "july/b.UKE" in asked


def test_no_page_holds_a_person(settings: Settings) -> None:
    pages = list((settings.site("16").home / "reports").rglob("*.html"))
    assert len(pages) == 3 + 4
    for html in pages:
        text = html.read_text(encoding="utf-8")
        for secret in (world.NAME, world.KANA, world.NUMBER, "架空1郎", "20240801"):
            assert secret not in text
