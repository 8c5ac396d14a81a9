"""The table of keys tells what there is and what is wrong, and never a secret."""

from __future__ import annotations

import shlex
import sys
from dataclasses import astuple
from datetime import date
from pathlib import Path

import pytest

from ingest.sealing import keytable, unlock
from ingest.sealing.errors import KeyError_
from ingest.sealing.inventory import IN_USE, MISSING, PREPARED, RETIRED, check, facts
from ingest.sealing.keyfiles import create_private, write_private
from ingest.sealing.keys import CENTER, KeyRing, make_key, wrap_keys
from ingest.sealing.rotation import prepare_key, prepare_signing, rotate_envelope
from tests.unit.sealing.pair import SITE, Pair, make_pair


@pytest.fixture()
def pair(tmp_path: Path) -> Pair:
    return make_pair(tmp_path)


def test_the_table_names_every_key_and_no_secret(pair: Pair) -> None:
    party = pair.settings.site(SITE)
    found = {fact.name: fact for fact in facts(party)}
    assert set(found) == {path.stem for path in party.keys.glob("*.key")}
    assert {fact.state for fact in found.values()} == {IN_USE}
    assert {fact.stored for fact in found.values()} == {"file"}
    assert {fact.made_on for fact in found.values()} == {date.today()}
    assert {name for name, fact in found.items() if fact.fingerprint} == {"signing", "envelope"}
    told = repr([astuple(fact) for fact in found.values()])
    assert not any(unlock.unlocked(party, name).hex()[:16] in told for name in found)
    assert {fact.name for fact in facts(pair.settings.the_center())} >= {"link"}


def test_old_and_prepared_keys_are_told_apart(pair: Pair) -> None:
    party = pair.settings.site(SITE)
    rotate_envelope(SITE, party)
    prepare_signing(SITE, party)
    make_key(party, "identity-2")
    states = {fact.name: fact.state for fact in facts(party, epoch=2)}
    assert states["envelope"] == RETIRED and states["envelope-2"] == IN_USE
    assert states["signing"] == IN_USE and states["signing-2"] == PREPARED
    assert states["identity-1"] == RETIRED and states["identity-2"] == IN_USE
    assert check(party, [CENTER], epoch=2) == []


def test_what_is_wrong_is_told_with_its_remedy(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    party = pair.settings.site(SITE)
    assert check(party, [CENTER]) == []
    (party.keys / "audit.key").chmod(0o644)
    (party.keys / "tenant-master.key").unlink()
    write_private(party.keys / "signing.key", b"ab" * 32)
    write_private(party.keys / "stray.key", b"ab" * 32)
    assert {fact.name for fact in facts(party) if fact.state == MISSING} == {"tenant-master"}
    found = [fault.what for fault in check(party, [CENTER, "31"])]
    assert len(found) == 4
    assert "chmod 600" in found[0] and "tenant-master" in found[1], found
    assert "not those of its public file" in found[2] and "31.json" in found[3]
    assert all(fault.remedy for fault in check(party, ["31"]))


def test_without_a_public_file_the_table_is_told_all_the_same(pair: Pair) -> None:
    party = pair.settings.site(SITE)
    (party.keys / "public.json").unlink()
    assert {fact.fingerprint for fact in facts(party)} == {None}
    assert ["public.json" in fault.what for fault in check(party, [CENTER])] == [True]
    assert KeyRing(party).secret("signing") == pair.site.secret("signing")


def test_keys_of_a_command_are_told_as_such(pair: Pair, tmp_path: Path) -> None:
    script = tmp_path / "unlock.py"
    script.write_text(
        "import hashlib, sys\nname = sys.argv[1]\nif name.endswith('-9'): sys.exit(4)\n"
        "print(hashlib.shake_256(name.encode()).hexdigest(96 if name.startswith('envelope') else 32))"
    )
    command = f"{shlex.quote(sys.executable)} {shlex.quote(str(script))}"
    party = pair.settings.site(SITE).model_copy(update={"unlock_command": command})
    assert {(fact.stored, fact.state) for fact in facts(party)} == {("command", IN_USE)}
    prepare_key(party, "signing", 2)
    with pytest.raises(KeyError_, match="put a fresh key named signing-9 into the secret store"):
        prepare_key(party, "signing", 9)


def test_a_key_made_after_a_wrapped_one_is_wrapped_by_the_same_passphrase(pair: Pair) -> None:
    party = pair.settings.site(SITE)
    wrap_keys(party, "a passphrase of thirteen")
    prepare_key(party, "signing", 2)
    made = unlock.unlocked(party, "signing-2")
    assert unlock.stored(party, "signing-2") == "wrapped"
    prepare_key(party, "signing", 2)
    assert unlock.unlocked(party, "signing-2") == made


def test_names_of_keys() -> None:
    assert [keytable.split(name) for name in ("identity-1", "signing", "envelope-12")] == [
        ("identity", 1),
        ("signing", 1),
        ("envelope", 12),
    ]
    for name in ("identity", "signing-1", "audit-1", "signing-02", "odd", "identity-x"):
        assert not keytable.is_name(name)
        with pytest.raises(KeyError_, match="no key is called"):
            keytable.split(name)


def test_a_key_file_is_made_once_even_when_two_make_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.key"
    assert create_private(path, b"first")
    assert not create_private(path, b"second")
    monkeypatch.setattr(Path, "exists", lambda _: False)  # the other came between the look and the writing
    assert not create_private(path, b"third")
    assert path.read_bytes() == b"first"
    assert list(tmp_path.iterdir()) == [path]
