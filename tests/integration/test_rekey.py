"""A new identity key: the same persons, ids and records at the center, whatever is killed on the way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ingest import faults
from ingest.center.home import open_warehouse
from ingest.center.receive import receive
from ingest.ledger import Ledger
from ingest.progress import silent
from ingest.sealing.errors import SealingError
from ingest.sealing.keys import KeyRing
from ingest.settings import Settings
from ingest.site import epoch
from ingest.site.errors import SiteError
from ingest.site.extract import extract
from ingest.site.rekey import rotate
from ingest.site.retract import retract
from ingest.site.status import status
from tests import rekey_world as world
from tests.integration.test_site_extract import answer
from tests.rekey_world import SITE

pytestmark = pytest.mark.xdist_group("rekey")
AT_SITE = ("key", "begun", "file", "read", "sealed", "directory", "members", "recording", "recorded")
AT_CENTER = ("opened", "landed", "committed", "noted")
SHORT = ("rekey.directory", "receive.landed")  # the others in the long form
POINTS = tuple(
    place if place in SHORT else pytest.param(place, marks=pytest.mark.long)
    for place in (*(f"rekey.{place}" for place in AT_SITE), *(f"receive.{place}" for place in AT_CENTER))
)


class Killed(BaseException):
    """Stands for a kill: no handler of ours catches it."""


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The first months are at the center."""
    return world.sent_once(tmp_path_factory.mktemp("sent") / "here")


@pytest.fixture(scope="module")
def without(sent: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """All months, and no rotation."""
    settings = world.copied(sent, tmp_path_factory.mktemp("without") / "here")
    world.later_months(settings)
    world.go_on(settings)
    return settings


@pytest.fixture
def settings(sent: Settings, tmp_path: Path) -> Settings:
    return world.copied(sent, tmp_path / "here")


def current(settings: Settings) -> int:
    with Ledger(settings.site(SITE).ledger) as ledger:
        return epoch.current(ledger)


@dataclass(frozen=True)
class Same:
    """What a rotated world is held against: the world of before it, and all months without it."""

    before: dict[str, Any]
    after: dict[str, Any]
    directory: dict[str, Any]

    def require(self, settings: Settings, epochs: int = 2) -> None:
        """Everything is as without a rotation, but for the ids of persons that came after it."""
        found, expected = world.standing(settings, epochs), dict(self.after)
        ids, expected_ids = found.pop("ids"), expected.pop("ids")
        assert found == expected
        assert ids.keys() == expected_ids.keys()
        renamed = {text for text in ids if ids[text] != expected_ids[text]}
        assert not renamed & self.before["ids"].keys()
        assert world.directory(settings) == self.directory


@pytest.fixture(scope="module")
def same(sent: Settings, without: Settings) -> Same:
    return Same(world.standing(sent, 1), world.standing(without, 1), world.directory(without))


def test_after_a_rotation_persons_ids_and_records_go_on(settings: Settings, sent: Settings, same: Same) -> None:
    figures = rotate(settings, SITE, silent)
    assert (figures["epoch"], figures["sequence"]) == (2, 2) and figures["pairs"] > 30
    assert current(settings) == 2
    assert receive(settings, silent)["received"] == 1
    old = epoch.tokeniser(KeyRing(settings.site(SITE)), 1)
    assert world.everything_old(sent, old) > 0, "the search finds them where they stand"
    assert world.everything_old(settings, old) == 0
    assert world.standing(settings, 2) == same.before, "ids included: nothing has come yet"

    world.later_months(settings)
    world.go_on(settings)
    same.require(settings)
    with Ledger(settings.site(SITE).ledger) as ledger:
        assert [row["state"] for row in ledger.rows("SELECT state FROM rotation")] == ["done"]
    assert not list(settings.site(SITE).home.glob("rekey*")), "the pairs are not kept"


@pytest.mark.long
def test_the_persons_keep_their_ids_when_all_is_solved_anew(settings: Settings, same: Same) -> None:
    rotate(settings, SITE, silent)
    receive(settings, silent)
    with open_warehouse(settings.the_center(), KeyRing(settings.the_center())) as connection:
        connection.execute("UPDATE control.link_rules SET rules_hash = 'older rules'")
    world.later_months(settings)
    world.go_on(settings)
    same.require(settings)


@pytest.mark.long
def test_a_second_rotation_goes_on_from_the_first(settings: Settings, same: Same) -> None:
    rotate(settings, SITE, silent)
    with pytest.raises(SiteError, match="wait for its receipt"):
        rotate(settings, SITE, silent)
    receive(settings, silent)
    world.later_months(settings)
    world.go_on(settings)
    assert rotate(settings, SITE, silent)["epoch"] == 3
    world.go_on(settings)
    same.require(settings, epochs=3)
    old = KeyRing(settings.site(SITE))
    assert [world.everything_old(settings, epoch.tokeniser(old, number)) for number in (1, 2)] == [0, 0]


@pytest.mark.parametrize("place", POINTS)
def test_a_rotation_killed_anywhere_goes_on(
    settings: Settings, same: Same, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(name: str) -> None:
        if name == place:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(faults, "point", die)
        with pytest.raises(Killed):
            rotate(settings, SITE, silent)
            receive(settings, silent)
    world.later_months(settings)
    if place == "rekey.key":  # nothing was begun: the operator says it again
        rotate(settings, SITE, silent)
    world.go_on(settings)
    same.require(settings)


def test_a_rotation_that_the_center_refused_is_made_anew(settings: Settings, same: Same) -> None:
    rotate(settings, SITE, silent)
    world.later_months(settings)
    extract(settings, SITE, silent)  # a batch of the new epoch is behind it
    answer(settings, 2, "refused")
    world.go_on(settings)
    with Ledger(settings.site(SITE).ledger) as ledger:
        assert [row["state"] for row in ledger.rows("SELECT state FROM rotation")] == ["sent"]
        kinds = ledger.rows("SELECT sequence, kind, state FROM batch WHERE way = 'sent' ORDER BY sequence, recorded_at")
    assert [(row["sequence"], row["kind"]) for row in kinds if row["state"] != "refused"] == [
        (1, "facts"), (2, "rekey"), (3, "facts")
    ]  # fmt: skip
    same.require(settings)
    assert status(settings, SITE)["rotations"][0]["epoch"] == 2


@pytest.mark.long
def test_a_batch_before_the_rotation_that_the_center_refused_comes_after_it(settings: Settings, same: Same) -> None:
    world.later_months(settings)
    extract(settings, SITE, silent)
    rotate(settings, SITE, silent)
    answer(settings, 2, "refused")
    world.go_on(settings)
    same.require(settings)


@pytest.mark.long
def test_a_batch_taken_back_before_the_rotation_leaves_nothing(settings: Settings) -> None:
    world.later_months(settings)
    world.go_on(settings)
    retract(settings, SITE, 2, reason="誤送付", files=[])
    rotate(settings, SITE, silent)
    world.go_on(settings)
    expected = world.copied(settings, settings.workspace.parent / "again")
    assert world.everything_old(expected, epoch.tokeniser(KeyRing(settings.site(SITE)), 1)) == 0


def test_results_sealed_before_the_rotation_still_open(settings: Settings) -> None:
    """By the key of their own epoch, and against the directory that has moved on."""
    import polars as pl

    from ingest import warehouse
    from ingest.identity.directory import Directory

    site, ring = settings.site(SITE), KeyRing(settings.site(SITE))
    with open_warehouse(settings.the_center(), KeyRing(settings.the_center()), read_only=True) as connection:
        returned = connection.execute("SELECT DISTINCT identity_tag, ciphertext FROM raw.identity").pl()

    def names() -> pl.DataFrame:
        with warehouse.open_database(
            site.directory, ring.secret("at-rest"), alias="directory", read_only=False
        ) as connection:
            return Directory(connection).reidentify(returned, epoch.tokeniser(ring, 1))

    before = names()
    rotate(settings, SITE, silent)
    assert names().equals(before) and before["name_kana"].drop_nulls().len() > 0


# -- what the center refuses ------------------------------------------------------------------------
SPOILT = (
    ("DELETE FROM pair WHERE purpose = 'record/claim' AND old_tag = (SELECT min(old_tag) FROM pair "
     "WHERE purpose = 'record/claim')", "raw.claim.record_key_tag: 1 tag"),
    ("DELETE FROM pair WHERE purpose = 'number'", "raw.identity_pass.pass_tag"),
    ("DELETE FROM ciphertext", "without one ciphertext"),
    ("INSERT INTO pair SELECT purpose, old_tag, sha256(new_tag)[:16]::BLOB FROM pair", "ambiguous"),
    ("UPDATE pair SET new_tag = new_tag || '\\x00'::BLOB WHERE purpose = 'record/claim'", "another length"),
    ("UPDATE ciphertext SET ciphertext = '\\x00'::BLOB || ciphertext", "another tag"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("spoil", "told"), [SPOILT[0], *(pytest.param(*spoilt, marks=pytest.mark.long) for spoilt in SPOILT[1:])]
)
def test_a_rekey_that_is_not_whole_is_refused_as_a_whole(
    settings: Settings, same: Same, monkeypatch: pytest.MonkeyPatch, spoil: str, told: str
) -> None:
    from ingest.site import rekey_pairs

    made = rekey_pairs.make

    def make_and_spoil(*given: object) -> None:
        made(*given)  # type: ignore[arg-type]
        given[5].execute(spoil)  # type: ignore[attr-defined]

    monkeypatch.setattr(rekey_pairs, "make", make_and_spoil)
    rotate(settings, SITE, silent)
    figures = receive(settings, silent)
    assert (figures["received"], figures["refused"]) == (0, 1)
    with Ledger(settings.the_center().ledger) as ledger:
        refused = ledger.rows("SELECT reason_code, message FROM batch WHERE state = 'refused'")
    assert refused[0]["reason_code"] == "contract" and told in refused[0]["message"]
    assert world.standing(settings, 1) == same.before
    monkeypatch.setattr(rekey_pairs, "make", made)
    world.go_on(settings)  # the site makes it anew
    assert world.standing(settings, 2) == same.before


@pytest.mark.parametrize("change", ["kind", pytest.param("epoch", marks=pytest.mark.long)])
def test_a_rekey_of_another_make_is_refused(settings: Settings, monkeypatch: pytest.MonkeyPatch, change: str) -> None:
    from ingest.site import outbox, rekey

    changes: dict[str, Callable[[], None]] = {
        "kind": lambda: monkeypatch.setitem(rekey._TABLES, "rekey_identity", "SELECT 1 AS identity_tag"),
        "epoch": lambda: monkeypatch.setattr(outbox, "seal", _sealed_as_epoch(1)),
    }
    changes[change]()
    rotate(settings, SITE, silent)
    assert receive(settings, silent)["refused"] == 1


def _sealed_as_epoch(number: int) -> Callable[..., object]:
    from ingest.sealing.seal import seal

    return lambda *given, **named: seal(*given, **(named | {"extra": {"epoch": number}}))


def test_a_file_that_is_not_read_any_more_stops_the_rotation_with_its_name(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ingest.formats.reading import FileRefused
    from ingest.site import rekey_pairs

    def refuse(path: Path) -> None:
        raise FileRefused("unrecognised", "どの様式にも当てはまりません")

    monkeypatch.setattr(rekey_pairs, "recognise", refuse)
    with pytest.raises(SiteError, match="is not read any more"):
        rotate(settings, SITE, silent)
    assert not list((settings.site(SITE).home / "rekey").rglob("*")), "no file lies about"
    monkeypatch.undo()
    assert rotate(settings, SITE, silent)["epoch"] == 2


def test_a_site_whose_command_has_no_new_key_begins_nothing(settings: Settings) -> None:
    site = settings.site(SITE)
    folder = site.keys
    by_command = site.model_copy(update={"unlock_command": f"sh -c 'cat {folder}/$0.key'"})
    changed = settings.model_copy(update={"sites": {**settings.sites, SITE: by_command}})
    with pytest.raises(SealingError, match="fresh key named identity-2"):
        rotate(changed, SITE, silent)
    assert current(settings) == 1 and status(settings, SITE)["rotations"] == []
