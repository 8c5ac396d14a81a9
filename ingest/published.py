"""Whose eyes a command looks with: a tenant of the access table, and the published files that its session opens.

The statistics are those of the tenant's viewer class, after protection; its own counts lie in its person files. Every
look is written into the audit of the party that published, as the dashboard writes what is downloaded.
"""

from __future__ import annotations

import getpass
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl

from ingest import warehouse
from ingest.policy import access, audit
from ingest.sealing.keys import KeyRing, parties_of
from ingest.sealing.keytable import CENTER
from ingest.settings import CenterSettings, Settings, SettingsError, SiteSettings
from ingest.warehouse import WarehouseError

_AUDIT_FILE = "figures.jsonl"
_EDITION_LENGTH = 12


@dataclass(frozen=True)
class Viewer:
    """A tenant with the role, class and grants that the access table gives it in the month of reference.

    ``party``        who publishes to it: the name of a site, or "center"
    ``scheme_sets``  of its person files, which hold its own counts
    ``insurers``     (scheme_code, insurer_number) of its grants
    """

    tenant_id: str
    tenant_name: str
    role_code: str
    party: str
    viewer_class: str
    scheme_sets: tuple[str, ...]
    insurers: tuple[tuple[str, str], ...]


def viewer(settings: Settings, tenant_id: str) -> Viewer:
    """The tenant as the access table has it; AccessDenied, naming the tenants there are, where no grant is in force."""
    grants = access.grants_at(access.load_grants(), settings.reference_month)
    own = grants.filter(pl.col("tenant_id") == tenant_id)
    if own.is_empty():
        here = pl.col("site").fill_null(CENTER).is_in(list(parties_of(settings)))
        known = sorted(set(grants.filter(here)["tenant_id"]))
        raise access.AccessDenied(
            f"この --tenant に有効な権限がありません。このワークスペースの利用者: {'、'.join(known)}"
        )
    first = own.row(0, named=True)
    persons = own.filter(pl.col("detail") == "person")
    return Viewer(
        tenant_id=tenant_id,
        tenant_name=str(first["tenant_name"]),
        role_code=str(first["role_code"]),
        party=str(first["site"] or CENTER),
        viewer_class=str(first["viewer_class"]),
        scheme_sets=tuple(sorted(set(persons["scheme_set"]))),
        insurers=tuple(
            sorted(set(own.drop_nulls("insurer_number").select("scheme_code", "insurer_number").iter_rows()))
        ),
    )


def party_of(settings: Settings, who: Viewer) -> SiteSettings | CenterSettings:
    """The party that publishes to the viewer; SettingsError where it is not on this machine."""
    party = settings.the_center() if who.party == CENTER else settings.site(who.party)
    if not isinstance(party, SiteSettings | CenterSettings):
        raise SettingsError(f"{who.party} publishes nothing")
    return party


def statistics_path(settings: Settings, who: Viewer) -> Path:
    """Where the statistics of the viewer's class lie."""
    return party_of(settings, who).published / "statistics" / f"{who.viewer_class}.duckdb"


def open_statistics(settings: Settings, who: Viewer) -> duckdb.DuckDBPyConnection:
    """The protected statistics of the viewer's class, read-only (tables in ``published``)."""
    path = statistics_path(settings, who)
    if not path.is_file():
        raise WarehouseError(f"{path} がまだありません。`tsumugi run` で統計を公表してから実行してください")
    key = KeyRing(party_of(settings, who)).statistics_key(who.viewer_class)
    return warehouse.open_hardened(path, key)


def open_own(settings: Settings, who: Viewer) -> list[duckdb.DuckDBPyConnection]:
    """The viewer's person files that are there, each read-only; who may see statistics only has none."""
    party = party_of(settings, who)
    ring = KeyRing(party)
    paths = [(name, party.published / "tenants" / who.tenant_id / f"{name}.duckdb") for name in who.scheme_sets]
    return [
        warehouse.open_hardened(path, ring.tenant_key(who.tenant_id, name)) for name, path in paths if path.is_file()
    ]


def edition(path: Path) -> str:
    """Short name of the published bytes, the one that the dashboard prints on its downloads."""
    return warehouse.file_hash(path)[:_EDITION_LENGTH]


def about(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """What the publisher says about the file: reference_month, is_synthetic and more."""
    return dict(connection.execute("SELECT key, value FROM published.about ORDER BY key").fetchall())


def is_invented(settings: Settings, told: dict[str, str]) -> bool:
    """Whether the figures are of invented people: the file says so, or the settings do."""
    return settings.is_synthetic or told.get("is_synthetic", "").lower() == "true"


def record(settings: Settings, who: Viewer, action: str, **fields: str) -> None:
    """Write into the publisher's audit chain who looked at which figures."""
    chain = party_of(settings, who).home / "audit" / _AUDIT_FILE
    audit.record(chain, account=getpass.getuser(), role=who.role_code, tenant=who.tenant_id, action=action, **fields)
