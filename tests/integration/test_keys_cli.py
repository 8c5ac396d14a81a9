"""`tsumugi keys` as an operator types it, and an unattended `tsumugi run` with its keys from one place or another."""

from __future__ import annotations

import json
import os
import shlex
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ingest import cli, keys_cli
from ingest.center.receive import receive
from ingest.progress import silent
from ingest.sealing import unlock
from ingest.sealing.keys import CENTER, KeyRing, wrap_keys
from ingest.settings import PROJECT_ROOT, WORKSPACE_VARIABLE, Settings, load
from tests import site_world as world
from tests.handmade import demo_workspace

GIVEN = "a passphrase of thirteen"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A workspace whose keys these tests only look at."""
    return demo_workspace(tmp_path_factory.mktemp("keys"))


def typed(settings: Settings, *words: str, answers: str | None = None) -> tuple[int, str]:
    """Exit code and all output of `tsumugi keys <words>`."""
    done = CliRunner().invoke(cli.app, ["keys", *words, "-w", str(settings.workspace)], input=answers)
    assert "Traceback" not in done.output
    return done.exit_code, done.output


def every_secret(settings: Settings) -> list[str]:
    return [path.read_text() for path in settings.workspace.rglob("*.key")]


def test_the_table_of_keys_is_shown_without_a_secret(shared: Settings) -> None:
    code, plain = typed(shared, "show", "--party", "16")
    assert code == 0 and "identity-1" in plain and "使用中" in plain and CENTER in plain
    code, told = typed(shared, "show", "--json")
    figures = json.loads(told.splitlines()[-1])
    assert set(figures) == {"16", "31", CENTER}
    assert set(figures[CENTER]["peers"]) == {"16", "31"}
    assert not any(secret in plain + told for secret in every_secret(shared))


def test_a_party_is_named_where_there_are_several(shared: Settings) -> None:
    code, told = typed(shared, "export")
    assert code == 1 and "--party" in told and told.count("\n") == 1
    code, told = typed(shared, "check", "--party", "nobody")
    assert code == 1 and "known: 16, 31, center" in told


def test_public_keys_are_exchanged_by_file_and_telephone(shared: Settings, tmp_path: Path) -> None:
    other = demo_workspace(tmp_path)
    file = tmp_path / "center.json"
    code, told = typed(shared, "export", "--party", CENTER, "--to", str(file))
    assert code == 0
    aloud = " ".join(line.strip() for line in told.splitlines()[-3:])
    assert aloud == KeyRing(shared.the_center()).public().fingerprint

    wrong = KeyRing(other.the_center()).public().fingerprint
    code, told = typed(other, "import", str(file), "--party", "16", "--fingerprint", wrong)
    assert code == 1 and "do not trust it" in told and told.count("\n") == 1
    code, told = typed(other, "import", str(file), "--party", "16")
    assert code == 1 and "has its fingerprint" not in told and "not signed by the key that is pinned" in told
    assert KeyRing(other.site("16")).peer(CENTER) == KeyRing(other.the_center()).public()
    code, told = typed(other, "import", str(file), "--party", "16", "--fingerprint", aloud.upper())
    assert code == 0 and aloud in told
    assert KeyRing(other.site("16")).peer(CENTER).signing == KeyRing(shared.the_center()).public().signing
    code, told = typed(other, "import", str(tmp_path / "absent"), "--party", "16")
    assert code == 1 and "does not exist" in told


def test_the_fingerprint_is_asked_for_where_there_is_a_terminal(
    shared: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = demo_workspace(tmp_path)
    monkeypatch.setattr(keys_cli, "_has_terminal", lambda: True)
    file, fingerprint = shared.the_center().keys / "public.json", KeyRing(shared.the_center()).public().fingerprint
    code, told = typed(other, "import", str(file), "--party", "16", answers=f"{fingerprint}\n")
    assert code == 0 and "登録しました" in told
    (tmp_path / "broken").write_bytes(file.read_bytes()[:-2])
    code, told = typed(other, "import", str(tmp_path / "broken"), "--party", "16")
    assert code == 1 and "指紋" not in told


def test_what_is_wrong_with_keys_is_told_by_exit_code(tmp_path: Path) -> None:
    settings = demo_workspace(tmp_path)
    code, told = typed(settings, "check")
    assert code == 0 and told.count("よし") == 3
    (settings.site("16").keys / "audit.key").chmod(0o644)
    code, told = typed(settings, "check", "--party", "16")
    assert code == 1 and "chmod 600" in told and "→" in told


def test_keys_are_wrapped_by_a_passphrase_typed_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = demo_workspace(tmp_path)
    code, told = typed(settings, "wrap", "--party", "16")
    assert code == 1 and "typed at a terminal" in told
    answers = [GIVEN, "another of thirteen letters", GIVEN, GIVEN]
    monkeypatch.setattr(keys_cli, "_has_terminal", lambda: True)
    monkeypatch.setattr("getpass.getpass", lambda _: answers.pop(0))
    code, told = typed(settings, "wrap", "--party", "16")
    assert code == 1 and "not the same" in told
    code, told = typed(settings, "wrap", "--party", "16")
    assert code == 0 and not list(settings.site("16").keys.glob("*.key"))
    assert typed(settings, "check", "--party", "16")[0] == 0
    assert typed(settings, "init")[0] == 0


def test_the_kit_warns_and_brings_the_keys_back_on_an_empty_machine(shared: Settings, tmp_path: Path) -> None:
    safe = tmp_path / "safe"
    code, told = typed(shared, "kit", "--to", str(safe), "--split", "--party", "16")
    assert code == 0 and "すぐに消してください" in told.replace("\n", "")
    assert {stat.S_IMODE(path.stat().st_mode) for path in safe.iterdir()} == {0o600} and len(list(safe.iterdir())) == 4
    assert not any(secret in told for secret in every_secret(shared))

    empty = tmp_path / "new"
    empty.mkdir()
    (empty / "tsumugi.toml").write_bytes((shared.workspace / "tsumugi.toml").read_bytes())
    new = load(empty)
    code, told = typed(new, "restore", str(safe / "kit-A.txt"))
    assert code == 1 and "both halves" in told
    code, told = typed(new, "restore", str(safe / "kit-A.txt"), str(safe / "kit-B.txt"))
    assert code == 0 and "keys import" in told
    assert KeyRing(new.site("16")).public() == KeyRing(shared.site("16")).public()
    code, told = typed(new, "check", "--party", "16")
    assert code == 1 and "keys import" in told, "the peers are to be pinned again"
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    code, told = typed(new, "restore", str(tmp_path / "binary"))
    assert code == 1 and "UTF-8" in told


def test_keys_are_rotated_by_their_party_and_followed_by_its_peers(tmp_path: Path) -> None:
    settings = demo_workspace(tmp_path)
    site, center = settings.site("16"), settings.the_center()
    code, told = typed(settings, "rotate", "signing", "--activate", "--party", "16")
    assert code == 1 and "no signing key is prepared" in told
    code, told = typed(settings, "rotate", "signing", "--party", "16")
    assert code == 0 and "--activate" in told and "public-next.json" in told
    assert typed(settings, "export", "--to", str(tmp_path / "next.json"), "--party", "16")[0] == 0
    code, told = typed(settings, "import", str(tmp_path / "next.json"), "--party", CENTER)
    assert code == 0, "the old key has signed it"
    code, told = typed(settings, "rotate", "signing", "--activate", "--party", "16")
    assert code == 0 and "2" in told
    assert KeyRing(center).peer("16").signing == KeyRing(site).public().signing

    code, told = typed(settings, "rotate", "envelope", "--party", CENTER)
    assert code == 0 and typed(settings, "import", str(center.keys / "public.json"), "--party", "16")[0] == 0
    assert KeyRing(site).peer(CENTER).envelope_number == 2

    code, told = typed(settings, "rotate", "identity", "--party", "16")
    assert code == 0 and "エポック 2" in told
    assert typed(settings, "rotate", "identity", "--party", CENTER)[0] == 1
    code, told = typed(settings, "rotate", "envelope", "--activate", "--party", "16")
    assert code == 1 and "signing keys only" in told
    assert receive(settings, silent)["received"] == 1
    assert typed(settings, "check")[0] == 0
    code, told = typed(settings, "show", "--party", "16")
    assert "旧・開封用" in told and "identity-2" in told


# -- unattended -------------------------------------------------------------------------------------
@pytest.fixture
def site_only(tmp_path: Path) -> Settings:
    """A machine of one site, its center elsewhere, a file in its inbox."""
    settings = demo_workspace(tmp_path)
    toml = settings.workspace / "tsumugi.toml"
    content = toml.read_text(encoding="utf-8")
    site, head = (
        content[content.index("[sites.16]") : content.index("[sites.31]")],
        content[: content.index("[center]")],
    )
    toml.write_text(head + site, encoding="utf-8")
    world.write_enrolments(settings.site("16").inbox / "a.csv", [world.person()])
    return load(settings.workspace)


def run_unattended(settings: Settings, *, is_stdin_closed: bool = False) -> subprocess.CompletedProcess[str]:
    """`tsumugi run` as a scheduler starts it: in a session without a terminal, its input empty or not there at all."""
    environment = os.environ | {WORKSPACE_VARIABLE: str(settings.workspace), "PYTHONPATH": str(PROJECT_ROOT)}
    code = "from ingest.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, "run"], env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL,
        start_new_session=True, timeout=300, preexec_fn=(lambda: os.close(0)) if is_stdin_closed else None,
    )  # fmt: skip


def by_command(settings: Settings, folder: Path) -> None:
    """Move the keys to where only a command finds them."""
    folder.mkdir()
    for path in settings.site("16").keys.glob("*.key"):
        path.rename(folder / path.name)
    script = f"import pathlib, sys; print(pathlib.Path({str(folder)!r}, sys.argv[1] + '.key').read_text())"
    command = f"{shlex.quote(sys.executable)} -c {shlex.quote(script)}"
    toml = settings.workspace / "tsumugi.toml"
    toml.write_text(toml.read_text(encoding="utf-8") + f"unlock_command = {json.dumps(command)}\n", encoding="utf-8")


@pytest.mark.parametrize(("place", "is_stdin_closed"), [("file", False), ("command", False), ("command", True)])
def test_an_unattended_run_works_with_a_key_file_and_with_a_command(
    site_only: Settings, tmp_path: Path, place: str, is_stdin_closed: bool
) -> None:
    secrets = every_secret(site_only)
    if place == "command":
        by_command(site_only, tmp_path / "store")
    done = run_unattended(site_only, is_stdin_closed=is_stdin_closed)
    assert done.returncode == 0, done.stderr
    assert (site_only.to_center("16") / "000001" / "manifest.sig").is_file()
    assert not any(secret.strip() in done.stdout + done.stderr for secret in secrets)


@pytest.mark.parametrize(
    ("place", "is_stdin_closed", "told"),
    [
        ("nowhere", False, "no key 'at-rest'"),
        ("nowhere", True, "no key 'at-rest'"),
        pytest.param("wrapped", False, "there is no terminal", marks=pytest.mark.long),
    ],
)
def test_an_unattended_run_without_a_key_ends_in_one_clear_line(
    site_only: Settings, place: str, is_stdin_closed: bool, told: str
) -> None:
    if place == "wrapped":
        wrap_keys(site_only.site("16"), GIVEN)
        unlock.forget_passphrases()
    else:
        for path in site_only.site("16").keys.glob("*.key"):
            path.unlink()
    done = run_unattended(site_only, is_stdin_closed=is_stdin_closed)
    assert done.returncode == 1
    errors = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert len(errors) == 1 and told in errors[0] and "unlock_command" in errors[0]
    assert "Traceback" not in done.stderr
    assert not site_only.to_center("16").exists()
