"""地区割 over the whole road: the center's figures by district against the site's own count of its members."""

from __future__ import annotations

from ingest import warehouse
from ingest.sealing.keys import KeyRing
from ingest.settings import Settings
from ingest.site.district_coverage import members, report
from ingest.site.district_sets import standing

TOWN = "16208"


def test_the_districts_of_a_set_hold_the_members_that_the_coverage_report_gives_a_district(
    tiny_road: Settings,
) -> None:
    site = tiny_road.site("16")
    ring = KeyRing(site)
    coverage = {
        entry["district_set_name"]: {counts["scheme_code"]: counts for counts in entry["schemes"]}
        for entry in report(standing(site, ring), members(tiny_road, "16", ring, [TOWN]))
    }
    path = site.published / "tenants" / f"kokuho-{TOWN}" / "kokuho.duckdb"
    with warehouse.open_hardened(path, ring.tenant_key(f"kokuho-{TOWN}", "kokuho")) as connection:
        figures = dict(
            connection.execute(
                "SELECT area_id, numerator FROM published.own_indicator WHERE indicator_id = 'members' "
                "AND period_kind = 'month' AND period = ? AND sex_code = 'all' AND age_band_code = 'all'",
                [tiny_road.reference_month],
            ).fetchall()
        )
    assert set(coverage) == {"小学校区", "日常生活圏域"}
    for name, schemes in coverage.items():
        in_set = sum(count for area, count in figures.items() if area.startswith(f"{TOWN}-{name}/"))
        counted = schemes["kokuho"]
        assert in_set == counted["with_district_count"] > 0
        assert figures[TOWN] == counted["members_count"] == in_set + counted["without_district_count"]
    assert coverage["日常生活圏域"]["kokuho"]["without_district_count"] == 0
    assert coverage["小学校区"]["kokuho"]["without_district_count"] > 0, "the invented list leaves out a place"
