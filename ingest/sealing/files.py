"""Files of a batch: private, whole or not at all, and never through a link or a pipe that somebody planted."""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
from pathlib import Path
from typing import BinaryIO

from ingest.sealing.errors import BatchRefused

_CHUNK = 1 << 20
_PLAIN = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


def open_plain(path: Path) -> BinaryIO:
    """Open a plain file for reading; OSError for a link, BatchRefused for a pipe or a device."""
    file = os.fdopen(os.open(path, _PLAIN), "rb")
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise BatchRefused("not_a_batch", f"{path.name} is no plain file")
    return file


def read_plain(path: Path, limit: int) -> bytes:
    """The content of a plain file of at most ``limit`` bytes.

    Raises BatchRefused: "missing_file" where it is not there, "not_a_batch" where it is anything else.
    """
    try:
        file = open_plain(path)
    except FileNotFoundError:
        raise BatchRefused("missing_file", f"{path.name} is missing") from None
    except OSError as error:
        raise BatchRefused("not_a_batch", f"{path.name} cannot be opened ({type(error).__name__})") from None
    with file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise BatchRefused("not_a_batch", f"{path.name} is longer than {limit} bytes")
    return content


def private_file(path: Path) -> BinaryIO:
    """A new file that only its owner may read."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb")


def copy_at_most(source: BinaryIO, target: BinaryIO, size: int) -> None:
    """Copy up to ``size`` bytes from one open file to another, by the system itself where it can.

    Raises OSError where the target cannot take them.
    """
    left = size
    try:
        while left and (copied := os.copy_file_range(source.fileno(), target.fileno(), left)):
            left -= copied
    except (OSError, AttributeError):
        # Not on this system, or not between these two file systems: go on from where both files stand.
        while left and (chunk := source.read(min(left, _CHUNK))):
            left -= target.write(chunk)


def measured(path: Path) -> tuple[int, str]:
    """Size and SHA-256 of a file."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return path.stat().st_size, digest


def write_synced(path: Path, content: bytes) -> None:
    """Write a new file so that it lasts over a loss of power."""
    with private_file(path) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def put_whole(path: Path, content: bytes) -> None:
    """Have ``content`` stand at ``path``, whole or not at all; nothing is written where it stands there."""
    try:
        if read_plain(path, len(content)) == content:
            return
    except BatchRefused:
        pass  # nothing there, or something else: ours takes its place
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_name(f"{path.name}.tmp-{os.getpid()}-{secrets.token_hex(4)}")
    write_synced(temporary, content)
    temporary.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Have the names in ``folder`` last over a loss of power."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
