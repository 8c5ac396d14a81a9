"""New at-rest, master, link and audit keys: everything opens under the new key only, whatever is killed on the way."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from ingest import at_rest, cli, warehouse
from ingest.center.home import open_warehouse
from ingest.center.rebuild import rebuild
from ingest.key_rotation import finish, rotate
from ingest.ledger import Ledger
from ingest.policy import audit, audit_key
from ingest.progress import ProgressCallback, silent
from ingest.sealing import inventory, key_numbers
from ingest.sealing.errors import KeyError_
from ingest.sealing.keys import CENTER, KeyRing, app_statistics_key, app_tenant_key, export_tenant_keys
from ingest.sealing.keytable import AT_REST, AUDIT, LINK, STATISTICS_MASTER, TENANT_MASTER
from ingest.settings import CenterSettings, PartySettings, Settings
from ingest.site import archive, epoch
from ingest.site import rekey as identity
from ingest.site.errors import SiteError
from ingest.warehouse import WarehouseError
from tests import rekey_world as world
from tests.integration.center_world import rows, run_killed
from tests.rekey_world import SITE
from tests.security.test_at_rest import in_the_open

pytestmark = pytest.mark.xdist_group("rekey")
TENANT, CLASS = ("kokuho-16202", "kokuho"), "operator"
KILLED = 137
# Where each kind is killed, one place after the other; the last two columns in the long form only.
ROTATIONS = [
    (SITE, AT_REST, ("written", "archived"), ("key", "begun", "noted", "swapped", "whole")),
    (CENTER, AT_REST, ("noted",), ("written", "swapped")),
    (SITE, TENANT_MASTER, ("published",), ("whole",)),
    (SITE, STATISTICS_MASTER, (), ("published",)),
    (CENTER, STATISTICS_MASTER, (), ("published",)),
    (CENTER, LINK, ("linked",), ()),
    (SITE, AUDIT, ("whole",), ("done",)),
]
KILLS = [pytest.param(*what, short) for *what, short, _ in ROTATIONS] + [
    pytest.param(*what, more, marks=pytest.mark.long) for *what, _, more in ROTATIONS if more
]


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The first months are at the center, an identity key was rotated, files are published, the app has their keys."""
    settings = world.sent_once(tmp_path_factory.mktemp("renew") / "here")
    site, center = settings.site(SITE), settings.the_center()
    identity.rotate(settings, SITE, silent)
    world.go_on(settings)
    ring = KeyRing(site)
    _publish(site.published / "tenants" / TENANT[0] / f"{TENANT[1]}.duckdb", ring.tenant_key(*TENANT), site)
    _publish(site.published / "statistics" / f"{CLASS}.duckdb", ring.statistics_key(CLASS), site)
    _publish(center.published / "statistics" / f"{CLASS}.duckdb", KeyRing(center).statistics_key(CLASS), center)
    assert settings.app is not None
    export_tenant_keys(settings.app.home, ring, SITE, tenants=[TENANT], viewer_classes=[CLASS])
    audit.record(site.home / "audit" / "quarantine.jsonl", action="quarantine.show", object="x")
    audit_key.sign_head_in_use(site.home / "audit" / "quarantine.jsonl", site)
    return settings


@pytest.fixture
def settings(sent: Settings, tmp_path: Path) -> Settings:
    return world.copied(sent, tmp_path / "here")


def _publish(path: Path, key: bytes, party: PartySettings) -> None:
    temporary = path.with_suffix(".tmp")
    with warehouse.open_database(temporary, key, alias="made") as connection:
        connection.execute("CREATE TABLE figure AS SELECT 99 - range AS place FROM range(100)")
    digest = at_rest.put_published(temporary, path)
    if isinstance(party, CenterSettings):
        return  # its ledger knows of the content only
    with Ledger(party.ledger) as ledger, ledger.transaction() as noting:
        name = f"published/{path.relative_to(party.home / 'published')}"
        ledger.set_value(noting, name, json.dumps({"file_hash": digest, "rows": {}}))


def party_of(settings: Settings, name: str) -> PartySettings:
    return settings.the_center() if name == CENTER else settings.site(name)


def files_of(settings: Settings, name: str, kind: str) -> list[Path]:
    """The DuckDB files that a kind of key opens at a party."""
    if kind == AT_REST:
        site, center = settings.site(SITE), settings.the_center()
        return [center.warehouse] if name == CENTER else [site.directory, site.quarantine]
    published = party_of(settings, name).home / "published"
    return sorted(published.glob({TENANT_MASTER: "tenants/*/*.duckdb", STATISTICS_MASTER: "statistics/*"}[kind]))


def content(settings: Settings) -> dict[str, Any]:
    """All that the keys open: rows of every database and published file in their order, bytes of the archive."""
    site, center = settings.site(SITE), settings.the_center()
    at_site, at_center = KeyRing(site), KeyRing(center)
    databases = {
        site.directory: at_site.secret(AT_REST),
        site.quarantine: at_site.secret(AT_REST),
        center.warehouse: at_center.secret(AT_REST),
        site.published / "tenants" / TENANT[0] / f"{TENANT[1]}.duckdb": at_site.tenant_key(*TENANT),
        site.published / "statistics" / f"{CLASS}.duckdb": at_site.statistics_key(CLASS),
        center.published / "statistics" / f"{CLASS}.duckdb": at_center.statistics_key(CLASS),
    }
    found: dict[str, Any] = {}
    for path, key in databases.items():
        with warehouse.open_database(path, key, read_only=True) as connection:
            for schema, table in connection.execute(
                "SELECT schema_name, table_name FROM duckdb_tables() ORDER BY ALL"
            ).fetchall():
                if f"{schema}.{table}" in ("link.first_tag", "control.link_renewal"):
                    continue
                rows = connection.execute(f'FROM "{schema}"."{table}"').fetchall()
                found[f"{path.relative_to(settings.workspace)} {schema}.{table}"] = rows
    for path in site.archive.glob("*/*"):
        target = settings.workspace / "opened"
        archive.restore(site.archive, path.name, at_site.secret(AT_REST), target)
        found[path.name] = target.read_bytes()
        target.unlink()
    return found


def require_sound(settings: Settings) -> None:
    """Nothing is left half done: hashes, notes, heads, keys of the app and the table of keys agree with the files."""
    site, center = settings.site(SITE), settings.the_center()
    for party in (site, center):
        with Ledger(party.ledger) as ledger:
            assert ledger.open_files() == []
            for row in ledger.rows("SELECT name, content FROM value WHERE name LIKE 'published/%'"):
                path = party.home / row["name"]
                assert warehouse.file_hash(path) == json.loads(row["content"])["file_hash"]
                assert warehouse.hash_note(path).read_text().split() == [warehouse.file_hash(path)]
        for path in party.home.glob("*.duckdb"):
            assert at_rest.is_as_left(party.home, path)
        for chain in audit_key.chains(party):
            assert audit_key.check(chain, party) > 0
        assert key_numbers.unfinished(party) == []
        assert not [path for path in party.home.rglob("*") if "renewed" in path.name or ".tmp" in path.name]
    ring, app = KeyRing(site), settings.app
    assert app is not None
    assert app_tenant_key(app.home, *TENANT).read_text() == ring.tenant_key(*TENANT).hex()
    assert app_statistics_key(app.home, SITE, CLASS).read_text() == ring.statistics_key(CLASS).hex()
    assert inventory.check(site, [CENTER], epoch.of_party(site)) == []
    assert inventory.check(center, [SITE, "31"]) == []
    assert in_the_open(site.home, center.home) == []


def killed_here(settings: Settings, progress: ProgressCallback, name: str, kind: str) -> None:
    """The step that a process of its own dies in."""
    rotate(settings, name, kind, progress)


@pytest.mark.parametrize(("name", "kind", "places"), KILLS)
def test_a_rotation_goes_on_after_any_kill(settings: Settings, name: str, kind: str, places: tuple[str, ...]) -> None:
    before, party = content(settings), party_of(settings, name)
    old = KeyRing(party).numbered(kind, 1)
    for place in places:
        more = f", {name!r}, {kind!r}"
        assert (
            run_killed(settings, "tests.integration.test_key_rotation", "killed_here", f"renew.{place}", more) == KILLED
        )
        if place not in ("key", "done"):
            with pytest.raises(KeyError_, match=f"`tsumugi keys rotate {kind}`"):
                KeyRing(party).secret(kind)
    if key_numbers.unfinished(party):
        assert [title for title, _ in finish(settings, silent)] == [f"{name} rotate {kind}"]
    elif "done" not in places:
        assert rotate(settings, name, kind, silent)["number"] == 2
    assert KeyRing(party).secret(kind) == KeyRing(party).numbered(kind, 2) != old
    assert content(settings) == before
    require_sound(settings)


def test_after_new_keys_the_steps_go_on_and_a_rebuild_names_the_same_persons(settings: Settings) -> None:
    named = "SELECT linkage_domain, identity_tag, person_id FROM link.identity_person ORDER BY ALL"
    before = rows(settings, named)
    for name, kind in ((SITE, AT_REST), (CENTER, AT_REST), (CENTER, LINK), (CENTER, LINK)):
        rotate(settings, name, kind, silent)
    assert key_numbers.in_use(settings.the_center(), LINK) == 3
    assert rows(settings, named) == before
    rebuild(settings, silent)
    assert rows(settings, named) == before
    with open_warehouse(settings.the_center(), KeyRing(settings.the_center())) as connection:
        connection.execute("UPDATE control.link_rules SET rules_hash = 'older rules'")  # all is solved anew
    world.later_months(settings)
    world.go_on(settings)
    kept = {row[1]: row for row in rows(settings, named)}
    assert [kept[row[1]] for row in before] == before and len(kept) > len(before)
    require_sound(settings)


def test_a_kind_that_a_party_has_not_is_refused(settings: Settings) -> None:
    with pytest.raises(KeyError_, match="16 has no key 'link'"):
        rotate(settings, SITE, LINK, silent)
    with pytest.raises(KeyError_, match="center has no key 'tenant-master'"):
        rotate(settings, CENTER, TENANT_MASTER, silent)


def test_while_an_identity_key_is_rotated_the_at_rest_key_waits(settings: Settings) -> None:
    with Ledger(settings.site(SITE).ledger) as ledger, ledger.transaction() as noting:
        noting.execute("INSERT INTO rotation (epoch, state, started_at) VALUES (3, 'open', '2026-01-01')")
    with pytest.raises(SiteError, match="`tsumugi keys rotate identity`"):
        rotate(settings, SITE, AT_REST, silent)


def test_a_file_that_was_changed_or_has_no_room_is_not_taken_over(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    center = settings.the_center()
    with monkeypatch.context() as full, pytest.raises(WarehouseError, match="make room"):
        full.setattr("ingest.reencrypt.shutil.disk_usage", lambda _: SimpleNamespace(free=10))
        rotate(settings, CENTER, AT_REST, silent)
    assert key_numbers.unfinished(center) == [], "the steps go on"
    whole = center.warehouse.read_bytes()
    center.warehouse.write_bytes(whole + b"x")
    with pytest.raises(WarehouseError, match="SHA-256 の不一致"):
        rotate(settings, CENTER, AT_REST, silent)
    center.warehouse.write_bytes(whole)
    rotate(settings, CENTER, AT_REST, silent)
    published = center.published / "statistics" / f"{CLASS}.duckdb"
    published.write_bytes(published.read_bytes() + b"x")
    with pytest.raises(WarehouseError, match="SHA-256 の不一致"):
        rotate(settings, CENTER, STATISTICS_MASTER, silent)
    published.unlink()
    assert rotate(settings, CENTER, STATISTICS_MASTER, silent) == {"number": 2, "files": 0}


def test_an_operator_rotates_by_one_command_and_is_told(settings: Settings) -> None:
    def typed(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(cli.app, ["keys", *words, "-w", str(settings.workspace)])
        assert "Traceback" not in done.output
        return done.exit_code, done.output

    code, told = typed("rotate", TENANT_MASTER, "--party", SITE)
    assert code == 0 and "2番、新しい鍵のもとにあるもの 1件" in told and "復旧キット" in told
    code, told = typed("rotate", LINK, "--party", SITE)
    assert code == 1 and "has no key 'link'" in told and told.count("\n") == 1
    code, told = typed("show", "--party", SITE)
    assert code == 0 and "tenant-master-2" in told
    assert typed("check", "--party", SITE)[0] == 0


def test_one_rotation_at_a_time(settings: Settings) -> None:
    more = f", {SITE!r}, {AT_REST!r}"
    assert run_killed(settings, "tests.integration.test_key_rotation", "killed_here", "renew.begun", more) == KILLED
    with pytest.raises(KeyError_, match="`tsumugi keys rotate at-rest`"):
        rotate(settings, SITE, AUDIT, silent)
    assert not (settings.site(SITE).keys / "audit-2.key").exists()


def test_an_archived_file_that_is_damaged_is_counted_and_holds_nothing_up(settings: Settings) -> None:
    site = settings.site(SITE)
    damaged = min(site.archive.glob("*/*"))
    damaged.write_bytes(damaged.read_bytes()[:-1])
    figures = rotate(settings, SITE, AT_REST, silent)
    assert figures["damaged"] == 1 and figures["files"] == len(list(site.archive.glob("*/*"))) + 1
    assert KeyRing(site).secret(AT_REST) == KeyRing(site).numbered(AT_REST, 2)
