"""Every key rotated in the middle of the demo's months, killed at ten places: the same people, the same numbers.

Run by `make rotation`, which invents the demo and names its workspace, whose files nobody has taken yet, in
$TSUMUGI_ROTATION_IN. Three quarters of the months go the road; then one copy rotates every key of every party as an
operator types it, the other does not, and both take the rest.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from ingest import warehouse
from ingest.center.errors import CenterError
from ingest.center.home import open_warehouse
from ingest.center.release import release
from ingest.faults import EXIT_CODE, FAULT_VARIABLE
from ingest.progress import silent
from ingest.road import run_road
from ingest.sealing.inventory import IN_USE, check, facts
from ingest.sealing.keys import CENTER, KeyRing, parties_of
from ingest.sealing.keytable import by_ledger, kinds_of, numbered
from ingest.settings import PROJECT_ROOT, WORKSPACE_VARIABLE, Settings, SiteSettings
from ingest.settings import load as load_settings
from ingest.site import epoch
from tests.rekey_world import grouped, texts_of

WORKSPACE = os.environ.get("TSUMUGI_ROTATION_IN")
DELIVERED_IN = re.compile(r"_(20\d{2}(?:0[1-9]|1[0-2]))")
BEFORE = 3 / 4  # of the months
# Where each command is killed before it is typed again: ten places over all keys and parties.
KILLS = {
    ("16", "signing"): ["rotate.signing.made"],
    (CENTER, "envelope"): ["rotate.envelope.made"],
    ("16", "identity"): ["rekey.file", "rekey.directory"],
    ("16", "at-rest"): ["renew.archived"],
    (CENTER, "at-rest"): ["renew.noted"],
    ("31", "tenant-master"): ["renew.published"],
    (CENTER, "link"): ["renew.linked"],
    ("31", "audit"): ["renew.whole"],
}
KILLED_IN_RECEIVE = "receive.landed"
# Keyed names of records are made of their tags, and persons that come after a rotation are named by new ones.
IDS = ("claim_id", "checkup_id", "person_id")

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(WORKSPACE is None, reason="make rotation says where the demo's files are"),
]


@dataclass(frozen=True)
class Roads:
    """The same deliveries without a rotation and with one."""

    without: Settings
    rotated: Settings


@pytest.fixture(scope="module")
def roads(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Roads]:
    folder = tmp_path_factory.mktemp("rotation")
    shutil.copytree(Path(str(WORKSPACE)), folder / "without")
    without = load_settings(folder / "without")
    later = _set_aside(without, folder / "later")
    _walk(without)
    shutil.copytree(folder / "without", folder / "rotated")
    rotated = load_settings(folder / "rotated")
    _rotate_everything(rotated)
    for settings in (without, rotated):
        for site in settings.sites:
            shutil.copytree(later / site, settings.site(site).inbox, dirs_exist_ok=True)
        _walk(settings)
    yield Roads(without, rotated)
    shutil.rmtree(folder)


def _set_aside(settings: Settings, later: Path) -> Path:
    """Take the files of the last months out of the inboxes."""
    by_month = {
        (site, path): max(DELIVERED_IN.findall(path.name), default="")
        for site in settings.sites
        for path in sorted(settings.site(site).inbox.rglob("*"))
        if path.is_file()
    }
    months = sorted(set(by_month.values()) - {""})
    first = set(months[: round(len(months) * BEFORE)])
    for (site, path), month in by_month.items():
        if month and month not in first:
            target = later / site / path.relative_to(settings.site(site).inbox)
            target.parent.mkdir(parents=True, exist_ok=True)
            path.rename(target)
    return later


def _walk(settings: Settings) -> None:
    """The whole road; what a release holds back because six months came at once is let go."""
    try:
        run_road(settings, silent)
    except CenterError:
        release(settings, silent, approve="試験", reason="数か月分をまとめて取り込んだため")
        run_road(settings, silent)


def _typed(settings: Settings, *words: str, point: str = "") -> None:
    """`tsumugi <words>` in a process of its own, which dies at ``point`` where one is named."""
    environment = os.environ | {WORKSPACE_VARIABLE: str(settings.workspace), "PYTHONPATH": str(PROJECT_ROOT)}
    if point:
        environment[FAULT_VARIABLE] = point
    command = [sys.executable, "-c", "from ingest.cli import main; main()", *words]
    done = subprocess.run(command, env=environment, cwd=PROJECT_ROOT, capture_output=True, check=False)
    assert done.returncode == (EXIT_CODE if point else 0), f"{words} {point}: {done.stderr.decode()[-500:]}"


def _rotate_everything(settings: Settings) -> None:
    for name, party in parties_of(settings).items():
        for kind in kinds_of(party):
            words = ("keys", "rotate", kind.kind, "--party", name)
            for point in KILLS.get((name, kind.kind), []):
                _typed(settings, *words, point=point)
            _typed(settings, *words)
    for name in settings.sites:  # the public files go to the other party, as on a medium
        _exchange(settings, name, CENTER)
        _exchange(settings, CENTER, name)
    for name in parties_of(settings):
        _typed(settings, "keys", "rotate", "signing", "--activate", "--party", name)
    _typed(settings, "center", "receive", point=KILLED_IN_RECEIVE)


def _exchange(settings: Settings, of: str, to: str) -> None:
    file = settings.workspace / f"public-of-{of}.json"
    _typed(settings, "keys", "export", "--party", of, "--to", str(file))
    _typed(settings, "keys", "import", str(file), "--party", to)


def test_ten_kills_lie_in_the_rotation() -> None:
    assert sum(map(len, KILLS.values())) + 1 == 10


def test_every_key_of_every_party_is_a_new_one(roads: Roads) -> None:
    settings = roads.rotated
    for name, party in parties_of(settings).items():
        in_use = {fact.name for fact in facts(party, epoch.of_party(party)) if fact.state == IN_USE}
        assert in_use == {numbered(kind.kind, 2) for kind in kinds_of(party)}
        peers = [CENTER] if isinstance(party, SiteSettings) else list(settings.sites)
        assert check(party, peers, epoch.of_party(party)) == []
        for kind in by_ledger() & {kind.kind for kind in kinds_of(party)}:
            assert KeyRing(party).secret(kind) != KeyRing(parties_of(roads.without)[name]).secret(kind)
    assert all(KeyRing(settings.the_center()).peer(site).before == b"" for site in settings.sites)


def test_the_same_people(roads: Roads) -> None:
    without, rotated = (_people(settings) for settings in (roads.without, roads.rotated))
    assert len(without) > 1000
    assert rotated == without


def test_the_same_numbers(roads: Roads) -> None:
    without, rotated = (_figures(settings) for settings in (roads.without, roads.rotated))
    assert without.height == rotated.height > 10_000
    differs = pl.any_horizontal(without[name].ne_missing(rotated[name]) for name in without.columns)
    found = without.filter(differs)
    assert found.is_empty(), f"{found.height} figures, of {sorted(found['indicator_id'].unique())}"


def test_the_same_published_content(roads: Roads) -> None:
    for site in roads.without.sites:
        expected, found = (_digests(settings, site) for settings in (roads.without, roads.rotated))
        assert sum(rows for rows, _ in expected.values()) > 10_000 and found.keys() == expected.keys()
        assert [name for name in expected if found[name] != expected[name]] == []


def _digests(settings: Settings, name: str) -> dict[str, tuple[int, int]]:
    """Of every table of every published file of a site how many rows it has and the sum of their hashes, keyed ids left
    out: millions of rows, which lists would not hold beside each other."""
    site, found = settings.site(name), {}
    ring = KeyRing(site)
    for path in sorted(site.published.rglob("*.duckdb")):
        is_of_all = path.parent.name == "statistics"
        key = ring.statistics_key(path.stem) if is_of_all else ring.tenant_key(path.parent.name, path.stem)
        connection = warehouse.open_database(path, key, alias="published", read_only=True)
        for (table,) in connection.execute("SELECT table_name FROM duckdb_tables() ORDER BY 1").fetchall():
            known = [row[0] for row in connection.execute(f'DESCRIBE "{table}"').fetchall()]
            shown = ", ".join(f'"{column}"' for column in known if column not in IDS)
            row = connection.execute(
                f'SELECT count(*), coalesce(sum(hash(row({shown}))::HUGEINT), 0) FROM "{table}"'
            ).fetchone()
            assert row is not None
            found[f"{path.relative_to(site.published)}:{table}"] = (int(row[0]), int(row[1]))
        connection.close()
    return found


def _people(settings: Settings) -> list[tuple[Any, ...]]:
    """The groups of identities that are one person each, as the sites read them."""
    center = settings.the_center()
    with open_warehouse(center, KeyRing(center), read_only=True) as connection:
        found = []
        for name in settings.sites:
            domain, ring = settings.site(name).linkage_domain, KeyRing(settings.site(name))
            texts = texts_of(
                connection.execute(
                    "SELECT DISTINCT identity_tag, ciphertext, epoch FROM raw.identity WHERE linkage_domain = ?",
                    [domain],
                ).pl(),
                ring,
            )
            persons = connection.execute(
                "SELECT identity_tag, person_id FROM link.identity_person WHERE linkage_domain = ?", [domain]
            ).fetchall()
            found += grouped([((domain, texts[tag][0]), person) for tag, person in persons])
    return found


def _figures(settings: Settings) -> pl.DataFrame:
    """Every figure: millions of rows, which lists of tuples would not hold beside each other."""
    center = settings.the_center()
    with open_warehouse(center, KeyRing(center), read_only=True) as connection:
        return connection.execute("FROM rollups.indicator_fact ORDER BY ALL").pl()
