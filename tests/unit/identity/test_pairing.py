"""Pairs of tags: for everything that a delivery makes, what the old key and the new key make of the same text."""

from __future__ import annotations

import polars as pl

from ingest.formats.contracts import CONTRACTS
from ingest.identity.pairing import Pairing
from ingest.identity.tokens import SealedTables, Tokeniser
from tests.handmade import frame
from tests.unit.identity.people import KEY, claims, enrolment

NEW_KEY = bytes(reversed(KEY))
PREFECTURE = "16"


def tagged(sealed: SealedTables) -> dict[str, pl.Series]:
    """Every tag column of tables in the order of their rows, by its purpose."""
    found = {}
    for name, table in sealed.tables.items():
        contract = CONTRACTS[name]
        columns = {"record_key_tag": f"record/{name}", "identity_tag": "identity"}
        columns |= {f"{column}_tag": f"key/{column}" for column in contract.names("key")}
        found |= {f"{name} {purpose}": table[c] for c, purpose in columns.items() if c in table.columns}
    return found


def test_every_tag_of_a_delivery_has_its_pair_under_its_purpose() -> None:
    plain = {"enrolment": enrolment({}), "claim": claims({})}
    older, newer = Tokeniser(KEY, 1), Tokeniser(NEW_KEY, 2)
    pairing = Pairing(KEY, 1, newer)
    assert pairing.seal_tables(plain, PREFECTURE).identity.equals(older.seal_tables(plain, PREFECTURE).identity)
    assert pairing.member_tags(plain["enrolment"]).equals(older.member_tags(plain["enrolment"]))
    pairs, ciphertexts = pairing.taken()
    known = {(purpose, old): new for purpose, old, new in pairs.iter_rows()}
    assert len(known) == pairs.height == len({(purpose, new) for purpose, _, new in pairs.iter_rows()})

    before, after = (one.seal_tables(plain, PREFECTURE) for one in (older, newer))
    expected = {
        (place.split(" ")[1], old): new
        for place, column in tagged(before).items()
        for old, new in zip(column, tagged(after)[place], strict=True)
        if old is not None
    }
    names = dict(before.people.select("identity_tag", "identity_text").iter_rows())
    by_text = dict(after.people.select("identity_text", "identity_tag").iter_rows())
    tokens = {(by_text[names[tag]], name): value for tag, name, _, value in before.identity_pass.iter_rows()}
    newer_tokens = {(tag, name): (purpose, value) for tag, name, purpose, value in after.identity_pass.iter_rows()}
    assert tokens.keys() == newer_tokens.keys()
    expected |= {(newer_tokens[place][0], old): newer_tokens[place][1] for place, old in tokens.items()}
    members = zip(older.member_tags(plain["enrolment"]), newer.member_tags(plain["enrolment"]), strict=True)
    expected |= {("member/enrolment", old): new for old, new in members}
    assert known == expected
    assert dict(ciphertexts.iter_rows()) == dict(after.identity.select("identity_tag", "ciphertext").iter_rows())
    assert len(known) == 12


def test_what_was_taken_is_not_given_twice() -> None:
    pairing = Pairing(KEY, 1, Tokeniser(NEW_KEY, 2))
    pairing.seal_tables({"claim": frame("claim", [])}, PREFECTURE)
    pairs, ciphertexts = pairing.taken()
    assert pairs.is_empty() and ciphertexts.is_empty()
    pairing.tags("a", ["x", "x", "y"])
    assert pairing.taken()[0].height == 2
    assert pairing.taken()[0].is_empty()
