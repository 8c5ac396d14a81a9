"""The dashboard over files that came down the whole road, not over ones made for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from app.access.accounts import create_demo_accounts
from ingest import warehouse
from ingest.policy import audit
from ingest.sealing.handover import hand_over_keys
from ingest.sealing.keys import KeyRing
from ingest.settings import Settings
from tests.app.conftest import (
    Served,
    choose,
    column_names,
    open_first_person,
    open_page,
    press,
    search_person,
    segment,
    serving,
)

pytestmark = pytest.mark.browser

ROLES = ("center", "federation", "prefecture", "koiki", "kumiai", "kokuho", "eisei", "kaigo")
REFUSED = "この人の記録を見る権限がありません"


@pytest.fixture(scope="module")
def road_served(tiny_road: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    hand_over_keys(tiny_road)
    create_demo_accounts(tiny_road)
    with serving(tiny_road.workspace, tmp_path_factory.mktemp("road_served") / "serve.log") as running:
        yield running


def someone_of(settings: Settings, tenant_id: str, scheme_set: str) -> tuple[str, str]:
    """Id and name of the first member of a tenant's published file, still insured, whose name nobody shares."""
    site = settings.site("16")
    key = KeyRing(site).tenant_key(tenant_id, scheme_set)
    path = site.published / "tenants" / tenant_id / f"{scheme_set}.duckdb"
    connection = warehouse.open_hardened(path, key)
    try:
        row = connection.execute(
            "SELECT min(person_id), name_kanji FROM person WHERE name_kanji IS NOT NULL"
            " GROUP BY name_kanji HAVING count(*) = 1"
            " AND min(person_id) IN (SELECT person_id FROM enrolment WHERE end_date IS NULL)"
            " ORDER BY 1"
        ).fetchone()
    finally:
        connection.close()
    assert row is not None
    return str(row[0]), str(row[1])


@pytest.mark.parametrize("role", ROLES)
def test_every_role_opens_at_its_own_area_with_figures(chromium: Any, road_served: Served, role: str) -> None:
    page = open_page(chromium, road_served, role)
    try:
        own = page.locator('[data-testid="comparison"] td.own').all_inner_texts()
        assert any(text.strip() not in ("", "－") for text in own)
        assert "Error" not in road_served.log.read_text(encoding="utf-8")
        assert page.outside == []
    finally:
        page.context.close()


def test_the_prefecture_goes_up_to_the_nation_and_down_to_a_municipality(chromium: Any, road_served: Served) -> None:
    page = open_page(chromium, road_served, "prefecture")
    assert column_names(page)[1:3] == ["富山県", "全国"]
    press(page, "▲ 上へ")
    assert page.locator("h1").inner_text() == "全国"
    assert column_names(page)[1:3] == ["富山県", "全国"], "the column of the prefecture stays in the table"
    press(page, "自分の地域に戻す")
    segment(page, "q_parts", "市町村別")
    assert {"富山県", "砺波市", "朝日町", "全国"} <= set(column_names(page)), "the parts stand in the same table"
    choose(page, "go_down", "砺波市")
    assert page.locator("h1").inner_text() == "砺波市"
    assert {"砺波市", "富山県", "全国"} <= set(column_names(page))
    assert page.locator('[data-testid="comparison"] td.own').first.inner_text().strip() not in ("", "－")
    page.context.close()


def test_own_staff_go_down_to_an_own_person_and_to_no_one_elses(chromium: Any, road_served: Served) -> None:
    own, name = someone_of(road_served.settings, "kokuho-16208", "kokuho")
    other, _ = someone_of(road_served.settings, "kokuho-16343", "kokuho")
    page = open_page(chromium, road_served, "kokuho", "view=person")
    choose(page, "purpose", "資格・給付の確認")
    search_person(page, name)
    open_first_person(page)
    assert name in page.locator('[data-testid="person"]').inner_text()
    assert "国保" in page.locator('[data-testid="summary"]').inner_text()
    assert page.locator(".st-key-ts_timeline [data-testid='stVegaLiteChart']").count() >= 1
    assert name not in page.url
    assert name not in page.title()

    press(page, "‹ 一覧へ戻る")
    search_person(page, other)
    assert REFUSED in page.locator('[data-testid="refused"]').inner_text(), "by the widget"
    assert page.locator('[data-testid="person"]').count() == 0

    page.goto(f"{road_served.address}/?view=person&person={other}")
    page.wait_for_selector('[data-testid="refused"]')
    assert REFUSED in page.locator('[data-testid="refused"]').inner_text(), "by the address"
    assert page.locator('[data-testid="person"]').count() == 0
    page.context.close()

    looks = [event for event in audit.events(road_served.audit_path) if event["action"] == "view_person"]
    assert len({event["object"] for event in looks}) == 2
    assert [event["result"] for event in looks] == ["shown", "refused", "refused"]
    assert [event["object"] for event in looks][1:] == [other, other]
    assert looks[0]["purpose"] == "資格・給付の確認"
    assert looks[0]["object"] == own
    written = road_served.audit_path.read_text(encoding="utf-8") + road_served.log.read_text(encoding="utf-8")
    assert name not in written
