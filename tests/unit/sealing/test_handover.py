"""The app gets the keys of the files that the access table names, and no other key."""

from __future__ import annotations

from pathlib import Path

from ingest.policy.access import load_grants
from ingest.sealing.handover import hand_over_keys
from ingest.sealing.keyfiles import read_private
from ingest.settings import AppSettings
from tests.unit.sealing.pair import make_pair


def test_the_app_gets_a_key_for_each_file_of_the_access_table_and_no_other(tmp_path: Path) -> None:
    pair = make_pair(tmp_path)
    settings = pair.settings.model_copy(update={"app": AppSettings(home=tmp_path / "app")})
    written = hand_over_keys(settings)
    assert hand_over_keys(settings) == written
    expected = set()
    for row in load_grants().iter_rows(named=True):
        expected.add(f"statistics-{row['site'] or 'center'}--{row['viewer_class']}.key")
        if row["detail"] == "person":
            expected.add(f"tenant-{row['tenant_id']}--{row['scheme_set']}.key")
    assert {path.name for path in written} == expected
    assert {path.name for path in (tmp_path / "app" / "keys").iterdir()} == expected


def test_no_key_of_the_app_is_a_key_that_a_party_holds_for_itself(tmp_path: Path) -> None:
    pair = make_pair(tmp_path)
    settings = pair.settings.model_copy(update={"app": AppSettings(home=tmp_path / "app")})
    handed = {read_private(path) for path in hand_over_keys(settings)}
    homes = [*(site.keys for site in settings.sites.values()), settings.the_center().keys]
    own = {read_private(path) for home in homes for path in home.glob("*.key")}
    assert len(own) > 15
    assert not handed & own
    assert pair.site.statistics_key("insurer").hex().encode() in handed


def test_a_site_alone_hands_over_its_own_keys(tmp_path: Path) -> None:
    settings = make_pair(tmp_path).settings.model_copy(update={"app": AppSettings(home=tmp_path / "app")})
    alone = settings.model_copy(update={"center": None})
    assert hand_over_keys(alone) and not any("center" in path.name for path in hand_over_keys(alone))


def test_a_workspace_without_an_app_hands_over_nothing(tmp_path: Path) -> None:
    assert hand_over_keys(make_pair(tmp_path).settings) == []
