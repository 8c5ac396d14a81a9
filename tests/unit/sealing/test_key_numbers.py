"""Keys whose number in use stands in the ledger: the one before, the one to come, and nobody gets either in between."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from ingest.ledger import Ledger
from ingest.sealing import key_numbers
from ingest.sealing.errors import KeyError_
from ingest.sealing.handover import replace
from ingest.sealing.inventory import IN_USE, PREPARED, RETIRED, check, facts
from ingest.sealing.key_numbers import Numbers
from ingest.sealing.keys import CENTER, KeyRing, app_statistics_key, app_tenant_key, create_keys
from ingest.sealing.keytable import AT_REST, AUDIT, LINK, STATISTICS_MASTER, TENANT_MASTER, by_ledger
from ingest.sealing.rotation import prepare_key
from ingest.settings import SiteSettings
from tests.unit.sealing.pair import SITE, Pair, make_pair


@pytest.fixture()
def pair(tmp_path: Path) -> Pair:
    return make_pair(tmp_path)


def site(pair: Pair) -> SiteSettings:
    return pair.settings.site(SITE)


def rotated(party: SiteSettings, kind: str) -> None:
    number = key_numbers.in_use(party, kind) + 1
    prepare_key(party, kind, number)
    with Ledger(party.ledger) as ledger:
        key_numbers.begin(ledger, kind, number)
        key_numbers.end(ledger, kind, number)


def test_the_kinds_under_which_data_lie_are_numbered_by_the_ledger() -> None:
    assert by_ledger() == {AT_REST, AUDIT, LINK, TENANT_MASTER, STATISTICS_MASTER}


def test_a_party_without_a_ledger_uses_its_first_keys(pair: Pair) -> None:
    assert key_numbers.numbers(site(pair), AT_REST) == Numbers(1)
    assert key_numbers.unfinished(site(pair)) == []
    assert key_numbers.begun_on(site(pair), AT_REST, 1) is None
    assert not site(pair).ledger.exists(), "a look makes none"


def test_while_a_rotation_is_open_nobody_gets_the_key(pair: Pair) -> None:
    party = site(pair)
    prepare_key(party, AT_REST, 2)
    with Ledger(party.ledger) as ledger:
        key_numbers.begin(ledger, AT_REST, 2)
        assert key_numbers.numbers(party, AT_REST) == Numbers(1, 2)
        assert key_numbers.unfinished(party) == [AT_REST]
        with pytest.raises(KeyError_, match="`tsumugi keys rotate at-rest`"):
            KeyRing(party).secret(AT_REST)
        assert {fact.name: fact.state for fact in facts(party)}["at-rest-2"] == PREPARED
        key_numbers.end(ledger, AT_REST, 2)
    assert KeyRing(party).secret(AT_REST) == KeyRing(party).numbered(AT_REST, 2) != pair.site.numbered(AT_REST, 1)
    found = {fact.name: fact for fact in facts(party)}
    assert (found["at-rest"].state, found["at-rest-2"].state) == (RETIRED, IN_USE)
    assert found["at-rest-2"].made_on == datetime.now(UTC).date()
    assert check(party, [CENTER]) == []


def test_a_new_master_makes_new_keys_of_files_and_leaves_the_ids(pair: Pair) -> None:
    party, tenant = site(pair), ("kokuho-16202", "kokuho")
    before = KeyRing(party)
    keys = {before.tenant_key(*tenant), before.statistics_key("insurer")}
    ids = before.id_key(tenant[0])
    rotated(party, TENANT_MASTER)
    rotated(party, STATISTICS_MASTER)
    after = KeyRing(party)
    assert keys.isdisjoint({after.tenant_key(*tenant), after.statistics_key("insurer")})
    assert after.secret("tenant-kokuho-16202--kokuho") == after.tenant_key(*tenant)
    assert after.secret("statistics-insurer") == after.statistics_key("insurer")
    assert after.secret("tenant-master-2") == after.secret(TENANT_MASTER)
    assert after.id_key(tenant[0]) == ids != before.id_key("kokuho-16208")


def test_after_a_rotation_no_first_key_is_made_anew(pair: Pair) -> None:
    party = site(pair)
    rotated(party, AT_REST)
    (party.keys / "at-rest.key").unlink()
    create_keys(pair.settings)
    assert not (party.keys / "at-rest.key").exists()


def test_the_app_gets_a_new_key_where_it_has_the_old_one(tmp_path: Path) -> None:
    has, has_not = app_tenant_key(tmp_path, "kokuho-16202", "kokuho"), app_statistics_key(tmp_path, SITE, "insurer")
    has.parent.mkdir()
    has.write_text("old")
    for path in (has, has_not):
        replace(path, b"x" * 32)
    assert has.read_text() == (b"x" * 32).hex() and has.stat().st_mode & 0o077 == 0
    assert not has_not.exists()
