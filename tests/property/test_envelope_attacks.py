"""Generated attacks on sealed batches: none lands a row, each is answered by its own reason; genuine ones are taken."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.sealing import hpke
from ingest.sealing.errors import BatchHeld, BatchRefused
from tests.attacks import campaign
from tests.attacks.kinds import KINDS
from tests.unit.sealing.pair import Pair, make_pair


def test_a_few_attacks_of_every_kind_and_the_genuine_batches_between_them(tmp_path: Path) -> None:
    figures = campaign.run(tmp_path, 2 * len(KINDS), 2)
    assert figures["attacks"] == figures["refused"] + figures["held"] == 2 * len(KINDS)
    assert all(sum(answers.values()) == 2 for answers in figures["by_kind"].values())
    assert figures["genuine_accepted"] == 3 + campaign.STORY


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return make_pair(tmp_path)


def test_the_key_of_another_party_does_not_open_a_batch(pair: Pair) -> None:
    with pytest.raises(BatchRefused) as caught:
        pair.open(pair.seal().path, private_key=hpke.generate_private())
    assert caught.value.reason_code == "wrapped_key"
    assert not pair.private.exists()


def test_a_batch_of_another_sender_is_refused_by_its_pinned_key(pair: Pair) -> None:
    other = pair.center.peer("31").signing
    with pytest.raises(BatchRefused) as caught:
        pair.open(pair.seal().path, sender="31", pinned_public=other)
    assert caught.value.reason_code == "signature"


def test_what_was_taken_is_known_by_its_hash(pair: Pair) -> None:
    first = pair.seal(1)
    second = pair.seal(2, first.manifest_hash)
    for taken, reason in (({1: first.manifest_hash}, "replay"), ({1: "0" * 64}, "same_number"), ({}, "replay")):
        with pytest.raises(BatchRefused) as caught:
            pair.open(first.path, 2, first.manifest_hash, taken=taken)
        assert caught.value.reason_code == reason
        assert not caught.value.is_due
    with pytest.raises(BatchHeld):
        pair.open(second.path, 1, None)


def test_after_a_refusal_only_the_same_or_what_names_it_is_opened(pair: Pair) -> None:
    first = pair.seal(1)
    assert pair.open(first.path, refused={first.manifest_hash, "0" * 64}).manifest_hash == first.manifest_hash
    with pytest.raises(BatchRefused) as caught:
        pair.open(first.path, refused={"0" * 64})
    assert (caught.value.reason_code, caught.value.is_due) == ("same_number", True)
    named = pair.seal_into(pair.folder(1).with_name("named"), 1, None, replaces="0" * 64)
    assert pair.open(named.path, refused={"0" * 64}).manifest.replaces == "0" * 64
    assert pair.open(named.path).manifest.replaces == "0" * 64, "a receiver without a record takes what comes"
