"""How a secret is had: the configured command, else a file of mode 0600, else a prompt, else one clear line.

A key file is plain (``<name>.key``) or wrapped by a passphrase (``<name>.wrapped``); the passphrase is asked for once
a process and home, never echoed and never stored.
"""

from __future__ import annotations

import getpass
import shlex
import subprocess
import sys
from pathlib import Path

from ingest.sealing import hpke, passphrase
from ingest.sealing.errors import KeyError_
from ingest.sealing.keyfiles import checked_name, read_private
from ingest.sealing.keytable import ENVELOPE, is_name
from ingest.settings import PartySettings

KEY_BYTES = 32
_COMMAND_SECONDS = 60
_passphrases: dict[Path, str] = {}


def key_file(party: PartySettings, name: str) -> Path:
    """Where the key called ``name`` stands in plain."""
    return party.keys / f"{checked_name(name)}.key"


def wrapped_file(party: PartySettings, name: str) -> Path:
    """Where the key called ``name`` stands wrapped by a passphrase."""
    return party.keys / f"{checked_name(name)}.wrapped"


def stored(party: PartySettings, name: str) -> str | None:
    """How a key is stored: command, file, wrapped; None where there is none. No key is read."""
    if party.unlock_command:
        return "command"
    if _stands(key_file(party, name)):
        return "file"
    return "wrapped" if _stands(wrapped_file(party, name)) else None


def kept_names(party: PartySettings) -> list[str]:
    """Names of the keys that stand in the party's folder, plain or wrapped; other files are not looked at."""
    found = {path.stem for pattern in ("*.key", "*.wrapped") for path in party.keys.glob(pattern)}
    return sorted(name for name in found if is_name(name))


def unlocked(party: PartySettings, name: str) -> bytes:
    """The stored secret called ``name``; KeyError_ when it cannot be had."""
    how = stored(party, name)
    if how == "command":
        return _from_command(party, name)
    if how == "file":
        return _decoded(name, read_private(key_file(party, name)))
    if how == "wrapped":
        return _from_wrapped(party, name)
    if _has_terminal():
        return _decoded(name, getpass.getpass(f"key {name} of {party.home} (hex): ").encode())
    raise KeyError_(
        f"no key '{name}' for {party.home}: set unlock_command, or put {key_file(party, name)} (mode 0600) in place"
    )


def passphrase_of(party: PartySettings, name: str) -> str:
    """The passphrase that opens the wrapped key called ``name``, asked for where it is not known yet."""
    unlocked(party, name)
    return _passphrases[party.home]


def remember_passphrase(party: PartySettings, given: str) -> None:
    """Use a passphrase that was just chosen for the rest of this process."""
    _passphrases[party.home] = given


def forget_passphrases() -> None:
    """Ask again from here on."""
    _passphrases.clear()


def _from_wrapped(party: PartySettings, name: str) -> bytes:
    content = read_private(wrapped_file(party, name))
    if party.home not in _passphrases:
        if not _has_terminal():
            raise KeyError_(
                f"key '{name}' of {party.home} is wrapped by a passphrase and there is no terminal to ask for it: "
                "run it where there is one, or set unlock_command"
            )
        _passphrases[party.home] = getpass.getpass(f"passphrase of {party.home}: ")
    try:
        key = passphrase.unwrap(name, content, _passphrases[party.home])
    except KeyError_:
        del _passphrases[party.home]  # mistyped: the next try asks again
        raise
    return _of_length(name, key)


def _from_command(party: PartySettings, name: str) -> bytes:
    command = [*shlex.split(party.unlock_command or ""), name]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_COMMAND_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise KeyError_(f"unlock_command did not answer for '{name}' ({type(error).__name__})") from None
    if done.returncode != 0:
        raise KeyError_(f"unlock_command gave no key '{name}' (exit {done.returncode})")
    return _decoded(name, done.stdout)


def _decoded(name: str, content: bytes) -> bytes:
    try:
        key = bytes.fromhex(content.decode("ascii").strip())
    except ValueError:
        raise KeyError_(f"key '{name}' is not written in hex") from None
    return _of_length(name, key)


def _of_length(name: str, key: bytes) -> bytes:
    length = hpke.PRIVATE_BYTES if name.startswith(ENVELOPE) else KEY_BYTES
    if len(key) != length:
        raise KeyError_(f"key '{name}' has {len(key)} bytes, not {length}")
    return key


def _has_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def _stands(path: Path) -> bool:
    return path.exists() or path.is_symlink()
