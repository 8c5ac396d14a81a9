"""The key table of the design as data: which keys a party holds and what each opens (``keytable.csv``).

Keys are numbered: ``signing`` is the first, ``signing-2`` the one after it. Identity keys carry their number (their
epoch) from the first on: ``identity-1``. Which number is in use stands where ``numbered_by`` says: the epoch of the
site, the party's public file, or its ledger (``key_numbers``), which lies beside the data that the key encrypts.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ingest.sealing.errors import KeyError_
from ingest.settings import PartySettings, SiteSettings

TABLE_FILE = Path(__file__).with_name("keytable.csv")
CENTER = "center"
IDENTITY, ENVELOPE, SIGNING = "identity", "envelope", "signing"
AT_REST, AUDIT, LINK = "at-rest", "audit", "link"
TENANT_MASTER, STATISTICS_MASTER = "tenant-master", "statistics-master"
BY_EPOCH, BY_PUBLIC_FILE, BY_LEDGER = "epoch", "public", "ledger"


@dataclass(frozen=True)
class KeyKind:
    """One row of the table: ``party`` is "site" or "center"."""

    kind: str
    parties: tuple[str, ...]
    numbered_by: str
    opens_ja: str
    opens_en: str


@cache
def kinds() -> tuple[KeyKind, ...]:
    """The whole table, in its order."""
    with TABLE_FILE.open(encoding="utf-8", newline="") as handle:
        return tuple(
            KeyKind(row["kind"], tuple(row["parties"].split()), row["numbered_by"], row["opens_ja"], row["opens_en"])
            for row in csv.DictReader(handle)
        )


def kinds_of(party: PartySettings) -> list[KeyKind]:
    """The kinds of keys that a party holds."""
    name = "site" if isinstance(party, SiteSettings) else CENTER
    return [kind for kind in kinds() if name in kind.parties]


def numbered(kind: str, number: int) -> str:
    """Name of the key of a kind and number."""
    return kind if number == 1 and kind != IDENTITY else f"{kind}-{number}"


def split(name: str) -> tuple[str, int]:
    """Kind and number of a key's name; KeyError_ where no key is called so."""
    for kind in kinds():
        if name == kind.kind and kind.kind != IDENTITY:
            return name, 1
        number = name.removeprefix(f"{kind.kind}-")
        if number != name and number.isdecimal() and name == numbered(kind.kind, int(number)):
            return kind.kind, int(number)
    raise KeyError_(f"no key is called '{name}'")


def by_ledger() -> frozenset[str]:
    """The kinds whose number in use the ledger knows."""
    return frozenset(kind.kind for kind in kinds() if kind.numbered_by == BY_LEDGER)


def is_name(name: str) -> bool:
    """Whether a key may be called ``name``."""
    try:
        split(name)
    except KeyError_:
        return False
    return True
