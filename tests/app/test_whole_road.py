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
from tests.app.conftest import Served, choose, open_page, serving, settle

pytestmark = pytest.mark.browser

ROLES = ("center", "federation", "prefecture", "koiki", "kumiai", "kokuho", "eisei", "kaigo")


@pytest.fixture(scope="module")
def road_served(tiny_road: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    hand_over_keys(tiny_road)
    create_demo_accounts(tiny_road)
    with serving(tiny_road.workspace, tmp_path_factory.mktemp("road_served") / "serve.log") as running:
        yield running


def someone_of(settings: Settings, tenant_id: str, scheme_set: str) -> str:
    """The first person of a tenant's published file."""
    site = settings.site("16")
    key = KeyRing(site).tenant_key(tenant_id, scheme_set)
    path = site.published / "tenants" / tenant_id / f"{scheme_set}.duckdb"
    connection = warehouse.open_hardened(path, key)
    try:
        row = connection.execute("SELECT min(person_id) FROM person").fetchone()
    finally:
        connection.close()
    assert row is not None
    return str(row[0])


def column_names(page: Any) -> list[str]:
    heads = page.locator('[data-testid="comparison"] thead th')
    return [text.split("\n")[0] for text in heads.all_inner_texts()]


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
    page.get_by_role("button", name="▲ 上へ").click()
    settle(page)
    assert page.locator("h1").inner_text() == "全国"
    page.get_by_role("button", name="自分の地域に戻す").click()
    settle(page)
    page.locator(".st-key-q_parts").get_by_text("市町村別", exact=True).click()
    settle(page)
    assert {"富山県", "砺波市", "朝日町", "全国"} <= set(column_names(page))
    page.locator(".st-key-go_down").get_by_text("砺波市", exact=True).click()
    settle(page)
    assert page.locator("h1").inner_text() == "砺波市"
    page.context.close()


def test_own_staff_see_an_own_person_and_no_one_elses(chromium: Any, road_served: Served) -> None:
    own = someone_of(road_served.settings, "kokuho-16208", "kokuho")
    other = someone_of(road_served.settings, "kokuho-16343", "kokuho")
    page = open_page(chromium, road_served, "kokuho", f"view=person&person={own}")
    choose(page, "purpose", "資格・給付の確認")
    assert page.locator('[data-testid="person"]').count() == 1
    assert page.locator(".st-key-ts_timeline [data-testid='stVegaLiteChart']").count() >= 1
    page.goto(f"{road_served.address}/?view=person&person={other}")
    page.wait_for_selector('[data-testid="refused"]')
    assert "この人の記録を見る権限がありません" in page.locator('[data-testid="refused"]').inner_text()
    page.context.close()
    looks = [event for event in audit.events(road_served.audit_path) if event["action"] == "view_person"]
    assert [(event["object"], event["result"]) for event in looks] == [(own, "shown"), (other, "refused")]
