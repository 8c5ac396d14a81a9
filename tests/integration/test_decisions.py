"""A word of a named person on who is one: from the site to the center, through kills, rotations and a rebuild."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ingest import faults
from ingest.center.home import open_warehouse
from ingest.center.link import link
from ingest.center.rebuild import rebuild
from ingest.center.receive import receive
from ingest.identity.directory import Directory
from ingest.ledger import Ledger
from ingest.policy import audit
from ingest.progress import silent
from ingest.sealing.keys import KeyRing
from ingest.settings import Settings
from ingest.site import decisions
from ingest.site.databases import open_directory
from ingest.site.errors import SiteError
from ingest.site.extract import extract
from ingest.site.rekey import rotate
from tests import rekey_world
from tests import site_world as world
from tests.integration.test_center_rebuild import content
from tests.integration.test_site_extract import answer

pytestmark = pytest.mark.xdist_group("decisions")
SITE = "16"
BY, WHY = "富山花子", "住民票で確認"


class Killed(BaseException):
    """Stands for a kill: no handler of ours catches it."""


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The first months are at the center."""
    return rekey_world.sent_once(tmp_path_factory.mktemp("sent") / "here")


@pytest.fixture
def settings(sent: Settings, tmp_path: Path) -> Settings:
    return rekey_world.copied(sent, tmp_path / "here")


def members(settings: Settings) -> list[str]:
    """Tags (hex) of the 国保 members as their enrolment names them, by their number."""
    site = settings.site(SITE)
    with open_directory(site, KeyRing(site).secret("at-rest")) as connection:
        Directory(connection)
        rows = connection.execute(
            "SELECT DISTINCT number, lower(hex(identity_tag)) FROM people "
            "WHERE is_register AND scheme_code = 'kokuho' ORDER BY 1"
        ).fetchall()
    return [tag for _, tag in rows]


def persons(settings: Settings) -> dict[str, str]:
    """Person id (hex) by tag (hex)."""
    center = settings.the_center()
    with open_warehouse(center, KeyRing(center), read_only=True) as connection:
        return dict(
            connection.execute(
                "SELECT lower(hex(identity_tag)), lower(hex(person_id)) FROM link.identity_person"
            ).fetchall()
        )


def rows(settings: Settings, sql: str) -> list[tuple[Any, ...]]:
    center = settings.the_center()
    with open_warehouse(center, KeyRing(center), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def follow(settings: Settings) -> None:
    """The center takes and follows what the site has sent."""
    figures = receive(settings, silent)
    assert not figures["refused"] and not figures["held"], figures
    link(settings, silent)


def merge(settings: Settings, one: str, other: str, reason: str = WHY) -> str:
    return str(decisions.decide(settings, SITE, "merge", (one, other), silent, by=BY, reason=reason)["decision"])


def test_two_whom_a_person_calls_one_are_one_until_it_is_taken_back(settings: Settings) -> None:
    one, other, third, *_ = members(settings)
    before = persons(settings)
    assert len({before[one], before[other], before[third]}) == 3
    decided = merge(settings, one, other)
    follow(settings)
    after = persons(settings)
    assert after[one] == after[other] in {before[one], before[other]}
    assert {tag: after[tag] for tag in after if after[tag] != before[tag]}.keys() <= set(before)
    assert after[third] == before[third]
    gone = ({before[one], before[other]} - {after[one]}).pop()
    assert rows(settings, "SELECT lower(hex(old_person_id)), lower(hex(new_person_id)), reason FROM link.alias") == [
        (gone, after[one], "manual")
    ]
    changed = {row[0] for row in rows(settings, "SELECT lower(hex(person_id)) FROM control.change_person")}
    assert {gone, after[one]} <= changed
    assert rows(settings, "SELECT decided_by, reason FROM control.decision") == [(BY, WHY)]
    assert ("decision", "decision") in rows(settings, "SELECT pass_id, strength FROM link.person_tie")

    decisions.undo(settings, SITE, decided, silent, by=BY, reason="取り違え")
    follow(settings)
    assert persons(settings) == before


def test_what_was_taken_for_one_is_parted(settings: Settings) -> None:
    tags: dict[str, list[str]] = {}
    for tag, person in persons(settings).items():
        tags.setdefault(person, []).append(tag)
    one, other, *_ = next(sorted(group) for group in tags.values() if len(group) > 1)
    decisions.decide(settings, SITE, "split", (one, other), silent, by=BY, reason=WHY)
    follow(settings)
    after = persons(settings)
    assert after[one] != after[other]
    assert rows(settings, "SELECT DISTINCT reason FROM link.alias") == [("manual",)]


def test_of_several_words_on_one_pair_the_last_stands_and_a_rebuild_replays_them(settings: Settings) -> None:
    one, other, third, *_ = members(settings)
    merge(settings, one, other)
    decisions.decide(settings, SITE, "apart", (other, one), silent, by=BY, reason=WHY)
    first = merge(settings, one, third)
    follow(settings)
    last = merge(settings, other, one)
    decisions.undo(settings, SITE, last, silent, by=BY, reason="取り違え")  # so `apart` stands again
    follow(settings)
    after = persons(settings)
    assert after[one] == after[third] != after[other]
    before = content(settings)
    rebuild(settings, silent)
    found = content(settings)
    assert {name for name in before if found[name] != before[name]} == set()
    assert [(row["decision_id"], row["is_undone"]) for row in decisions.listed(settings, SITE)][2:4] == [
        (first, False), (last, True)
    ]  # fmt: skip


def test_decisions_go_through_a_rotation_of_the_identity_key(settings: Settings) -> None:
    one, other, *_ = members(settings)
    decided = merge(settings, one, other)
    follow(settings)
    before = rekey_world.standing(settings, 1)
    rotate(settings, SITE, silent)
    follow(settings)
    assert rekey_world.standing(settings, 2) == before
    new = [(row["one_tag"], row["other_tag"]) for row in decisions.listed(settings, SITE)]
    assert new[0] != (one, other) and set(new[0]) <= set(persons(settings))
    assert rows(settings, "SELECT lower(hex(one_tag)), lower(hex(other_tag)) FROM control.decision") == new
    decisions.undo(settings, SITE, decided, silent, by=BY, reason="取り違え")
    follow(settings)
    after = persons(settings)
    assert after[new[0][0]] != after[new[0][1]]


@pytest.mark.parametrize("place", ["paired", "noted", "sealed", "recording", "recorded"])
def test_a_kill_anywhere_leaves_the_word_said_once_or_not_at_all(
    settings: Settings, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other, *_ = members(settings)

    def die(name: str) -> None:
        if name == f"decide.{place}":
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(faults, "point", die)
        with pytest.raises(Killed):
            merge(settings, one, other)
    extract(settings, SITE, silent)  # any next step of the site
    follow(settings)
    said = 0 if place == "paired" else 1
    assert rows(settings, "SELECT count(*) FROM control.decision") == [(said,)]
    assert len(decisions.listed(settings, SITE)) == said
    after = persons(settings)
    assert (after[one] == after[other]) == bool(said)


def test_a_decision_behind_a_refused_batch_goes_again(settings: Settings) -> None:
    one, other, *_ = members(settings)
    rekey_world.later_months(settings)
    extract(settings, SITE, silent)
    merge(settings, one, other)
    answer(settings, 2, "refused")
    extract(settings, SITE, silent)
    follow(settings)
    after = persons(settings)
    assert after[one] == after[other]
    assert [row["state"] for row in decisions.listed(settings, SITE)] == ["sealed"]
    extract(settings, SITE, silent)
    assert [row["state"] for row in decisions.listed(settings, SITE)] == ["accepted"]


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("", "理由"),
        ("番号12345678と同じ", "7桁以上"),
        ("１９５０年５月２０日生まれ", "7桁以上"),
        (f"{world.NAME}さんは同一人", "氏名"),
        (f"カナ {world.KANA} が一致", "氏名"),
    ],
)
def test_a_reason_that_names_a_person_is_refused(settings: Settings, reason: str, told: str) -> None:
    one, other, *_ = members(settings)
    with pytest.raises(SiteError, match=told):
        merge(settings, one, other, reason)
    assert decisions.listed(settings, SITE) == []
    with Ledger(settings.site(SITE).ledger) as ledger:
        assert ledger.rows("SELECT 1 FROM batch WHERE kind = 'decision'") == []


def test_only_two_known_identities_are_decided_on(settings: Settings) -> None:
    one, *_ = members(settings)
    for pair, told in (((one, one), "同じタグ"), ((one, "00" * 16), "記録にありません"), ((one, "x"), "32桁")):
        with pytest.raises(SiteError, match=told):
            merge(settings, *pair)
    with pytest.raises(SiteError, match="取り消せる判断"):
        decisions.undo(settings, SITE, "none", silent, by=BY, reason=WHY)


def test_a_decision_is_undone_once(settings: Settings) -> None:
    one, other, *_ = members(settings)
    decided = merge(settings, one, other)
    decisions.undo(settings, SITE, decided, silent, by=BY, reason=WHY)
    with pytest.raises(SiteError, match="取り消せる判断"):
        decisions.undo(settings, SITE, decided, silent, by=BY, reason=WHY)


def test_every_word_is_in_the_audit_chain_of_the_site(settings: Settings) -> None:
    one, other, *_ = members(settings)
    decided = merge(settings, one, other)
    event = audit.events(decisions.audit_file(settings.site(SITE)))[-1]
    assert (event["action"], event["purpose"]) == ("linkage.merge", f"{BY}: {WHY}")
    assert event["object"] == f"{decided} {one} {other}"
