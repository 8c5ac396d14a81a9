"""A key wrapped by a passphrase: Argon2id (RFC 9106) makes the wrapping key, AES key wrap (RFC 3394) holds the key.

Each file states the parameters that it was made with, so that raising them (``passphrase.csv``) leaves older files
readable. The name of the key is part of the wrapping key: a file renamed to another key does not open.
"""

from __future__ import annotations

import csv
import json
import os
import unicodedata
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from ingest.sealing.errors import KeyError_

PARAMETERS_FILE = Path(__file__).with_name("passphrase.csv")
FORMAT = "tsumugi/wrapped-key/1"
_KEY_BYTES = 32
_MOST_MEMORY_KIB = 4 << 20  # a damaged file must not ask for more than a machine has


@dataclass(frozen=True)
class Parameters:
    """Cost of one try: memory in KiB, passes over it, lanes, and the salt."""

    memory_kib: int
    passes: int
    lanes: int
    salt: bytes


@cache
def _newest() -> dict[str, str]:
    with PARAMETERS_FILE.open(encoding="utf-8", newline="") as handle:
        return max(csv.DictReader(handle), key=lambda row: row["valid_from"])


def require_strength(passphrase: str) -> None:
    """KeyError_ where a new passphrase is too short."""
    fewest = int(_newest()["minimum_characters"])
    if len(passphrase) < fewest:
        raise KeyError_(f"a passphrase has {fewest} characters or more")


def wrap(name: str, key: bytes, passphrase: str) -> bytes:
    """The content of the wrapped file of the key called ``name``."""
    newest = _newest()
    parameters = Parameters(
        int(newest["memory_kib"]), int(newest["passes"]), int(newest["lanes"]), os.urandom(int(newest["salt_bytes"]))
    )
    content = {
        "format": FORMAT,
        "argon2id": {
            "memory_kib": parameters.memory_kib,
            "passes": parameters.passes,
            "lanes": parameters.lanes,
            "salt": parameters.salt.hex(),
        },
        "wrapped": aes_key_wrap(_wrapping_key(name, passphrase, parameters), key).hex(),
    }
    return json.dumps(content, sort_keys=True).encode()


def unwrap(name: str, content: bytes, passphrase: str) -> bytes:
    """The key in a wrapped file; KeyError_ where the passphrase is wrong or the file damaged or another key's."""
    parameters, wrapped = _read(name, content)
    try:
        return aes_key_unwrap(_wrapping_key(name, passphrase, parameters), wrapped)
    except (InvalidUnwrap, ValueError):
        raise KeyError_(f"the passphrase does not open key '{name}'") from None


def _wrapping_key(name: str, passphrase: str, parameters: Parameters) -> bytes:
    stretched = Argon2id(
        salt=parameters.salt,
        length=_KEY_BYTES,
        iterations=parameters.passes,
        lanes=parameters.lanes,
        memory_cost=parameters.memory_kib,
    ).derive(unicodedata.normalize("NFC", passphrase).encode())
    info = b"tsumugi/wrapped-key|" + name.encode()
    return HKDF(algorithm=hashes.SHA256(), length=_KEY_BYTES, salt=None, info=info).derive(stretched)


def _read(name: str, content: bytes) -> tuple[Parameters, bytes]:
    try:
        document: dict[str, Any] = json.loads(content)
        cost = document["argon2id"]
        parameters = Parameters(cost["memory_kib"], cost["passes"], cost["lanes"], bytes.fromhex(cost["salt"]))
        wrapped = bytes.fromhex(document["wrapped"])
        counts = (parameters.memory_kib, parameters.passes, parameters.lanes)
        is_whole = document["format"] == FORMAT and all(isinstance(count, int) and count > 0 for count in counts)
        is_whole = is_whole and 8 * parameters.lanes <= parameters.memory_kib <= _MOST_MEMORY_KIB
    except (ValueError, KeyError, TypeError, AttributeError):
        is_whole = False
    if not is_whole or len(parameters.salt) < 8:
        raise KeyError_(f"the wrapped file of key '{name}' is damaged: restore it from a backup or the recovery kit")
    return parameters, wrapped
