"""Every key rotated between two months of a whole road, killed at every place: the same people, the same numbers."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ingest.center.home import open_warehouse
from ingest.faults import EXIT_CODE, FAULT_VARIABLE
from ingest.progress import silent
from ingest.road import run_road
from ingest.sealing import public
from ingest.sealing.inventory import check
from ingest.sealing.keys import CENTER, KeyRing
from ingest.settings import PROJECT_ROOT, WORKSPACE_VARIABLE, Settings
from ingest.settings import load as load_settings
from ingest.site import epoch
from ingest.site.errors import SiteError
from ingest.site.rekey import rotate
from ingest.synth.run import synthesise
from ingest.synth.settings import tiny
from tests.handmade import demo_workspace
from tests.integration.test_order_of_deliveries import published

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("rotation_road")]
SITE = "16"
SIGNING, ENVELOPE = ("rotate.signing.made",), ("rotate.envelope.made", "rotate.envelope.next")
AT_SITE = tuple(f"rekey.{place}" for place in ("key", "begun", "file", "read", "sealed", "directory", "members",
                                               "recording", "recorded"))  # fmt: skip
AT_CENTER = tuple(f"receive.{place}" for place in ("opened", "landed", "committed", "noted"))
NAMING = ("enrolment", "care_certification")
RECORD_IDS = ("claim_id", "checkup_id")  # keyed names of records, made of their tags: they are new after a rotation


def killed(settings: Settings, step: str, point: str) -> None:
    """Run a step in a process of its own that dies at ``point``, as by `kill -9`."""
    imports = (
        "from ingest.settings import load; from ingest.progress import silent; from ingest.site.rekey import rotate; "
        "from ingest.center.receive import receive; from ingest.sealing.rotation import *; settings = load(); "
    )
    environment = os.environ | {
        FAULT_VARIABLE: point, WORKSPACE_VARIABLE: str(settings.workspace), "PYTHONPATH": str(PROJECT_ROOT),
    }  # fmt: skip
    done = subprocess.run([sys.executable, "-c", imports + step], env=environment, capture_output=True, check=False)
    assert done.returncode == EXIT_CODE, f"{point}: {done.returncode} {done.stderr.decode()[-300:]}"


def rotate_everything(settings: Settings) -> None:
    """All three keys of a site and both of the center, each step killed wherever it can be, then gone through with."""
    from ingest.center.receive import receive
    from ingest.sealing.rotation import activate_signing, prepare_signing, rotate_envelope

    site, center = settings.site(SITE), settings.the_center()
    for name, party, words in ((SITE, site, f"settings.site({SITE!r})"), (CENTER, center, "settings.the_center()")):
        for point in SIGNING:
            killed(settings, f"prepare_signing({name!r}, {words})", point)
        prepare_signing(name, party)
        for point in ENVELOPE:
            killed(settings, f"rotate_envelope({name!r}, {words})", point)
        rotate_envelope(name, party)
    for peer in (site, settings.site("31")):
        KeyRing(peer).pin((center.keys / public.NEXT_FILE).read_bytes())
    KeyRing(center).pin((site.keys / public.NEXT_FILE).read_bytes())
    for party in (site, center):
        activate_signing(party)
    for point in AT_SITE:
        killed(settings, f"rotate(settings, {SITE!r}, silent)", point)
    with pytest.raises(SiteError, match="wait for its receipt"):
        rotate(settings, SITE, silent)  # the batch that the last kill left is handed over
    for point in AT_CENTER:
        killed(settings, "receive(settings, silent)", point)
    assert receive(settings, silent)["refused"] == 0
    assert epoch.of_party(site) == 2


def test_after_every_key_was_rotated_the_published_content_is_the_same(tmp_path: Path) -> None:
    without = demo_workspace(tmp_path / "without")
    synthesise(without.workspace, tiny(), silent)
    later = tmp_path / "later"
    for site in without.sites:
        inbox = without.site(site).inbox
        files = sorted(path for path in inbox.rglob("*") if path.is_file())
        # The files that persons are named by come first: their ids must be the same as well.
        movable = [path for path in files if path.relative_to(inbox).parts[0] not in NAMING]
        for path in movable[::2]:
            target = later / site / path.relative_to(inbox)
            target.parent.mkdir(parents=True, exist_ok=True)
            path.rename(target)
    assert any(later.rglob("*"))
    run_road(without, silent)
    shutil.copytree(without.workspace, tmp_path / "rotated")
    rotated = load_settings(tmp_path / "rotated")

    rotate_everything(rotated)
    for settings in (without, rotated):
        for site in settings.sites:
            shutil.copytree(later / site, settings.site(site).inbox, dirs_exist_ok=True)
        run_road(settings, silent)

    for site in without.sites:
        expected, found = (published(settings, site, RECORD_IDS) for settings in (without, rotated))
        assert sum(map(len, expected.values())) > 1000 and found.keys() == expected.keys()
        assert [name for name in expected if found[name] != expected[name]] == []
    for name, party in ((SITE, rotated.site(SITE)), (CENTER, rotated.the_center())):
        assert check(party, [CENTER] if name == SITE else list(rotated.sites), epoch.of_party(party)) == []
    center = rotated.the_center()
    assert KeyRing(center).peer(SITE).before == b"", "the first batch under the new key has retired the old one"
    with open_warehouse(center, KeyRing(center), read_only=True) as connection:
        assert connection.execute("SELECT DISTINCT epoch FROM raw.identity WHERE linkage_domain = '16'").fetchall() == [
            (2,)
        ]
