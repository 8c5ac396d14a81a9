"""How far each 地区割 covers the members: who has a district, who has none, which keys fit nobody.

Counted at the site, from its own published files as of their month of reference; counts and names of
places only. A scheme is counted for itself: 国保 and 後期 are never added up.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import polars as pl

from ingest import warehouse
from ingest.policy import access
from ingest.sealing.keys import KeyRing
from ingest.settings import Settings
from ingest.site.district_sets import NamedSet, municipality_names
from ingest.site.own_areas import INSURER_MUNICIPALITY

_SCHEMES = ("kokuho", "koki")
_MEMBERS: dict[str, pl.DataType] = {
    "scheme_code": pl.String(),
    "municipality_code": pl.String(),
    "district_code": pl.String(),
    "members_count": pl.Int64(),
}
_NAMES: dict[str, pl.DataType] = {
    "municipality_code": pl.String(),
    "district_code": pl.String(),
    "district_name": pl.String(),
}


@dataclass(frozen=True)
class Members:
    """Members at the end of the month of reference.

    ``counts``  scheme_code, municipality_code, district_code (null: the 資格 row names none), members_count
    ``places``  municipality_code, district_code, district_name of every 行政区 that is known
    """

    counts: pl.DataFrame
    places: pl.DataFrame


def members(settings: Settings, site_name: str, ring: KeyRing, towns: Iterable[str]) -> Members:
    """The members of some municipalities of a site by 行政区; without rows where nothing is published yet.

    Every insurer is read once, from the file of a tenant that holds all of it.
    """
    site, wanted = settings.site(site_name), sorted(set(towns))
    insurers = pl.read_csv(INSURER_MUNICIPALITY, infer_schema=False).filter(pl.col("municipality_code").is_in(wanted))
    grants = access.grants_at(access.load_grants(), settings.reference_month).filter(
        (pl.col("site") == site_name)
        & (pl.col("detail") == "person")
        & pl.col("municipality_code").is_null()
        & pl.col("scheme_code").is_in(list(_SCHEMES))
    )
    grants = grants.join(insurers, on=["scheme_code", "insurer_number"], how="semi")
    whole = grants.sort("tenant_id", "scheme_set").unique(["scheme_code", "insurer_number"], keep="first")
    counts = [pl.DataFrame(schema=_MEMBERS)]
    for (tenant, scheme_set), mine in whole.group_by(["tenant_id", "scheme_set"]):
        path = site.published / "tenants" / str(tenant) / f"{scheme_set}.duckdb"
        if not path.is_file():
            continue
        with warehouse.open_hardened(path, ring.tenant_key(str(tenant), str(scheme_set))) as connection:
            rows = connection.execute(
                "SELECT scheme_code, insurer_number, municipality_code, district_code, "
                "count(DISTINCT person_id) AS members_count FROM published.person_month "
                "WHERE is_member AND month = (SELECT value FROM published.about WHERE key = 'reference_month')::DATE "
                "AND list_contains($towns, municipality_code) GROUP BY ALL",
                {"towns": wanted},
            ).pl()
        kept = rows.join(mine, on=["scheme_code", "insurer_number"], how="semi")
        counts.append(kept.select(pl.col(name).cast(dtype) for name, dtype in _MEMBERS.items()))
    keys = [name for name in _MEMBERS if name != "members_count"]
    counted = pl.concat(counts).group_by(keys).agg(pl.col("members_count").sum()).sort(keys)
    found = counted.filter(pl.col("district_code").is_not_null()).select("municipality_code", "district_code").unique()
    named = _names(settings, site_name, ring).filter(pl.col("municipality_code").is_in(wanted))
    places = named.join(found, on=["municipality_code", "district_code"], how="full", coalesce=True)
    return Members(counted, places.sort("municipality_code", "district_code"))


def _names(settings: Settings, site_name: str, ring: KeyRing) -> pl.DataFrame:
    """The 行政区 as the published areas name them."""
    folder = settings.site(site_name).published / "statistics"
    for viewer_class in access.VIEWER_CLASSES:
        path = folder / f"{viewer_class}.duckdb"
        if path.is_file():
            with warehouse.open_hardened(path, ring.statistics_key(viewer_class)) as connection:
                return connection.execute(
                    "SELECT parent_id AS municipality_code, substr(area_id, length(parent_id) + 2) AS district_code, "
                    "area_name AS district_name FROM published.area "
                    "WHERE area_level = 'district' AND district_set_name IS NULL"
                ).pl()
    return pl.DataFrame(schema=_NAMES)


def report(sets: Iterable[NamedSet], known: Members) -> list[dict[str, Any]]:
    """One entry a set that stands: its version, counts by scheme, 行政区 without a row, keys that fit nobody."""
    return [_entry(found, known) for found in sets if not found.is_given_up]


def _entry(found: NamedSet, known: Members) -> dict[str, Any]:
    here = pl.col("municipality_code") == found.municipality_code
    codes = found.places.filter(pl.col("district_code").is_not_null()).select("district_code").unique()
    mine = known.counts.filter(here).with_columns(
        is_placed=pl.col("district_code").is_in(codes["district_code"].to_list()).fill_null(False)
    )
    count = pl.col("members_count")
    schemes = (
        mine.group_by("scheme_code")
        .agg(
            count.sum().alias("members_count"),
            count.filter("is_placed").sum().alias("with_district_count"),
            count.filter(~pl.col("is_placed")).sum().alias("without_district_count"),
            count.filter(pl.col("district_code").is_null()).sum().alias("without_key_count"),
        )
        .sort("scheme_code", descending=True)
    )
    unplaced = (
        mine.filter(~pl.col("is_placed") & pl.col("district_code").is_not_null())
        .join(known.places.filter(here).select("district_code", "district_name"), on="district_code", how="left")
        .select("district_code", "district_name", "scheme_code", "members_count")
        .sort("district_code", "scheme_code", descending=[False, True])
    )
    unused = found.places.join(mine.select("district_code").drop_nulls().unique(), on="district_code", how="anti")
    return {
        "municipality_code": found.municipality_code,
        "municipality_name": municipality_names().get(found.municipality_code, ""),
        "district_set_name": found.name,
        "state": found.state,
        "created_date": found.created_date.isoformat(),
        "version_number": found.version_number,
        "districts_count": found.places["set_district_name"].n_unique(),
        "places_count": found.places.height,
        "schemes": schemes.to_dicts(),
        "members_without_row": unplaced.to_dicts(),
        "rows_without_member": unused.sort("district_code", "district_name").to_dicts(),
    }
