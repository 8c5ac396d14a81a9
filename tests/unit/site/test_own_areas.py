"""Own areas: where a tenant sees its own counts in full."""

from __future__ import annotations

import polars as pl

from ingest.policy.access import load_grants
from ingest.site.own_areas import own_areas


def areas(tenant_id: str) -> set[tuple[str, str, str]]:
    """(scheme, level, id) of one tenant of 富山県."""
    grants = load_grants().filter((pl.col("site") == "16") & (pl.col("detail") == "person"))
    found = own_areas(grants, "16").filter(pl.col("tenant_id") == tenant_id)
    return set(found.select("scheme_code", "area_level", "area_id").rows())


def test_a_municipal_insurer_owns_itself_its_town_and_its_districts() -> None:
    assert areas("kokuho-16202") == {
        ("kokuho", "insurer", "160028"),
        ("kokuho", "municipality", "16202"),
        ("kokuho", "district", "16202"),
    }


def test_a_municipality_of_a_care_union_owns_its_town_and_not_the_union() -> None:
    assert areas("kaigo-16208") == {("care", "municipality", "16208"), ("care", "district", "16208")}


def test_the_care_union_owns_all_its_towns() -> None:
    towns = {area_id for _, level, area_id in areas("care-169508") if level == "municipality"}
    assert towns == {"16208", "16209", "16210"}
    assert ("care", "insurer", "169508") in areas("care-169508")


def test_both_schemes_together_are_own_where_both_are_granted() -> None:
    assert ("kokuho_koki", "municipality", "16208") in areas("eisei-16208")
    assert not {row for row in areas("kokuho-16208") if row[0] == "kokuho_koki"}


def test_the_union_of_the_late_elderly_owns_its_prefecture_and_no_other_scheme() -> None:
    own = areas("koiki-16")
    assert ("koki", "prefecture", "16") in own
    assert {scheme for scheme, _, _ in own} == {"koki"}


def test_a_society_without_a_town_owns_itself() -> None:
    assert {row for row in areas("kumiai-163014") if row[1] != "prefecture"} == {("kumiai", "insurer", "163014")}
