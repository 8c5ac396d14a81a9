"""`tsumugi doctor` tells how old every key is, which is due, what was interrupted, and whether audit chains hold."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ingest.doctor import key_ages, parties
from ingest.ledger import Ledger
from ingest.policy import audit, audit_key
from ingest.sealing import key_numbers
from ingest.sealing.keytable import AT_REST, kinds
from ingest.sealing.rotation import prepare_key
from ingest.settings import Settings, SiteSettings
from tests.handmade import demo_workspace


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return demo_workspace(tmp_path)


@pytest.fixture
def site(settings: Settings) -> SiteSettings:
    return settings.site("16")


def test_every_kind_has_an_age_with_its_source() -> None:
    with key_ages.AGES_FILE.open(encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    assert {row["kind"] for row in rows} == {kind.kind for kind in kinds()}
    assert all(row["source"] and row["valid_from"] for row in rows)


def test_fresh_keys_are_told_and_none_is_due(site: SiteSettings) -> None:
    (found,) = key_ages.examine("16", site)
    assert found.state == "ok"
    assert all(f"{name} 0日" in found.what for name in ("identity-1", "at-rest", "signing", "tenant-master"))


def test_a_key_of_more_than_a_year_is_due(site: SiteSettings) -> None:
    prepare_key(site, AT_REST, 2)
    with Ledger(site.ledger) as ledger:
        key_numbers.begin(ledger, AT_REST, 2)
        key_numbers.end(ledger, AT_REST, 2)
        ledger.connection.execute("UPDATE key_rotation SET started_at = '2020-01-01T00:00:00+00:00'")
    today = datetime.now(UTC).date()
    (found,) = key_ages.examine("16", site, today + timedelta(days=1))
    assert found.state == "note" and "at-rest-2 2," in found.what
    assert found.remedy == "`tsumugi keys rotate at-rest --party 16`"
    (found,) = key_ages.examine("16", site, today + timedelta(days=367))
    assert "`tsumugi keys rotate identity --party 16`" in found.remedy


def test_of_a_key_that_a_command_gives_the_age_is_not_known(site: SiteSettings) -> None:
    (site.keys / "signing.key").unlink()
    (found,) = key_ages.examine("16", site.model_copy(update={"unlock_command": "true"}))
    assert found.state == "ok" and "signing 不明" in found.what


def test_an_interrupted_rotation_is_wrong(settings: Settings, site: SiteSettings) -> None:
    prepare_key(site, AT_REST, 2)
    with Ledger(site.ledger) as ledger:
        key_numbers.begin(ledger, AT_REST, 2)
    found = {one.check: one for one in parties.examine("16", site, settings)}
    assert found["key_rotation"].state == "wrong" and "rotate at-rest --party 16" in found["key_rotation"].remedy


def test_an_audit_chain_that_was_cut_is_wrong(settings: Settings, site: SiteSettings) -> None:
    chain = site.home / "audit" / "quarantine.jsonl"
    for number in range(3):
        audit.record(chain, action="quarantine.show", number=number)
    audit_key.sign_head_in_use(chain, site)
    assert _states(settings, site) == ["ok"]
    chain.write_text("".join(chain.read_text().splitlines(keepends=True)[:-1]))
    assert _states(settings, site) == ["wrong"]
    (site.keys / "audit.key").unlink()
    assert _states(settings, site) == [], "the check of keys says so"


def _states(settings: Settings, site: SiteSettings) -> list[str]:
    return [one.state for one in parties.examine("16", site, settings) if one.check == "audit"]
