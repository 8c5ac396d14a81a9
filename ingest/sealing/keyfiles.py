"""Files that hold keys: mode 0600, written whole or not at all, never through a link."""

from __future__ import annotations

import os
import re
import secrets
import stat
from pathlib import Path

from ingest.sealing.errors import KeyError_

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_+.-]{0,99}")


def read_private(path: Path) -> bytes:
    """The content of a key file; KeyError_ where others may read it or it is a link."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise KeyError_(f"{path} cannot be read ({type(error).__name__})") from None
    with os.fdopen(handle, "rb") as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        if mode & 0o077:
            raise KeyError_(f"{path} may be read by others (mode {mode:04o}): chmod 600 {path}")
        return file.read()


def write_private(path: Path, content: bytes) -> None:
    """Write a file of mode 0600, whole or not at all, replacing what stood there."""
    temporary = _write_temporary(path, content)
    temporary.replace(path)
    _sync_folder(path.parent)


def create_private(path: Path, content: bytes) -> bool:
    """Write a file of mode 0600 unless one stands there; whether it was written."""
    # A link instead of a rename: it fails where a key already stands, so none is ever overwritten.
    if path.exists():
        return False
    temporary = _write_temporary(path, content)
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    finally:
        temporary.unlink()
    _sync_folder(path.parent)
    return True


def checked_name(name: str) -> str:
    """``name`` where it may be part of a file name or a derivation: no separators, no "--", no way up."""
    if not _NAME.fullmatch(name) or "--" in name:
        raise KeyError_("a key, tenant or party name holds letters, digits and single - _ + . only")
    return name


def _write_temporary(path: Path, content: bytes) -> Path:
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return temporary


def _sync_folder(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
