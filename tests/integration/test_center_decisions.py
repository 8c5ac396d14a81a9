"""Decisions as the center takes them: whole or refused, and in force by the site's own order, never by arrival."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from ingest.center.decisions import listed
from ingest.center.home import open_warehouse
from ingest.center.link import link
from ingest.center.receive import receive
from ingest.center.review import review
from ingest.center.schema import DECISION
from ingest.ledger import Ledger
from ingest.progress import silent
from ingest.sealing.keys import CENTER, KeyRing
from ingest.sealing.seal import seal
from ingest.settings import Settings
from ingest.warehouse import connect
from tests.integration.center_world import demo_workspace, load_of, receipt, rows, seal_load, seal_retraction
from tests.property.link_world import Load, tag

BIRTH = date(1950, 5, 20)


def identity(number: str) -> bytes:
    """The tag of a member of ``load_of``."""
    return tag("16", "identity", "kokuho", "160010", number, "01", f"ナマエ{number}", BIRTH, "1")


def said(decision_id: str, code: str, one: str | None = None, other: str | None = None, **more: Any) -> dict[str, Any]:
    """A row of the table of decisions."""
    tags = {"one_tag": identity(one) if one else None, "other_tag": identity(other) if other else None}
    whole = {"decision_id": decision_id, "place": 1, "decision_code": code, "undone_id": "", "decided_by": "富山花子",
             "decided_on": date(2025, 3, 3), "reason": "住民票で確認"}  # fmt: skip
    return whole | tags | more


def seal_decisions(
    settings: Settings, lines: list[dict[str, Any]], sequence: int, previous: str | None, table: str = "decision"
) -> str:
    ring = KeyRing(settings.site("16"))
    with connect(threads=1) as connection:
        numbered = [{"place": place} | line for place, line in enumerate(lines, start=1)]
        connection.register("told", pl.DataFrame(numbered, schema=DECISION).to_arrow())
        return seal(
            connection,
            {table: "SELECT * FROM told"},
            settings.to_center("16") / f"{sequence:06d}",
            sender="16",
            recipient=CENTER,
            sequence=sequence,
            previous_hash=previous,
            kind="decision",
            signing_key=ring.secret("signing"),
            recipient_public=ring.peer(CENTER).envelope,
        ).manifest_hash


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return demo_workspace(tmp_path)


def groups(settings: Settings) -> list[int]:
    """Sizes of the persons, the largest first."""
    found = rows(settings, "SELECT count(*) FROM link.identity_person GROUP BY person_id ORDER BY 1 DESC")
    return [size for (size,) in found]


def test_a_decision_waits_for_identities_that_have_not_come(settings: Settings) -> None:
    early = seal_decisions(settings, [said("a", "merge", "1", "2")], 1, None)
    first = seal_load(settings, load_of("16", "1"), 2, early)
    receive(settings, silent)
    link(settings, silent)
    assert groups(settings) == [1]
    seal_load(settings, load_of("16", "2"), 3, first.manifest_hash)
    receive(settings, silent)
    link(settings, silent)
    assert groups(settings) == [2]


def test_the_last_word_on_a_pair_stands_and_an_undone_one_counts_for_nothing(settings: Settings) -> None:
    last = seal_load(settings, load_of("16", "1", "2", "3"), 1).manifest_hash
    steps: list[tuple[list[dict[str, Any]], list[int]]] = [
        ([said("a", "merge", "1", "2")], [2, 1]),
        ([said("b", "apart", "2", "1")], [1, 1, 1]),
        ([said("c", "undo", undone_id="b")], [2, 1]),
        ([said("d", "split", "1", "2", place=1), said("e", "merge", "2", "3", place=2)], [2, 1]),
        ([said("f", "undo", undone_id="d", place=1), said("g", "undo", undone_id="a", place=2)], [2, 1]),
        ([said("h", "undo", undone_id="nobody knows it")], [2, 1]),
    ]
    for sequence, (lines, expected) in enumerate(steps, start=2):
        last = seal_decisions(settings, lines, sequence, last)
        assert receive(settings, silent)["refused"] == 0
        link(settings, silent)
        assert groups(settings) == expected, lines
    center = settings.the_center()
    with open_warehouse(center, KeyRing(center), read_only=True) as connection:
        in_force = [row["decision_id"] for row in listed(connection) if row["is_in_force"]]
    assert in_force == ["e"]


SPOILT = (
    [said("a", "marry", "1", "2")],
    [said("a", "merge", "1", "1")],
    [said("a", "merge", "1")],
    [said("a", "merge", "1", "2", undone_id="x")],
    [said("a", "undo", "1", "2", undone_id="x")],
    [said("a", "undo")],
    [said("a", "merge", "1", "2", decided_by=" ")],
    [said("a", "merge", "1", "2", reason="")],
    [said("", "merge", "1", "2")],
    [said("a", "merge", "1", "2", decided_on=None)],
    [said("a", "merge", "1", "2", one_tag=b"short")],
    [said("a", "merge", "1", "2"), said("a", "apart", "1", "3", place=2)],
)


@pytest.mark.parametrize("lines", SPOILT)
def test_decisions_that_are_not_whole_are_refused_as_a_whole(settings: Settings, lines: list[dict[str, Any]]) -> None:
    first = seal_load(settings, load_of("16", "1", "2"), 1)
    seal_decisions(settings, lines, 2, first.manifest_hash)
    assert receive(settings, silent)["refused"] == 1
    assert receipt(settings, "16", 2).reason_code == "contract"
    assert rows(settings, "SELECT count(*) FROM control.decision") == [(0,)]


def test_another_table_or_a_number_that_was_taken_is_refused(settings: Settings) -> None:
    last = seal_load(settings, load_of("16", "1", "2"), 1).manifest_hash
    seal_decisions(settings, [said("a", "merge", "1", "2")], 2, last, table="claim")
    assert receive(settings, silent)["refused"] == 1
    with Ledger(settings.the_center().ledger) as ledger:
        message = ledger.rows("SELECT message FROM batch WHERE state = 'refused'")[0]["message"]
    assert "table of them and no other" in message


def test_the_same_number_twice_is_refused(settings: Settings) -> None:
    last = seal_load(settings, load_of("16", "1", "2"), 1).manifest_hash
    last = seal_decisions(settings, [said("a", "merge", "1", "2")], 2, last)
    seal_decisions(settings, [said("a", "apart", "1", "2")], 3, last)
    figures = receive(settings, silent)
    assert (figures["received"], figures["refused"]) == (2, 1)


def test_identities_that_are_taken_back_and_come_again_find_the_word_on_them(settings: Settings) -> None:
    first = seal_load(settings, load_of("16", "1"), 1)
    second = seal_load(settings, load_of("16", "2"), 2, first.manifest_hash)
    third = seal_decisions(settings, [said("a", "merge", "1", "2")], 3, second.manifest_hash)
    receive(settings, silent)
    link(settings, silent)
    assert groups(settings) == [2]
    fourth = seal_retraction(settings, 2, 4, third)
    receive(settings, silent)
    link(settings, silent)
    assert groups(settings) == [1]
    seal_load(settings, load_of("16", "2"), 5, fourth)
    receive(settings, silent)
    link(settings, silent)
    assert groups(settings) == [2]


def test_two_of_one_name_whose_enrolments_never_overlap_are_listed_until_somebody_decides(settings: Settings) -> None:
    load = Load("16")
    for number, start, end in (("1", date(2020, 4, 1), date(2022, 4, 1)), ("2", date(2023, 4, 1), None)):
        one = load.person("kokuho", "160010", number, branch="01", kana="オナジ")
        load.enrol(one, "kokuho", "160010", start, end)
        load.claims(one, "kokuho", "160010", start)
    sure = [load.person("kokuho", "160010", "7", branch="01", kana=kana) for kana in ("ナマエ", "ナマヘ")]
    for one, start in zip(sure, (date(2020, 4, 1), date(2023, 4, 1)), strict=True):
        load.enrol(one, "kokuho", "160010", start, date(start.year + 1, 4, 1))
    first = seal_load(settings, load, 1)
    receive(settings, silent)
    link(settings, silent)
    told = review(settings)
    assert told["persons"] == 1, "those whom their number ties are not listed"
    (pair,) = told["pairs"].to_dicts()
    ends = (pair["one_tag"], pair["other_tag"])
    assert (pair["pass_id"], pair["scheme_code"]) == ("name_town", "kokuho")
    assert (pair["one_end_date"], pair["other_start_date"]) == (date(2022, 4, 1), date(2023, 4, 1))
    said_so = said("a", "merge") | {"one_tag": ends[0], "other_tag": ends[1]}
    seal_decisions(settings, [said_so], 2, first.manifest_hash)
    receive(settings, silent)
    link(settings, silent)
    told = review(settings)
    assert told["persons"] == 0 and told["pairs"].is_empty()
    assert groups(settings) == [2, 2]
