"""Public files: a new signing key is taken on the word of the old one, which is accepted no longer than need be."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ingest.sealing import public
from ingest.sealing.errors import BatchRefused, KeyError_
from ingest.sealing.keys import CENTER, KeyRing, public_of
from ingest.sealing.manifest import canonical
from ingest.sealing.public import PublicKeys
from ingest.sealing.rotation import activate_signing, prepare_signing, rotate_envelope
from ingest.settings import SiteSettings
from tests.unit.sealing.pair import SITE, Pair, make_pair


@pytest.fixture()
def pair(tmp_path: Path) -> Pair:
    return make_pair(tmp_path)


def site(pair: Pair) -> SiteSettings:
    return pair.settings.site(SITE)


def rotated(pair: Pair, times: int = 1) -> bytes:
    """The site signs with its next key; returns its newest public file, which nobody has pinned."""
    for _ in range(times):
        prepare_signing(SITE, site(pair))
        activate_signing(site(pair))
    pair.site = KeyRing(site(pair))
    return (site(pair).keys / public.PUBLIC_FILE).read_bytes()


def test_a_first_key_is_taken_with_its_fingerprint_only(pair: Pair, tmp_path: Path) -> None:
    document = (site(pair).keys / public.PUBLIC_FILE).read_bytes()
    with pytest.raises(KeyError_, match="not known here yet"):
        public.pin(tmp_path / "keys", document, None)
    assert public.pinned_parties(tmp_path / "keys") == []
    public.pin(tmp_path / "keys", document, pair.site.public().fingerprint)
    assert public.pinned_parties(tmp_path / "keys") == [SITE]


def test_a_new_signing_key_is_taken_on_the_word_of_the_old_one(pair: Pair) -> None:
    old = pair.site.public()
    new = pair.center.pin(rotated(pair))
    assert new.signing != old.signing and new.signing_number == 2
    pinned = pair.center.peer(SITE)
    assert pinned.verifying == new.signing + old.signing
    assert pinned.fingerprint == pair.site.public().fingerprint != old.fingerprint


def test_a_file_that_the_pinned_key_did_not_sign_needs_the_fingerprint(pair: Pair) -> None:
    newest = rotated(pair, times=2)  # the one between never came
    with pytest.raises(KeyError_, match="not signed by the key that is pinned"):
        pair.center.pin(newest)
    pair.center.pin(newest, pair.site.public().fingerprint)
    assert pair.center.peer(SITE).signing_number == 3


def test_a_forged_handover_is_not_taken(pair: Pair) -> None:
    stranger = KeyRing(pair.settings.site("31"))
    content = json.loads(public_of(SITE, stranger, 1, 1))
    content["before"] = {"signing": pair.site.public().signing.hex(), "signature": "00" * 64}
    with pytest.raises(KeyError_, match="not signed by the key that is pinned"):
        pair.center.pin(canonical(content))
    content["before"]["signing"] = stranger.public().signing.hex()
    with pytest.raises(KeyError_, match="not signed by the key that is pinned"):
        pair.center.pin(canonical(content))


def test_an_older_file_does_not_come_back(pair: Pair) -> None:
    old = (site(pair).keys / public.PUBLIC_FILE).read_bytes()
    rotate_envelope(SITE, site(pair))
    pair.center.pin((site(pair).keys / public.PUBLIC_FILE).read_bytes())
    with pytest.raises(KeyError_, match="older than the one"):
        pair.center.pin(old)


def test_the_old_key_is_accepted_until_the_first_batch_under_the_new_one(pair: Pair) -> None:
    on_its_way = pair.seal()
    old_key = pair.site.secret("signing")
    pair.center.pin(rotated(pair))
    accepted = {"pinned_public": pair.center.peer(SITE).verifying}
    batch = pair.open(on_its_way.path, **accepted)
    pair.center.settle_peer(SITE, batch.folder)
    second = pair.seal(2, on_its_way.manifest_hash)
    batch = pair.open(second.path, 2, on_its_way.manifest_hash, **accepted)
    assert len(pair.center.peer(SITE).verifying) == 64, "the batch before was under the old key"
    pair.center.settle_peer(SITE, batch.folder)
    pair.center.settle_peer(SITE, batch.folder)

    peer = pair.center.peer(SITE)
    assert peer.verifying == pair.site.public().signing
    forged = pair.seal(3, second.manifest_hash, signing_key=old_key)
    with pytest.raises(BatchRefused, match="signature"):
        pair.open(forged.path, 3, second.manifest_hash, pinned_public=peer.verifying)
    assert pair.open(on_its_way.path, pinned_public=peer.ever), "what was kept from before is read again"


def test_a_second_new_key_retires_the_one_before_the_last(pair: Pair) -> None:
    first = pair.site.public().signing
    pair.center.pin(rotated(pair))
    second = pair.site.public().signing
    pair.center.pin(rotated(pair))
    peer = pair.center.peer(SITE)
    assert (peer.before, [key.signing for key in peer.retired]) == (second, [first])
    assert peer.accepting(1) == peer.verifying, "of what time it is nobody knows yet"
    assert public.pinned_parties(pair.settings.the_center().keys) == [SITE, "31"]


def test_a_retired_key_is_accepted_for_batches_of_its_time(pair: Pair) -> None:
    of_each = [pair.seal()]
    keys = [pair.site.secret("signing")]
    for number in (2, 3, 4):  # one batch under each key; of the second rotation the center hears late
        newest = rotated(pair)
        pair.center.pin(newest)
        if number == 3:
            pair.center.pin(rotated(pair))
        keys.append(pair.site.secret("signing"))
        of_each.append(pair.seal(number, of_each[-1].manifest_hash))
        pair.center.settle_peer(SITE, of_each[-1].path)

    peer = pair.center.peer(SITE)
    assert peer.before == b""
    assert [(key.number, key.until) for key in peer.retired] == [(1, 1), (2, 2), (3, 2), (4, 3)]
    assert {key.retired_on for key in peer.retired} == {datetime.now(UTC).date()}
    for number, sealed in enumerate(of_each, start=1):
        previous = of_each[number - 2].manifest_hash if number > 1 else None
        accepted = {"pinned_public": peer.accepting(number)}
        assert pair.open(sealed.path, number, previous, **accepted).rows("claim") == 500
        forged = pair.seal_into(pair.folder(10 + number), number, previous, signing_key=keys[0])
        if number > 1:
            with pytest.raises(BatchRefused, match="signature"):
                pair.open(forged.path, number, previous, **accepted)


def test_a_key_that_is_retired_twice_because_of_a_kill_stands_once(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    pair.center.pin(rotated(pair))
    batch = pair.seal()
    with monkeypatch.context() as killed:
        killed.setattr(Path, "unlink", lambda *_: (_ for _ in ()).throw(InterruptedError()))
        with pytest.raises(InterruptedError):
            pair.center.settle_peer(SITE, batch.path)
    pair.center.settle_peer(SITE, batch.path)
    assert len(pair.center.peer(SITE).retired) == 1 and pair.center.peer(SITE).before == b""


def test_what_was_sealed_to_the_envelope_key_before_still_opens(pair: Pair) -> None:
    to_old = pair.seal()
    center = pair.settings.the_center()
    rotate_envelope(CENTER, center)
    pair.site.pin((center.keys / public.PUBLIC_FILE).read_bytes())
    pair.center = KeyRing(center)
    assert len(pair.center.secret("envelope")) == 2 * 96
    assert pair.open(to_old.path).rows("claim") == 500
    to_new = pair.seal(2, to_old.manifest_hash)
    assert pair.open(to_new.path, 2, to_old.manifest_hash).rows("claim") == 500
    with pytest.raises(BatchRefused, match="wrapped_key"):
        pair.open(to_new.path, 2, to_old.manifest_hash, private_key=pair.center.numbered("envelope", 1))


def test_a_retired_envelope_key_may_be_destroyed(pair: Pair, tmp_path: Path) -> None:
    center = pair.settings.the_center()
    rotate_envelope(CENTER, center)
    (center.keys / "envelope.key").chmod(0o644)
    with pytest.raises(KeyError_, match="chmod 600"):
        KeyRing(center).secret("envelope")
    newest = KeyRing(center).numbered("envelope", 2)
    (center.keys / "envelope.key").unlink()
    assert KeyRing(center).secret("envelope") == newest
    by_command = center.model_copy(update={"unlock_command": f"sh -c 'cat {center.keys}/$0.key'"})
    assert KeyRing(by_command).secret("envelope") == newest


def test_an_envelope_key_made_while_a_signing_key_waits_is_named_by_both_files(pair: Pair) -> None:
    waiting = prepare_signing(SITE, site(pair))
    assert prepare_signing(SITE, site(pair)).read_bytes() == waiting.read_bytes()
    now = rotate_envelope(SITE, site(pair))
    old, new = public.read_public(now), public.read_public(waiting)
    assert old.envelope == new.envelope and old.signing != new.signing
    assert activate_signing(site(pair)) == new
    with pytest.raises(KeyError_, match="no signing key is prepared"):
        activate_signing(site(pair))


@pytest.mark.parametrize(
    "change",
    [
        {"numbers": {"envelope": 1}},
        {"numbers": {"envelope": 2, "signing": 2}},
        {"envelope": "00"},
        {"before": {"signing": "zz"}},
        {"signing": 7},
    ],
)
def test_a_changed_public_file_is_no_public_file(pair: Pair, change: dict[str, object]) -> None:
    content = json.loads((site(pair).keys / public.PUBLIC_FILE).read_bytes())
    with pytest.raises(KeyError_, match="public key file"):
        PublicKeys.from_document(canonical(content | change))


def test_a_fingerprint_is_read_in_short_lines(pair: Pair) -> None:
    lines = public.to_read_aloud(pair.site.public().fingerprint)
    assert [len(line.split()) for line in lines] == [4, 4, 2]
    assert " ".join(lines) == pair.site.public().fingerprint
