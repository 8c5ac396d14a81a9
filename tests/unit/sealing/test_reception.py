"""What comes in: the batch that is due, others in its folder or in the folder of another number."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.ledger import Ledger
from ingest.sealing.errors import BatchRefused
from ingest.sealing.keys import CENTER, KeyRing
from ingest.sealing.public import PUBLIC_FILE
from ingest.sealing.reception import Reception, last_of
from ingest.sealing.rotation import activate_signing, prepare_signing
from ingest.sealing.seal import Sealed
from ingest.settings import SiteSettings
from tests.unit.sealing.pair import SITE, Pair, make_pair


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return make_pair(tmp_path)


@pytest.fixture
def reception(pair: Pair) -> Iterator[Reception]:
    with Ledger(pair.settings.the_center().ledger) as ledger:
        yield Reception(
            CENTER, SITE, "facts", incoming=pair.settings.to_center(SITE), answers=pair.settings.to_site(SITE),
            ledger=ledger, ring=pair.center,
        )  # fmt: skip


def states(pair: Pair) -> list[tuple[int, str, str]]:
    with Ledger(pair.settings.the_center().ledger) as ledger:
        found = ledger.rows("SELECT sequence, state, reason_code FROM batch ORDER BY sequence, state")
    return [(row["sequence"], row["state"], row["reason_code"]) for row in found]


def test_nothing_came_before_anybody_handed_something_over(reception: Reception) -> None:
    assert reception.arrived() == []
    assert reception.accepted() == {}
    assert last_of({}) == 0


def test_only_whole_folders_of_a_number_have_arrived(pair: Pair, reception: Reception) -> None:
    pair.seal(1)
    folder = pair.folder(1).parent
    (folder / ".000002.tmp-1").mkdir()
    (folder / "notes").mkdir()
    (folder / "000003").write_bytes(b"")
    assert reception.arrived() == [1]


def _chain(pair: Pair, count: int) -> list[Sealed]:
    found: list[Sealed] = []
    for number in range(1, count + 1):
        found.append(pair.seal(number, found[-1].manifest_hash if found else None))
    return found


def test_what_stands_under_a_taken_number_is_refused_passed_over_or_the_batch_itself(
    pair: Pair, reception: Reception
) -> None:
    first, second, third = _chain(pair, 3)
    taken = {1: first.manifest_hash}
    assert reception.watch(taken, pair.private) == 0, "the batch itself"
    first.path.rename(pair.folder(9))
    second.path.rename(first.path)
    assert reception.watch(taken, pair.private) == 0, "the one that is due, in another folder"
    first.path.rename(second.path)
    third.path.rename(first.path)
    assert reception.watch(taken, pair.private) == 0, "one before its turn, in another folder"
    (first.path / "manifest.sig").write_bytes(b"x" * 64)
    assert reception.watch(taken, pair.private) == 1
    assert states(pair) == [(1, "refused", "signature")]
    assert not pair.private.exists()


def test_a_batch_is_noted_as_held_refused_and_at_last_accepted(pair: Pair, reception: Reception) -> None:
    first, second = _chain(pair, 2)
    reception.hold([2])
    path = next(first.path.glob("*_claim.parquet"))
    path.unlink()
    with pytest.raises(BatchRefused) as caught:
        reception.open(1, pair.private, {})
    assert reception.refuse(1, caught.value) == first.manifest_hash
    assert states(pair) == [(1, "refused", "missing_file"), (2, "held", "sequence")]
    again = pair.seal_into(pair.folder(7), 1, None, replaces=first.manifest_hash)
    again.path.rename(first.path.with_name("000001.away"))
    first.path.rename(pair.folder(8))
    first.path.with_name("000001.away").rename(first.path)
    batch = reception.open(1, pair.private, {})
    with Ledger(pair.settings.the_center().ledger) as ledger, ledger.transaction() as connection:
        reception.accept(connection, 1, batch.manifest_hash, "facts", {"rows": {}})
    reception.hold([])
    assert reception.accepted() == {1: again.manifest_hash}
    assert [state for _, state, _ in states(pair)] == ["accepted"]
    assert reception.reopen(pair.private, batch.manifest_hash).rows("claim") == 500
    assert second.path.is_dir()


def test_a_center_that_was_put_back_takes_again_what_keys_of_long_ago_signed(pair: Pair, reception: Reception) -> None:
    site, chain = pair.settings.site(SITE), [pair.seal(1)]
    for number in (2, 3):  # two rotations, each with a batch that the center takes
        prepare_signing(SITE, site)
        pair.center.pin(activate_signing_file(site))
        pair.site = KeyRing(site)
        chain.append(pair.seal(number, chain[-1].manifest_hash))
        pair.center.settle_peer(SITE, chain[-1].path)
    taken: dict[int, str] = {}
    for number, sealed in enumerate(chain, start=1):  # the warehouse is of before the first, the keys are of today
        reception.open(number, pair.private, taken).discard()
        taken[number] = sealed.manifest_hash

    stolen = KeyRing(site).numbered("signing", 1)
    forged = pair.seal(4, chain[-1].manifest_hash, signing_key=stolen)
    with pytest.raises(BatchRefused, match="signature"):
        reception.open(4, pair.private, taken)
    forged.path.rename(pair.folder(9))
    with pytest.raises(BatchRefused, match="signature"):
        reception.open(9, pair.private, taken)


def activate_signing_file(site: SiteSettings) -> bytes:
    """The newest public file of a site, its prepared signing key in use."""
    activate_signing(site)
    return (site.keys / PUBLIC_FILE).read_bytes()
