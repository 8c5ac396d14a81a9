"""Keys wrapped by a passphrase: they open with it under their own name, and with nothing else."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap

from ingest.sealing import passphrase, unlock
from ingest.sealing.errors import KeyError_
from ingest.sealing.keyfiles import write_private
from ingest.sealing.keys import KeyRing, create_keys, wrap_keys
from ingest.settings import Settings
from tests.unit.sealing.pair import SITE, Pair, make_pair

GIVEN = "ひばり 7 羽と糸車の音がする"
KEY = bytes(range(32))


class Terminal:
    def isatty(self) -> bool:
        return True


@pytest.fixture()
def pair(tmp_path: Path) -> Pair:
    unlock.forget_passphrases()
    return make_pair(tmp_path)


@pytest.fixture(scope="module")
def wrapped() -> bytes:
    return passphrase.wrap("at-rest", KEY, GIVEN)


def test_a_wrapped_key_opens_by_the_published_methods_alone(wrapped: bytes) -> None:
    content = json.loads(wrapped)
    cost = content["argon2id"]
    assert (cost["memory_kib"], cost["passes"], len(bytes.fromhex(cost["salt"]))) == (65536, 3, 16)
    stretched = Argon2id(
        salt=bytes.fromhex(cost["salt"]), length=32, iterations=3, lanes=cost["lanes"], memory_cost=65536
    ).derive(GIVEN.encode())
    info = b"tsumugi/wrapped-key|at-rest"
    key = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=info).derive(stretched)
    assert aes_key_unwrap(key, bytes.fromhex(content["wrapped"])) == KEY
    assert passphrase.unwrap("at-rest", wrapped, GIVEN) == KEY


def test_another_passphrase_or_name_opens_nothing(wrapped: bytes) -> None:
    for name, given in (("at-rest", GIVEN + "x"), ("audit", GIVEN)):
        with pytest.raises(KeyError_, match="does not open") as caught:
            passphrase.unwrap(name, wrapped, given)
        assert given not in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        {"format": "another"},
        {"wrapped": "xx"},
        {"argon2id": {"memory_kib": 1 << 40, "passes": 3, "lanes": 1, "salt": "00" * 16}},
        {"argon2id": {"memory_kib": 65536, "passes": 0, "lanes": 1, "salt": "00" * 16}},
        {"argon2id": {"memory_kib": 65536, "passes": 3, "lanes": 1, "salt": "00"}},
        {"argon2id": {}},
    ],
)
def test_a_damaged_wrapped_file_is_refused_before_any_work(wrapped: bytes, change: dict[str, object]) -> None:
    with pytest.raises(KeyError_, match="damaged"):
        passphrase.unwrap("at-rest", json.dumps(json.loads(wrapped) | change).encode(), GIVEN)


def test_a_wrapped_key_cut_short_is_refused(wrapped: bytes) -> None:
    content = json.loads(wrapped)
    with pytest.raises(KeyError_, match="does not open"):
        passphrase.unwrap("at-rest", json.dumps(content | {"wrapped": content["wrapped"][:-2]}).encode(), GIVEN)


def test_a_short_passphrase_is_refused(pair: Pair) -> None:
    with pytest.raises(KeyError_, match="13 characters"):
        wrap_keys(pair.settings.site(SITE), "a" * 12)
    with pytest.raises(KeyError_, match="13 characters"):
        create_keys(pair.settings, "short")


def test_wrapped_keys_are_asked_for_once_a_process(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    party = pair.settings.site(SITE)
    before = {name: pair.site.numbered(name, 1) for name in ("at-rest", "envelope", "signing")}
    assert "at-rest" in wrap_keys(party, GIVEN)
    assert not list(party.keys.glob("*.key"))
    assert KeyRing(party).secret("at-rest") == before["at-rest"], "it was chosen just now"

    unlock.forget_passphrases()
    asked: list[str] = []

    def answer(prompt: str) -> str:
        asked.append(prompt)
        return GIVEN

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr("getpass.getpass", answer)
    assert {name: KeyRing(party).secret(name) for name in before} == before
    assert len(asked) == 1


def test_a_mistyped_passphrase_is_asked_for_again(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    party = pair.settings.site(SITE)
    write_private(unlock.wrapped_file(party, "audit"), passphrase.wrap("audit", KEY, GIVEN))
    unlock.key_file(party, "audit").unlink()
    answers = ["wrong passphrase", GIVEN]
    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr("getpass.getpass", lambda _: answers.pop(0))
    with pytest.raises(KeyError_, match="does not open"):
        KeyRing(party).secret("audit")
    assert KeyRing(party).secret("audit") == KEY


def test_without_a_terminal_a_wrapped_key_is_one_clear_line(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    party = pair.settings.site(SITE)
    write_private(unlock.wrapped_file(party, "audit"), passphrase.wrap("audit", KEY, GIVEN))
    unlock.key_file(party, "audit").unlink()
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(KeyError_, match="no terminal") as caught:
        KeyRing(party).secret("audit")
    assert "\n" not in str(caught.value)


def test_a_plain_file_goes_before_a_wrapped_one(pair: Pair) -> None:
    party = pair.settings.site(SITE)
    write_private(unlock.wrapped_file(party, "audit"), passphrase.wrap("audit", KEY, GIVEN))
    assert KeyRing(party).secret("audit") != KEY


def test_keys_may_be_wrapped_from_the_first_on(tmp_path: Path) -> None:
    made = make_pair(tmp_path / "plain").settings
    site = made.site(SITE).model_copy(update={"home": tmp_path / "wrapped"})
    unlock.forget_passphrases()
    alone = Settings(workspace=tmp_path, reference_month=made.reference_month, exchange=tmp_path, sites={SITE: site})
    create_keys(alone, GIVEN)
    assert not list(site.keys.glob("*.key")) and len(list(site.keys.glob("*.wrapped"))) == 7
    assert KeyRing(site).public().party == SITE
