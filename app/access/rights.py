"""What an account may open: worked out from the access table on every rerun, never from the page's state."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from app.access.accounts import Account
from ingest.policy import access
from ingest.settings import Settings, SettingsError

CENTER = "center"
_KEY_PATTERN = re.compile(r"[0-9a-f]{64}")


class NotPublished(Exception):
    """A published file or its key is not there; the message names the path, no content."""


@dataclass(frozen=True)
class PublishedFile:
    """One encrypted file that the account's session opens, and where its key lies."""

    path: Path
    key_path: Path

    def key(self) -> bytes:
        """The 32 bytes of the key; NotPublished when the file is missing, open to others or malformed."""
        try:
            mode = self.key_path.stat().st_mode
            text = self.key_path.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            raise NotPublished(f"{self.key_path} cannot be read") from None
        if mode & 0o077:
            raise NotPublished(f"{self.key_path} can be read by others; run: chmod 600 on it")
        if not _KEY_PATTERN.fullmatch(text):
            raise NotPublished(f"{self.key_path} is not a 32-byte key in hex")
        return bytes.fromhex(text)


@dataclass(frozen=True)
class Rights:
    """What one account may do; equal for equal grants."""

    account: Account
    tenant_name: str
    tenant_kind: str
    viewer_class: str
    sees_persons: bool
    person_files: tuple[PublishedFile, ...]  # one a scheme set that the access table grants
    statistics: PublishedFile
    schemes: tuple[str, ...]  # schemes whose own numbers the tenant has; empty: statistics only
    insurers: tuple[str, ...]
    municipalities: tuple[str, ...]
    prefecture_code: str | None
    grants: tuple[tuple[str, str, str], ...]  # (scheme, purpose, legal ground), for the about page


def rights(settings: Settings, grants: pl.DataFrame, account: Account) -> Rights:
    """The rights of ``account`` in the month of reference; AccessDenied where no grant is in force."""
    own = access.grants_at(grants, settings.reference_month).filter(
        (pl.col("tenant_id") == account.tenant_id) & (pl.col("role_code") == account.role_code)
    )
    if own.is_empty():
        raise access.AccessDenied(f"no grant in force for {account.role_code} of {account.tenant_id}")
    first = own.row(0, named=True)
    site = str(first["site"] or CENTER)  # the center itself has no site
    if site != account.site:
        raise access.AccessDenied(f"{account.tenant_id} is published by site {site}, not {account.site}")
    published, prefecture = _home(settings, site)
    keys = _app_home(settings) / "keys"
    persons = own.filter(pl.col("detail") == "person")
    scheme_sets = sorted(set(persons["scheme_set"]))
    return Rights(
        account=account,
        tenant_name=str(first["tenant_name"]),
        tenant_kind=str(first["tenant_kind"]),
        viewer_class=str(first["viewer_class"]),
        sees_persons=not persons.is_empty(),
        person_files=tuple(
            PublishedFile(
                published / "tenants" / account.tenant_id / f"{scheme_set}.duckdb",
                keys / f"tenant-{account.tenant_id}--{scheme_set}.key",
            )
            for scheme_set in scheme_sets
        ),
        statistics=PublishedFile(
            published / "statistics" / f"{first['viewer_class']}.duckdb",
            keys / f"statistics-{site}--{first['viewer_class']}.key",
        ),
        schemes=tuple(sorted(set(own["scheme_code"].drop_nulls()))),
        insurers=tuple(sorted(set(own["insurer_number"].drop_nulls()))),
        municipalities=tuple(sorted(set(own["municipality_code"].drop_nulls()))),
        prefecture_code=prefecture,
        grants=tuple(
            (str(row[0] or ""), str(row[1]), str(row[2]))
            for row in own.select("scheme_code", "purpose", "legal_ground").unique(maintain_order=True).iter_rows()
        ),
    )


def _home(settings: Settings, site: str) -> tuple[Path, str | None]:
    if site == CENTER:
        return settings.the_center().published, None
    party = settings.site(site)
    return party.published, party.prefecture_code


def _app_home(settings: Settings) -> Path:
    if settings.app is None:
        raise SettingsError("tsumugi.toml has no [app]")
    return settings.app.home
