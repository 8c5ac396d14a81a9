"""The sealed batch: how files travel between a site and the center, in both directions.

A batch is a folder: ``NNNN_<table>.parquet`` (encrypted by DuckDB, each with its own random key),
``manifest.json`` (what is in it, each file key wrapped to the recipient) and ``manifest.sig``.
DuckDB's encryption alone does not bind a block to its place, so nothing is opened before the SHA-256
of the whole file agrees with the signed manifest.

The receiver's order, cheapest and most decisive first: signature by the pinned key, recipient, place
in the sequence, exact list of files, then copy into a private folder while hashing (so that the bytes
hashed are the bytes read), unwrapping, row counts, loading.

Keys go to DuckDB as bound parameters (``footer_key_value: ?``), so no statement holds one.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import duckdb

from ingest import warehouse
from ingest.sealing import hpke
from ingest.sealing.errors import SealingError
from ingest.sealing.manifest import (
    BODY_FILE,
    FIRST_HASH,
    MAXIMUM_BODY_BYTES,
    SIGNATURE_FILE,
    FileEntry,
    Manifest,
    ManifestError,
    canonical,
    file_name,
    is_signed,
    key_context,
    parse_canonical,
    read_manifest,
    sign,
    sign_manifest,
)

_RECEIPT_LABEL = b"tsumugi/receipt/1\x00"
_RECEIPT_FORMAT = "tsumugi/receipt/1"
_SIGNATURE_BYTES = 64
_CHUNK = 1 << 20
_RELATION = re.compile(r'[A-Za-z_"][\w."]*')
_TABLE = re.compile(r"[a-z][a-z0-9_]{0,99}")
# Numbers of rows and lines, of which each stands once, are told by their differences (version 2) and not by a
# dictionary, which is for what has few values: half the bytes, and a quarter of the time.
_WRITE = (
    "FORMAT parquet, PARQUET_VERSION v2, DICTIONARY_SIZE_LIMIT 10000, COMPRESSION zstd, "
    "ENCRYPTION_CONFIG {footer_key_value: ?}"
)
_READ = "read_parquet(?, encryption_config = {footer_key_value: ?})"


class EnvelopeError(SealingError):
    """Our own side failed (disk, memory, a wrong query): nothing was sealed or loaded, try again."""


class BatchRefused(SealingError):
    """A batch that must not be loaded; answered by a signed receipt with ``reason_code``."""

    def __init__(self, reason_code: str, message: str, manifest_hash: str | None = None) -> None:
        super().__init__(f"{reason_code}: {message}")
        self.reason_code = reason_code
        self.message = message
        self.manifest_hash = manifest_hash


class BatchHeld(SealingError):
    """A genuine batch that came before its turn: it waits until the missing ones are in."""

    def __init__(self, sequence: int, expected: int) -> None:
        super().__init__(f"batch {sequence} waits for batch {expected}")
        self.sequence = sequence
        self.expected = expected


@dataclass(frozen=True)
class Sealed:
    """A batch as it stands in its folder."""

    path: Path
    sequence: int
    manifest_hash: str
    figures: dict[str, Any]  # {"tables": {table: rows}, "bytes": size of all files}
    extra: dict[str, Any]


@dataclass(frozen=True)
class WrittenTable:
    """A table that stands as an encrypted Parquet file, not yet in a batch; see ``table_writer``."""

    path: Path
    rows: int
    key: bytes = field(repr=False)


@dataclass(frozen=True)
class Receipt:
    """The receiver's signed answer to one batch."""

    sender: str
    recipient: str
    sequence: int
    manifest_hash: str
    state: Literal["accepted", "refused"]
    reason_code: str
    message: str


@dataclass(frozen=True)
class OpenBatch:
    """A batch that passed every check; its files stand, still encrypted, in the private folder."""

    manifest: Manifest
    folder: Path
    files: dict[str, Path]
    _keys: dict[str, bytes] = field(repr=False)

    @property
    def manifest_hash(self) -> str:
        return self.manifest.manifest_hash

    def rows(self, table: str) -> int:
        """Rows that the manifest promises for ``table``."""
        return next(entry.rows for entry in self.manifest.files if entry.table == table)

    def load(
        self, connection: duckdb.DuckDBPyConnection, table: str, into: str, constants: dict[str, Any] | None = None
    ) -> int:
        """Append a table to the existing table ``into`` by column name; returns the rows loaded.

        ``constants`` are columns that every row gets, such as the sequence of the batch. Raises
        BatchRefused("contract") where the columns do not fit.
        """
        return self._read(connection, table, f"INSERT INTO {into} BY NAME", constants)

    def load_new(
        self, connection: duckdb.DuckDBPyConnection, table: str, into: str, constants: dict[str, Any] | None = None
    ) -> int:
        """Like ``load``, into a table made (or made anew) from the file's own columns."""
        self._read(connection, table, f"CREATE OR REPLACE TABLE {into} AS", constants)
        return self.rows(table)

    def columns(self, connection: duckdb.DuckDBPyConnection, table: str) -> dict[str, str]:
        """Names and DuckDB types of a table's columns."""
        found = connection.execute(
            f"DESCRIBE SELECT * FROM {_READ}", [str(self.files[table]), self._keys[table]]
        ).fetchall()
        return {row[0]: row[1] for row in found}

    def discard(self) -> None:
        """Remove the private copy once the load is recorded."""
        shutil.rmtree(self.folder)

    def _read(
        self, connection: duckdb.DuckDBPyConnection, table: str, prefix: str, constants: dict[str, Any] | None
    ) -> int:
        if table not in self.files:
            raise BatchRefused("missing_file", f"the batch holds no table {table}", self.manifest_hash)
        added = "".join(f", ? AS {name}" for name in constants or {})
        parameters = [*(constants or {}).values(), str(self.files[table]), self._keys[table]]
        try:
            found = connection.execute(f"{prefix} SELECT *{added} FROM {_READ}", parameters).fetchone()
        except (duckdb.BinderException, duckdb.ConversionException, duckdb.ConstraintException) as error:
            # DuckDB's own text may quote a value, so it goes no further.
            raise BatchRefused(
                "contract", f"table {table} does not fit ({type(error).__name__})", self.manifest_hash
            ) from None
        except duckdb.InvalidInputException:
            raise BatchRefused("damaged", f"the file of table {table} does not decrypt", self.manifest_hash) from None
        except duckdb.Error as error:
            raise EnvelopeError(f"table {table} could not be loaded ({type(error).__name__})") from None
        return int(found[0]) if found else 0


# -- sender -----------------------------------------------------------------------------------------
def seal(
    connection: duckdb.DuckDBPyConnection,
    tables: Mapping[str, str | WrittenTable],
    folder: Path,
    *,
    sender: str,
    recipient: str,
    sequence: int,
    previous_hash: str | None,
    kind: str,
    signing_key: bytes,
    recipient_public: bytes,
    extra: dict[str, Any] | None = None,
) -> Sealed:
    """Seal ``tables`` into ``folder``: by name a relation or query in ``connection``, or a file that is moved there.

    ``signing_key`` is ``KeyRing.secret("signing")``, ``recipient_public`` is
    ``KeyRing.peer(recipient).envelope``, ``previous_hash`` the manifest hash of the batch before
    (None for the first). The folder appears whole or not at all. Raises EnvelopeError where it stands
    already (see ``sealed_at``) or a table cannot be written.
    """
    if folder.exists():
        raise EnvelopeError(f"{folder} exists: a batch is sealed once")
    folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    for stale in folder.parent.glob(f"{folder.name}.tmp-*"):
        shutil.rmtree(stale)
    temporary = folder.with_name(f"{folder.name}.tmp-{os.getpid()}-{secrets.token_hex(4)}")
    temporary.mkdir(mode=0o700)
    try:
        entries = []
        for index, (table, relation) in enumerate(tables.items()):
            if not _TABLE.fullmatch(table):
                raise EnvelopeError("a table's name holds small letters, digits and _ only")
            path = temporary / file_name(index, table)
            if isinstance(relation, WrittenTable):
                written = replace(relation, path=relation.path.replace(path))
            else:
                written = write_table(connection, table, relation, path)
            size, digest = _measure(path)
            context = key_context(sender, recipient, sequence, index, path.name)
            wrapped = hpke.wrap(written.key, recipient_public, context).hex()
            entries.append(FileEntry(index, path.name, table, written.rows, size, digest, wrapped))
        manifest = Manifest(
            sender=sender,
            recipient=recipient,
            sequence=sequence,
            previous=previous_hash or FIRST_HASH,
            kind=kind,
            suite=hpke.SUITE_NAME,
            files=tuple(entries),
            extra=extra or {},
        )
        body = manifest.body()
        _write_synced(temporary / BODY_FILE, body)
        _write_synced(temporary / SIGNATURE_FILE, sign_manifest(body, signing_key))
        _sync_folder(temporary)
        temporary.replace(folder)
        _sync_folder(folder.parent)
    except BaseException as error:
        shutil.rmtree(temporary, ignore_errors=True)
        if isinstance(error, (OSError, ManifestError, hpke.WrapError)):
            raise EnvelopeError(f"{folder} could not be sealed: {type(error).__name__}: {_plain(error)}") from None
        raise
    return _sealed(folder, manifest)


def sealed_at(folder: Path, *, own_public: bytes) -> Sealed | None:
    """The batch of ours that stands at ``folder``, or None; for a step that was killed after sealing.

    ``own_public`` is ``KeyRing.public().signing``. Raises EnvelopeError where the folder is not ours.
    """
    if not folder.exists():
        return None
    try:
        body, signature = _read_head(folder)
        return _sealed(folder, read_manifest(body, signature, own_public))
    except (ManifestError, BatchRefused) as error:
        raise EnvelopeError(f"{folder} is not a batch of ours: {error}") from None


def _sealed(folder: Path, manifest: Manifest) -> Sealed:
    figures = {
        "tables": {entry.table: entry.rows for entry in manifest.files},
        "bytes": sum(entry.size for entry in manifest.files),
    }
    return Sealed(folder, manifest.sequence, manifest.manifest_hash, figures, manifest.extra)


def write_table(connection: duckdb.DuckDBPyConnection, table: str, relation: str, path: Path) -> WrittenTable:
    """Write a relation or query as the file of ``table``, encrypted with a key of its own.

    Raises EnvelopeError, which never quotes a row.
    """
    query = f"SELECT * FROM {relation}" if _RELATION.fullmatch(relation) else relation
    key = secrets.token_bytes(32)
    target = str(path).replace("'", "''")
    try:
        found = connection.execute(f"COPY ({query}) TO '{target}' ({_WRITE})", [key]).fetchone()
    except duckdb.Error as error:
        raise EnvelopeError(f"table {table} could not be written ({type(error).__name__})") from None
    path.chmod(0o600)
    with path.open("rb") as file:
        os.fsync(file.fileno())
    return WrittenTable(path, int(found[0]) if found else 0, key)


# -- receiver ---------------------------------------------------------------------------------------
def open_batch(
    folder: Path,
    private_copy: Path,
    *,
    sender: str,
    recipient: str,
    expected_sequence: int,
    previous_hash: str | None,
    pinned_public: bytes,
    private_key: bytes,
) -> OpenBatch:
    """Check the batch at ``folder`` and copy it to ``private_copy`` (made anew), ready to load.

    ``expected_sequence`` is the last accepted one + 1 and ``previous_hash`` its manifest hash (None for
    the first); ``pinned_public`` is ``KeyRing.peer(sender).signing``, ``private_key`` is
    ``KeyRing.secret("envelope")``. Raises BatchHeld for a genuine batch before its turn and
    BatchRefused with a reason_code: not_a_batch, signature, malformed, sender, recipient, replay,
    chain, missing_file, extra_file, size, hash, wrapped_key, damaged, rows.
    """
    body, signature = _read_head(folder)
    body_hash = hashlib.sha256(body).hexdigest()
    try:
        manifest = read_manifest(body, signature, pinned_public)
        _check_place(manifest, sender, recipient, expected_sequence, previous_hash or FIRST_HASH)
        _check_file_list(folder, manifest)
    except ManifestError as error:
        raise BatchRefused(error.reason_code, error.message, body_hash) from None
    shutil.rmtree(private_copy, ignore_errors=True)
    private_copy.mkdir(parents=True, mode=0o700)
    try:
        files = {entry.table: _copy_checked(folder, private_copy, entry, body_hash) for entry in manifest.files}
        keys = {entry.table: _unwrap(manifest, entry, private_key, body_hash) for entry in manifest.files}
        _check_rows(manifest, files, keys, body_hash)
        _write_synced(private_copy / BODY_FILE, body)
        _write_synced(private_copy / SIGNATURE_FILE, signature)
    except BaseException:
        shutil.rmtree(private_copy, ignore_errors=True)
        raise
    return OpenBatch(manifest, private_copy, files, keys)


def _read_head(folder: Path) -> tuple[bytes, bytes]:
    if not folder.is_dir() or folder.is_symlink():
        raise BatchRefused("not_a_batch", "there is no batch folder")
    body = _read_regular(folder / BODY_FILE, MAXIMUM_BODY_BYTES)
    signature = _read_regular(folder / SIGNATURE_FILE, _SIGNATURE_BYTES)
    return body, signature


def _read_regular(path: Path, limit: int) -> bytes:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        raise BatchRefused("missing_file", f"{path.name} is missing") from None
    except OSError as error:
        raise BatchRefused("not_a_batch", f"{path.name} cannot be opened ({type(error).__name__})") from None
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode) or status.st_size > limit:
            raise BatchRefused("not_a_batch", f"{path.name} is no plain file of at most {limit} bytes")
        return file.read()


def _check_place(manifest: Manifest, sender: str, recipient: str, expected: int, previous: str) -> None:
    if manifest.sender != sender:
        raise ManifestError("sender", "the batch names another sender")
    if manifest.recipient != recipient:
        raise ManifestError("recipient", "the batch is for another recipient")
    if manifest.suite != hpke.SUITE_NAME:
        raise ManifestError("wrapped_key", "the batch wraps its keys in a way that is not accepted")
    if manifest.sequence < expected:
        raise ManifestError("replay", f"batch {manifest.sequence} was taken before; {expected} is next")
    if manifest.sequence > expected:
        raise BatchHeld(manifest.sequence, expected)
    if manifest.previous != previous:
        raise ManifestError("chain", f"batch {manifest.sequence} does not follow the last one that was taken")


def _check_file_list(folder: Path, manifest: Manifest) -> None:
    promised = {entry.path: entry for entry in manifest.files}
    found: dict[str, os.stat_result] = {}
    with os.scandir(folder) as entries:
        for item in entries:
            found[item.name] = item.stat(follow_symlinks=False)
    missing = promised.keys() - found.keys()
    if missing:
        raise ManifestError("missing_file", f"{len(missing)} file(s) of the manifest did not come")
    if found.keys() - promised.keys() - {BODY_FILE, SIGNATURE_FILE}:
        raise ManifestError("extra_file", "the folder holds what the manifest does not name")
    for name, entry in promised.items():
        if not stat.S_ISREG(found[name].st_mode) or found[name].st_size != entry.size:
            raise ManifestError("size", f"{name} is not of the size in the manifest")


def _copy_checked(folder: Path, private_copy: Path, entry: FileEntry, body_hash: str) -> Path:
    target = private_copy / entry.path
    digest = hashlib.sha256()
    copied = 0
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    try:
        source_handle = os.open(folder / entry.path, flags)
    except OSError:
        raise BatchRefused("missing_file", f"{entry.path} went away while it was read", body_hash) from None
    with os.fdopen(source_handle, "rb") as source, _private_file(target) as copy:
        while chunk := source.read(_CHUNK):
            copied += len(chunk)
            if copied > entry.size:
                break
            digest.update(chunk)
            copy.write(chunk)
    if copied != entry.size:
        raise BatchRefused("size", f"{entry.path} is not of the size in the manifest", body_hash)
    if digest.hexdigest() != entry.sha256:
        raise BatchRefused("hash", f"{entry.path} is not the file that was sealed", body_hash)
    return target


def _unwrap(manifest: Manifest, entry: FileEntry, private_key: bytes, body_hash: str) -> bytes:
    try:
        key = hpke.unwrap(bytes.fromhex(entry.wrapped_key), private_key, manifest.context(entry))
    except hpke.WrapError:
        raise BatchRefused("wrapped_key", f"the key of {entry.path} does not open here", body_hash) from None
    if len(key) != 32:
        raise BatchRefused("wrapped_key", f"the key of {entry.path} has not 32 bytes", body_hash)
    return key


def _check_rows(manifest: Manifest, files: dict[str, Path], keys: dict[str, bytes], body_hash: str) -> None:
    with warehouse.connect(threads=1) as connection:
        for entry in manifest.files:
            try:
                found = connection.execute(
                    f"SELECT count(*) FROM {_READ}", [str(files[entry.table]), keys[entry.table]]
                ).fetchone()
            except duckdb.Error as error:
                raise BatchRefused(
                    "damaged", f"{entry.path} does not open ({type(error).__name__})", body_hash
                ) from None
            if found is None or found[0] != entry.rows:
                raise BatchRefused("rows", f"{entry.path} has not the rows in the manifest", body_hash)


# -- receipts ---------------------------------------------------------------------------------------
def write_receipt(path: Path, receipt: Receipt, signing_key: bytes) -> None:
    """Write the signed answer to one batch, whole or not at all (``<sequence>.receipt.json``)."""
    content = {
        "format": _RECEIPT_FORMAT,
        "sender": receipt.sender,
        "recipient": receipt.recipient,
        "sequence": receipt.sequence,
        "manifest_hash": receipt.manifest_hash,
        "state": receipt.state,
        "reason_code": receipt.reason_code,
        "message": receipt.message,
    }
    signature = sign(_RECEIPT_LABEL, canonical(content), signing_key).hex()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_name(f"{path.name}.tmp-{os.getpid()}-{secrets.token_hex(4)}")
    _write_synced(temporary, canonical({"receipt": content, "signature": signature}))
    temporary.replace(path)
    _sync_folder(path.parent)


def read_receipt(path: Path, *, sender: str, recipient: str, pinned_public: bytes) -> Receipt:
    """The answer at ``path`` by ``sender`` (who received the batch) to ``recipient`` (who sealed it).

    Raises BatchRefused("receipt") where it is not genuine. Compare its ``manifest_hash`` with your own
    record of the batch: a genuine receipt of another batch is still of another batch.
    """
    try:
        document = parse_canonical(_read_regular(path, MAXIMUM_BODY_BYTES))
        content = document["receipt"]
        is_genuine = is_signed(_RECEIPT_LABEL, canonical(content), bytes.fromhex(document["signature"]), pinned_public)
        if not is_genuine or content.pop("format") != _RECEIPT_FORMAT:
            raise BatchRefused("receipt", "the receipt is not signed by the pinned key of its sender")
        receipt = Receipt(**content)
    except (ManifestError, KeyError, TypeError, ValueError, AttributeError):
        raise BatchRefused("receipt", "the receipt is not of a known form") from None
    if (receipt.sender, receipt.recipient) != (sender, recipient) or receipt.state not in ("accepted", "refused"):
        raise BatchRefused("receipt", "the receipt is of other parties")
    return receipt


# -- files ------------------------------------------------------------------------------------------
def _measure(path: Path) -> tuple[int, str]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return path.stat().st_size, digest


def _private_file(path: Path) -> Any:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb")


def _write_synced(path: Path, content: bytes) -> None:
    with _private_file(path) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _plain(error: BaseException) -> str:
    return error.strerror or "" if isinstance(error, OSError) else str(error)
