"""The areas of the small world, typed in from what is publicly known of its three towns."""

from __future__ import annotations

import polars as pl

TOWNS: dict[str, list[tuple[str, str]]] = {
    # 砺波市, 富山県砺波医療圏, 46,674 people in 2025
    "16208": [("medical_area", "1604"), ("peer", "kdb_13:07"), ("peer", "city4_town7:06")],
    # 朝日町, 富山県新川医療圏, 10,373 people
    "16343": [("medical_area", "1601"), ("peer", "kdb_13:10"), ("peer", "city4_town7:10")],
    # 米子市, 鳥取県西部医療圏, 144,056 people
    "31202": [("medical_area", "3103"), ("peer", "kdb_13:05"), ("peer", "city4_town7:04")],
}
"""Medical area and same-size groups of each town: cities under 50,000 and from 100,000, a town of 10,000 to 15,000."""
OWN_TOWN = {
    "160077": "16208", "39160072": "16208",
    "160150": "16343", "39160155": "16343", "163431": "16343",
    "310029": "31202", "39310024": "31202", "312029": "31202",
}  # fmt: skip
"""The one town of an insurer. 国保組合 (163014) has none, the care union of 砺波 (169508) several."""
PLACE = ["scheme", "insurer", "town", "district"]


def own_town(insurer: pl.Expr) -> pl.Expr:
    """The town of an insurer that has one, else null."""
    return insurer.replace_strict(OWN_TOWN, default=None, return_dtype=pl.String)


def areas_of(places: pl.DataFrame, district_sets: pl.DataFrame) -> pl.DataFrame:
    """Every area that a place (``PLACE``) lies in: ``told_as`` (the scheme), ``level`` and ``area``.

    国保＋後期 is told beside 国保 and 後期 and has no insurers; 国保組合 has no town; care has no medical areas.
    """
    in_sets: dict[tuple[str, str], list[str]] = {}
    for row in district_sets.filter(pl.col("district_code").is_not_null()).iter_rows(named=True):
        town = row["municipality_code"]
        area = f"{town}-{row['district_set_name']}/{row['set_district_name']}"
        in_sets.setdefault((town, row["district_code"]), []).append(area)
    found = []
    for scheme, insurer, town, district in places.select(PLACE).unique().iter_rows():
        prefecture = insurer[2:4] if scheme == "koki" else insurer[:2]
        areas = [("nation", "JP"), ("prefecture", prefecture)]
        if town is not None and scheme != "kumiai":
            areas.append(("municipality", town))
            areas += [area for area in TOWNS[town] if scheme != "care" or area[0] != "medical_area"]
            if district is not None:
                areas.append(("district", f"{town}-{district}"))
                areas += [("district", area) for area in in_sets.get((town, district), [])]
        here = (scheme, insurer, town, district)
        found += [(*here, scheme, level, area) for level, area in [*areas, ("insurer", insurer)]]
        if scheme in ("kokuho", "koki"):
            found += [(*here, "kokuho_koki", level, area) for level, area in areas]
    columns = dict.fromkeys([*PLACE, "told_as", "level", "area"], pl.String)
    return pl.DataFrame(found, schema=columns, orient="row")
