"""The site's archive: every file that was taken out of the inbox, encrypted, named by its bytes.

One file a file: a label, a random nonce, AES-256-GCM over the bytes with the file id as associated
data, the tag at the end. Each file has its own key (HKDF of the at-rest key and the file id), so
that no nonce meets another under one key. A file that is there is there whole: it is written beside
and renamed.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ingest import faults
from ingest.site.errors import SiteError

_LABEL = b"tsumugi-archive-1\n"
_NONCE = 12
_TAG = 16
_BLOCK = 1 << 20


def archived(folder: Path, file_id: str) -> Path:
    """Where the file of these bytes lies in the archive."""
    return folder / file_id[:2] / file_id


def store(source: Path, folder: Path, file_id: str, key: bytes) -> Path:
    """Encrypt ``source`` into the archive; does nothing when it is there already.

    Raises SiteError when the bytes of ``source`` are no longer those of ``file_id``.
    """
    target = archived(folder, file_id)
    if target.is_file():
        return target
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = target.with_suffix(f".tmp-{os.getpid()}")
    nonce = os.urandom(_NONCE)
    encryptor = Cipher(algorithms.AES(_file_key(key, file_id)), modes.GCM(nonce)).encryptor()
    encryptor.authenticate_additional_data(_LABEL + file_id.encode())
    digest = hashlib.sha256()
    try:
        with source.open("rb") as reader, _private(temporary) as writer:
            writer.write(_LABEL + nonce)
            while block := reader.read(_BLOCK):
                digest.update(block)
                writer.write(encryptor.update(block))
            encryptor.finalize()
            writer.write(encryptor.tag)
            writer.flush()
            os.fsync(writer.fileno())
        if digest.hexdigest() != file_id:
            raise SiteError(f"{source.name} was changed while it was read; run again when it is written to its end")
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(target.parent)
    return target


def restore(folder: Path, file_id: str, key: bytes, target: Path) -> None:
    """Decrypt the archived file into ``target``, which appears only when every byte was checked.

    Raises SiteError when the archive does not hold it or holds it damaged.
    """
    source = archived(folder, file_id)
    if not source.is_file():
        raise SiteError(f"{source} is not in the archive")
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = target.with_name(f".{target.name}.tmp-{os.getpid()}")
    try:
        with _private(temporary) as writer:
            try:
                for block in _opened(source, file_id, key):
                    writer.write(block)
            except InvalidTag:
                raise SiteError(f"{source} is damaged or of another key") from None
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _opened(source: Path, file_id: str, key: bytes) -> Iterator[bytes]:
    """The bytes of an archived file, not to be believed before the end; InvalidTag there where they do not hold."""
    length = source.stat().st_size - len(_LABEL) - _NONCE - _TAG
    with source.open("rb") as reader:
        if length < 0 or reader.read(len(_LABEL)) != _LABEL:
            raise SiteError(f"{source} is damaged")
        decryptor = Cipher(algorithms.AES(_file_key(key, file_id)), modes.GCM(reader.read(_NONCE))).decryptor()
        decryptor.authenticate_additional_data(_LABEL + file_id.encode())
        while length:
            block = reader.read(min(_BLOCK, length))
            length -= len(block)
            yield decryptor.update(block)
        decryptor.finalize_with_tag(reader.read(_TAG))


def renew(folder: Path, file_id: str, older: bytes, newer: bytes) -> None:
    """Encrypt an archived file anew under the at-rest key ``newer``, block by block; no plaintext reaches the disk.

    A file that is under it already stays. Raises SiteError where neither key opens it; it is as it was then.
    """
    source = archived(folder, file_id)
    temporary = source.with_suffix(f".tmp-{os.getpid()}")
    nonce = os.urandom(_NONCE)
    encryptor = Cipher(algorithms.AES(_file_key(newer, file_id)), modes.GCM(nonce)).encryptor()
    encryptor.authenticate_additional_data(_LABEL + file_id.encode())
    try:
        with _private(temporary) as writer:
            writer.write(_LABEL + nonce)
            try:
                for block in _opened(source, file_id, older):
                    writer.write(encryptor.update(block))
            except InvalidTag:
                if not _is_under(source, file_id, newer):
                    raise SiteError(f"{source} is damaged or of another key") from None
                return
            encryptor.finalize()
            writer.write(encryptor.tag)
            writer.flush()
            os.fsync(writer.fileno())
        faults.point("renew.archived")
        temporary.replace(source)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(source.parent)


def _is_under(source: Path, file_id: str, key: bytes) -> bool:
    try:
        for _ in _opened(source, file_id, key):
            pass
    except InvalidTag:
        return False
    return True


def sync_folder(folder: Path) -> None:
    """Make a rename in ``folder`` last over a loss of power."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _file_key(key: bytes, file_id: str) -> bytes:
    return HKDF(SHA256(), 32, salt=None, info=_LABEL + file_id.encode()).derive(key)


def _private(path: Path):  # type: ignore[no-untyped-def]  # the handle of os.fdopen
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")
