"""How old the keys of a party are, and which of them is due to be rotated (``key_ages.csv``)."""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path

from ingest.doctor.finding import Finding
from ingest.sealing import key_numbers
from ingest.sealing.inventory import IN_USE, facts
from ingest.sealing.keytable import split
from ingest.settings import PartySettings
from ingest.site import epoch

AGES_FILE = Path(__file__).with_name("key_ages.csv")
_CHECK = "key_age"


@cache
def maximum_days(kind: str) -> int:
    """After how many days a key of a kind is due to be rotated."""
    with AGES_FILE.open(encoding="utf-8", newline="") as handle:
        return {row["kind"]: int(row["maximum_days"]) for row in csv.DictReader(handle)}[kind]


def examine(name: str, party: PartySettings, today: date | None = None) -> list[Finding]:
    """The age of every key in use, those that are due, and rotations that are not through."""
    return [*_due(name, party, today or datetime.now(UTC).date()), *_unfinished(name, party)]


def _due(name: str, party: PartySettings, today: date) -> list[Finding]:
    told, due = [], []
    for fact in facts(party, epoch.of_party(party)):
        if fact.state != IN_USE:
            continue
        if fact.made_on is None:  # a key that a command gives: only its store knows
            told.append(f"{fact.name} 不明")
            continue
        age = (today - fact.made_on).days
        told.append(f"{fact.name} {age:,}日")
        kind = split(fact.name)[0]
        if age > maximum_days(kind):
            due.append(kind)
    what = f"鍵の古さ: {'、'.join(told)}"
    if not due:
        return [Finding(_CHECK, name, "ok", what)]
    remedy = "、".join(f"`tsumugi keys rotate {kind} --party {name}`" for kind in due)
    return [Finding(_CHECK, name, "note", f"{what}。更新の時期を過ぎた鍵があります", remedy)]


def _unfinished(name: str, party: PartySettings) -> list[Finding]:
    return [
        Finding(
            "key_rotation", name, "wrong", f"鍵 {kind} の更新が途中です。終わるまでほかの処理は動きません",
            f"`tsumugi keys rotate {kind} --party {name}` か `tsumugi run`",
        )
        for kind in key_numbers.unfinished(party)
    ]  # fmt: skip
