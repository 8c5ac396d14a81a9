"""The access table: who may open which rows, dated, each grant with its legal ground.

Deny by default: a row that no grant matches is in no file that the tenant's session opens.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from pathlib import Path

import polars as pl

from ingest.settings import PROJECT_ROOT

GRANTS = PROJECT_ROOT / "seeds" / "access_grants.csv"
ROLES = PROJECT_ROOT / "seeds" / "roles.csv"
VIEWER_CLASSES = ("insurer", "prefecture", "operator")

_GRANT_SCHEMA: dict[str, pl.DataType] = {
    name: pl.String()
    for name in (
        "tenant_id",
        "tenant_kind",
        "tenant_name",
        "site",
        "role_code",
        "scheme_set",
        "scheme_code",
        "insurer_number",
        "municipality_code",
        "detail",
        "viewer_class",
        "purpose",
        "legal_ground",
    )
} | {"valid_from": pl.Date(), "valid_to": pl.Date()}


class AccessDenied(Exception):
    """A role asked for what no grant gives it; the message names role and tenant, never a person."""


@lru_cache(maxsize=8)
def load_grants(path: Path = GRANTS) -> pl.DataFrame:
    """The access table.

    Columns: tenant_id, tenant_kind, tenant_name, site, role_code, scheme_set, scheme_code,
    insurer_number, municipality_code (null: all of the insurer), detail (person or statistics),
    viewer_class, purpose, legal_ground, valid_from, valid_to (exclusive, null: open).
    """
    return pl.read_csv(path, schema=_GRANT_SCHEMA)


def tenants(grants: pl.DataFrame) -> pl.DataFrame:
    """One row a tenant and scheme set, in order of tenant_id."""
    return (
        grants.select(
            "tenant_id", "tenant_kind", "tenant_name", "site", "role_code", "scheme_set", "detail", "viewer_class"
        )
        .unique()
        .sort("tenant_id", "scheme_set")
    )


def person_grants(grants: pl.DataFrame, tenant_id: str, scheme_set: str) -> pl.DataFrame:
    """The grants from which one tenant file is filled; empty for statistics-only tenants."""
    return grants.filter(
        (pl.col("tenant_id") == tenant_id) & (pl.col("scheme_set") == scheme_set) & (pl.col("detail") == "person")
    )


def grants_at(grants: pl.DataFrame, day: date) -> pl.DataFrame:
    """The grants in force on ``day``."""
    return grants.filter((pl.col("valid_from") <= day) & (pl.col("valid_to").is_null() | (pl.col("valid_to") > day)))


def may_see_persons(grants: pl.DataFrame, tenant_id: str) -> bool:
    """Whether any grant of the tenant opens persons at all."""
    return not grants.filter((pl.col("tenant_id") == tenant_id) & (pl.col("detail") == "person")).is_empty()


def require_persons(grants: pl.DataFrame, tenant_id: str) -> None:
    """Raise AccessDenied where the tenant has statistics only."""
    if not may_see_persons(grants, tenant_id):
        raise AccessDenied(f"{tenant_id} may see statistics only")
