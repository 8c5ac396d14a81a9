"""The recovery kit: what is typed back gives the same keys, a slip is found in its line, a half says nothing."""

from __future__ import annotations

import random
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from ingest.ledger import Ledger
from ingest.sealing import key_numbers, kit, kit_page, recovery, unlock
from ingest.sealing.errors import KeyError_
from ingest.sealing.inventory import check
from ingest.sealing.keys import CENTER, KeyRing, parties_of
from ingest.sealing.keytable import AT_REST
from ingest.sealing.rotation import activate_signing, prepare_key, prepare_signing, rotate_envelope
from ingest.settings import PartySettings
from tests.unit.sealing.pair import SITE, Pair, make_pair


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return make_pair(tmp_path_factory.mktemp("pair"))


@pytest.fixture(scope="module")
def whole(pair: Pair) -> kit.Kit:
    return recovery.kit_of(SITE, pair.settings.site(SITE))


def test_a_kit_holds_every_key_of_its_party(pair: Pair, whole: kit.Kit) -> None:
    assert {name: unlock.unlocked(pair.settings.site(SITE), name) for name in whole.secrets} == whole.secrets
    assert set(whole.secrets) == {path.stem for path in pair.settings.site(SITE).keys.glob("*.key")}
    assert not any(key.hex() in repr(whole) or repr(key) in repr(whole) for key in whole.secrets.values())


def test_what_is_printed_is_read_back_whatever_stands_around_it(whole: kit.Kit) -> None:
    assert kit.read(kit_page.text(whole)) == whole
    assert kit.read("\n".join(whole.lines())) == whole
    typed = "\n\n".join(line.upper().replace("WHOLE", "Whole").replace(" ", "　 ") for line in whole.lines())
    full_width = typed.translate({ord(digit): chr(ord(digit) + 0xFEE0) for digit in "0123456789ABCDEF:"})
    assert kit.read(full_width) == whole
    assert kit.read("\n".join(line.replace(" ", "", 0).replace(" : ", ":") for line in whole.lines())) == whole


def test_every_slip_of_one_character_is_told_with_its_line(whole: kit.Kit) -> None:
    lines = whole.lines()
    dice = random.Random(5)
    for _ in range(300):
        place = dice.randrange(1, len(lines) - 1)
        line = lines[place]
        digits = [at for at, letter in enumerate(line) if letter in "0123456789abcdef" and at > line.index(" ") + 2]
        at = dice.choice(digits)
        other = dice.choice("0123456789abcdef".replace(line[at], ""))
        typed = [*lines[:place], line[:at] + other + line[at + 1 :], *lines[place + 1 :]]
        with pytest.raises(KeyError_, match=f"{place + 1}行目（{line.split()[0]} "):
            kit.read("\n".join(typed))


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda lines: lines[1:], "exactly one line begins with 'kit'"),
        (lambda lines: [*lines, *lines], "exactly one line begins with 'kit'"),
        (lambda lines: [lines[0][:4] + "1234abcd" + lines[0][12:], *lines[1:]], "kit の行"),
        (lambda lines: lines[:-1], "end の行"),
        (lambda lines: [*lines[:3], *lines[4:]], "end の行"),
        (lambda lines: [lines[0], *lines[3:-1], lines[-1].replace("end ", "end 1")], "end の行"),
        (lambda lines: [lines[0], lines[2], lines[1], *lines[3:]], "end の行"),
        (lambda lines: [], "exactly one line"),
    ],
)
def test_a_kit_that_is_not_whole_is_refused(whole: kit.Kit, spoil: Callable[[list[str]], list[str]], told: str) -> None:
    with pytest.raises(KeyError_, match=told):
        kit.read("\n".join(spoil(whole.lines())))


def test_a_kit_of_a_wrong_make_is_refused(whole: kit.Kit) -> None:
    with pytest.raises(KeyError_, match="does not hold the whole key 'audit'"):
        kit.read("\n".join(kit.make("16", {"audit": b"k" * 16}).lines()))
    with pytest.raises(KeyError_, match="no key is called 'odd'"):
        kit.read("\n".join(kit.make("16", {"odd": b"k" * 32}).lines()))


def test_halves_give_the_whole_and_one_alone_says_nothing(whole: kit.Kit) -> None:
    a, b = kit.halve(whole)
    read = [kit.read(kit_page.text(half)) for half in (b, a)]
    assert kit.together(read) == kit.together([whole]) == whole
    for half in (a, b):
        assert not any(half.secrets[name] == key for name, key in whole.secrets.items())
        with pytest.raises(KeyError_, match="both halves"):
            kit.together([half])
    other_a, other_b = kit.halve(whole)
    assert other_a.secrets != a.secrets and other_b.secrets != b.secrets
    with pytest.raises(KeyError_, match="both halves"):
        kit.together([a, other_a])
    with pytest.raises(KeyError_, match="not of one kit"):
        kit.together([kit.halve(kit.make(SITE, whole.secrets))[0], b])


@pytest.mark.parametrize("name", [SITE, CENTER])
@pytest.mark.parametrize("has_passphrase", [False, True])
def test_an_empty_machine_gets_its_keys_back(pair: Pair, tmp_path: Path, name: str, has_passphrase: bool) -> None:
    party = parties_of(pair.settings)[name]
    lost = _elsewhere(party, tmp_path / "new")
    kits = kit.halve(recovery.kit_of(name, party))
    given = "a passphrase of thirteen" if has_passphrase else None
    whole = kit.together([kit.read(kit_page.text(half)) for half in kits])
    keys = recovery.restore(name, lost, whole, given)
    assert keys == KeyRing(party).public()
    assert {unlock.stored(lost, key) for key in whole.secrets} == {"wrapped" if has_passphrase else "file"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in lost.keys.iterdir()} == {0o600}
    assert check(lost, []) == []
    assert {key: unlock.unlocked(lost, key) for key in whole.secrets} == whole.secrets
    assert recovery.restore(name, lost, whole) == keys, "a repeat changes nothing"


def test_a_kit_made_after_rotations_brings_every_key_back(tmp_path: Path) -> None:
    pair = make_pair(tmp_path / "old")
    party = pair.settings.site(SITE)
    rotate_envelope(SITE, party)
    prepare_signing(SITE, party)
    activate_signing(party)
    prepare_signing(SITE, party)
    whole = recovery.kit_of(SITE, party)
    assert "signing-2" in whole.secrets and "signing-3" not in whole.secrets, "what is only prepared can be made anew"
    lost = _elsewhere(party, tmp_path / "new")
    recovery.restore(SITE, lost, whole)
    assert (lost.keys / "public.json").read_bytes() == (party.keys / "public.json").read_bytes()
    assert KeyRing(lost).secret("envelope") == KeyRing(party).secret("envelope")


def test_a_kit_says_which_number_of_a_key_is_in_use_where_no_ledger_does(tmp_path: Path) -> None:
    pair = make_pair(tmp_path / "old")
    party = pair.settings.site(SITE)
    prepare_key(party, AT_REST, 2)
    with Ledger(party.ledger) as ledger:
        key_numbers.begin(ledger, AT_REST, 2)
        with pytest.raises(KeyError_, match="was interrupted"):
            recovery.kit_of(SITE, party)
        key_numbers.end(ledger, AT_REST, 2)
    lost = _elsewhere(party, tmp_path / "new")
    recovery.restore(SITE, lost, recovery.kit_of(SITE, party))
    assert KeyRing(lost).secret(AT_REST) == KeyRing(party).numbered(AT_REST, 2)
    recovery.restore(SITE, lost, recovery.kit_of(SITE, party))
    assert key_numbers.in_use(lost, AT_REST) == 2


def test_a_kit_puts_nothing_over_another_key(pair: Pair, whole: kit.Kit, tmp_path: Path) -> None:
    with pytest.raises(KeyError_, match="another key"):
        recovery.restore(SITE, _elsewhere(pair.settings.site("31"), pair.settings.site("31").home), whole)
    with pytest.raises(KeyError_, match="of 16, not of 31"):
        recovery.restore("31", _elsewhere(pair.settings.site("31"), tmp_path), whole)
    less = kit.make(SITE, {"audit": whole.secrets["audit"]})
    with pytest.raises(KeyError_, match="does not hold the keys"):
        recovery.restore(SITE, _elsewhere(pair.settings.site(SITE), tmp_path), less)
    assert not (tmp_path / "keys").exists()


def test_the_page_is_one_file_to_print_in_both_languages(pair: Pair, whole: kit.Kit, tmp_path: Path) -> None:
    a, b = kit.halve(whole)
    written = kit_page.write([a, b], tmp_path / "safe", pair.site.public().fingerprint, "2026-04-01")
    assert [path.name for path in written] == ["kit-A.html", "kit-A.txt", "kit-B.html", "kit-B.txt"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in written} == {0o600}
    page = written[0].read_text(encoding="utf-8")
    assert all(line in page for line in kit_page.printed(a))
    assert pair.site.public().fingerprint in page and "復旧" in page and "How to restore" in page
    assert "http" not in page and "<script" not in page and "src=" not in page
    assert not any(key.hex()[:8] in page.replace(" ", "") for key in whole.secrets.values())
    with pytest.raises(KeyError_, match="there already"):
        kit_page.write([a], tmp_path / "safe", "", "2026-04-01")


def _elsewhere(party: PartySettings, home: Path) -> PartySettings:
    return party.model_copy(update={"home": home})
