"""Keys: made once, unlocked in order, derived by name, exchanged and pinned."""

from __future__ import annotations

import shlex
import stat
import sys
from pathlib import Path

import pytest

from ingest.sealing.errors import KeyError_
from ingest.sealing.keyfiles import read_private, write_private
from ingest.sealing.keys import CENTER, KeyRing, create_keys, export_tenant_keys
from ingest.sealing.public import PublicKeys
from ingest.settings import PartySettings, SiteSettings
from tests.unit.sealing.pair import SITE, Pair, make_pair


@pytest.fixture()
def pair(tmp_path: Path) -> Pair:
    return make_pair(tmp_path)


def test_every_file_of_a_key_folder_is_of_mode_0600(pair: Pair) -> None:
    files = [path for path in pair.settings.workspace.rglob("*") if path.is_file()]
    assert len(files) > 20
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def test_making_keys_again_changes_none(pair: Pair) -> None:
    before = {path: path.read_bytes() for path in pair.settings.workspace.rglob("*") if path.is_file()}
    create_keys(pair.settings)
    assert {path: path.read_bytes() for path in pair.settings.workspace.rglob("*") if path.is_file()} == before


def test_a_kind_that_was_rotated_gets_no_fresh_first_key(pair: Pair) -> None:
    folder = pair.settings.site(SITE).keys
    (folder / "identity-1.key").rename(folder / "identity-2.key")
    (folder / "signing.key").unlink()
    (folder / "audit.key").unlink()
    create_keys(pair.settings)
    assert {path.name for path in folder.glob("*.key")} >= {"identity-2.key", "audit.key"}
    assert not (folder / "identity-1.key").exists() and not (folder / "signing.key").exists()


def test_a_key_file_that_others_may_read_is_refused_with_the_remedy(pair: Pair) -> None:
    path = pair.settings.site(SITE).keys / "at-rest.key"
    path.chmod(0o640)
    with pytest.raises(KeyError_, match=r"chmod 600 .*at-rest\.key"):
        pair.site.secret("at-rest")


def test_a_key_file_that_is_a_link_is_refused(pair: Pair, tmp_path: Path) -> None:
    path = pair.settings.site(SITE).keys / "at-rest.key"
    other = tmp_path / "other"
    write_private(other, path.read_bytes())
    path.unlink()
    path.symlink_to(other)
    with pytest.raises(KeyError_, match="cannot be read"):
        pair.site.secret("at-rest")


@pytest.mark.parametrize("name", ["identity-9", "odd"])
def test_a_missing_key_is_one_clear_line(pair: Pair, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(KeyError_) as caught:
        pair.site.secret(name)
    assert f"{name}.key" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"no hex at all", b"00" * 31, b"00" * 33])
def test_a_damaged_key_file_is_refused_without_its_content(pair: Pair, content: bytes) -> None:
    write_private(pair.settings.site(SITE).keys / "at-rest.key", content)
    with pytest.raises(KeyError_) as caught:
        pair.site.secret("at-rest")
    assert not content or content.decode() not in str(caught.value)


def test_a_configured_command_goes_before_the_key_file(pair: Pair, tmp_path: Path) -> None:
    script = tmp_path / "unlock.py"
    script.write_text("import sys, hashlib; print(hashlib.sha256(sys.argv[1].encode()).hexdigest())")
    command = f"{shlex.quote(sys.executable)} {shlex.quote(str(script))}"
    party = PartySettings(home=pair.settings.site(SITE).home, unlock_command=command)
    assert KeyRing(party).secret("at-rest") != pair.site.secret("at-rest")


def test_a_command_that_fails_gives_one_line_without_its_output(pair: Pair, tmp_path: Path) -> None:
    script = tmp_path / "unlock.py"
    script.write_text("import sys; print('SECRET-OUTPUT'); print('SECRET-ERROR', file=sys.stderr); sys.exit(3)")
    command = f"{shlex.quote(sys.executable)} {shlex.quote(str(script))}"
    with pytest.raises(KeyError_, match="exit 3") as caught:
        KeyRing(PartySettings(home=tmp_path, unlock_command=command)).secret("at-rest")
    assert "SECRET" not in str(caught.value)


def test_a_command_that_does_not_answer_gives_one_line(pair: Pair, tmp_path: Path) -> None:
    party = PartySettings(home=tmp_path, unlock_command=str(tmp_path / "no such program"))
    with pytest.raises(KeyError_, match="did not answer for 'at-rest'"):
        KeyRing(party).secret("at-rest")


def test_tenant_keys_differ_by_tenant_scheme_set_and_site_and_stay_the_same(pair: Pair) -> None:
    other_site = KeyRing(pair.settings.site("31"))
    keys = [
        pair.site.tenant_key("kokuho-16202", "kokuho"),
        pair.site.tenant_key("kokuho-16202", "kokuho+koki"),
        pair.site.tenant_key("kokuho-16208", "kokuho"),
        pair.site.statistics_key("insurer"),
        pair.site.secret("tenant-master"),
        other_site.tenant_key("kokuho-16202", "kokuho"),
    ]
    assert len(set(keys)) == len(keys)
    again = KeyRing(pair.settings.site(SITE))
    assert again.secret("tenant-kokuho-16202--kokuho") == keys[0]


def test_a_tenant_key_is_named_by_tenant_and_scheme_set(pair: Pair) -> None:
    with pytest.raises(KeyError_, match="tenant-<tenant>--<scheme set>"):
        pair.site.secret("tenant-kokuho-16202")


@pytest.mark.parametrize("name", ["../x", "a--b", "", "a/b", "a b", ".hidden"])
def test_a_tenant_whose_name_could_be_another_file_or_key_is_refused(pair: Pair, name: str) -> None:
    with pytest.raises(KeyError_):
        pair.site.tenant_key(name, "kokuho")


def test_a_key_that_the_table_does_not_name_is_not_made_up(pair: Pair) -> None:
    with pytest.raises(KeyError_, match="no key 'unheard-of'"):
        pair.site.secret("unheard-of")


def test_the_center_holds_no_key_of_identities_and_no_tenant_key(pair: Pair) -> None:
    names = {path.name for path in pair.settings.the_center().keys.glob("*.key")}
    assert names == {f"{n}.key" for n in ("at-rest", "envelope", "signing", "audit", "statistics-master", "link")}
    with pytest.raises(KeyError_):
        pair.center.tenant_key("kokuho-16202", "kokuho")


def test_the_app_gets_just_the_keys_of_its_tenants(pair: Pair, tmp_path: Path) -> None:
    home = tmp_path / "app"
    written = export_tenant_keys(
        home, pair.site, SITE, tenants=[("kokuho-16202", "kokuho")], viewer_classes=["insurer"]
    )
    assert sorted(path.name for path in (home / "keys").iterdir()) == [
        "statistics-16--insurer.key",
        "tenant-kokuho-16202--kokuho.key",
    ]
    assert {stat.S_IMODE(path.stat().st_mode) for path in written} == {0o600}
    key = bytes.fromhex(read_private(home / "keys" / "tenant-kokuho-16202--kokuho.key").decode())
    assert key == pair.site.tenant_key("kokuho-16202", "kokuho")


def test_sites_know_the_center_only_and_the_center_knows_every_site(pair: Pair) -> None:
    assert pair.site.peer(CENTER) == pair.center.public()
    assert pair.center.peer(SITE) == pair.site.public()
    with pytest.raises(KeyError_):
        pair.site.peer("31")


def test_a_changed_public_file_is_refused_and_pinning_needs_the_right_fingerprint(pair: Pair) -> None:
    document = (pair.settings.site(SITE).keys / "public.json").read_bytes()
    changed = document.replace(b'"party":"16"', b'"party":"17"')
    assert changed != document
    with pytest.raises(KeyError_, match="changed"):
        PublicKeys.from_document(changed)
    with pytest.raises(KeyError_, match="not a public key file"):
        PublicKeys.from_document(b"{}")
    with pytest.raises(KeyError_, match="do not trust"):
        pair.center.pin(document, pair.center.public().fingerprint)
    assert pair.center.pin(document, pair.site.public().fingerprint.upper()) == pair.site.public()


def test_a_pinned_file_of_another_party_does_not_pass_for_this_one(pair: Pair) -> None:
    peers = pair.settings.the_center().keys / "peers"
    write_private(peers / "31.json", (peers / "16.json").read_bytes())
    with pytest.raises(KeyError_, match="another party"):
        pair.center.peer("31")


def test_a_repr_of_a_key_ring_holds_no_key(pair: Pair) -> None:
    key = pair.site.secret("at-rest")
    assert key.hex() not in repr(pair.site)
    assert repr(key) not in repr(pair.site)


def test_a_site_without_a_center_beside_it_still_makes_its_keys(tmp_path: Path) -> None:
    from datetime import date

    from ingest.settings import Settings

    alone = SiteSettings(home=tmp_path / "site", prefecture_code="16")
    create_keys(Settings(workspace=tmp_path, reference_month=date(2025, 3, 1), exchange=tmp_path, sites={"16": alone}))
    assert len(KeyRing(alone).secret("signing")) == 32


def test_where_there_is_a_terminal_the_key_is_asked_for_without_echo(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal:
        def isatty(self) -> bool:
            return True

    asked: list[str] = []

    def answer(prompt: str) -> str:
        asked.append(prompt)
        return "ab" * 32

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr("getpass.getpass", answer)
    (pair.settings.site(SITE).keys / "at-rest.key").unlink()
    assert pair.site.secret("at-rest") == b"\xab" * 32
    assert pair.site.secret("at-rest") == b"\xab" * 32
    assert len(asked) == 1
    assert "at-rest" in asked[0]
