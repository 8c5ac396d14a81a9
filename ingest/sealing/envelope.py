"""The sealed batch: how files travel between a site and the center, in both directions.

A batch is a folder: ``NNNN_<table>.parquet`` (encrypted by DuckDB, each with its own random key),
``manifest.json`` (what is in it, each file key wrapped to the recipient) and ``manifest.sig``.
DuckDB's encryption alone does not bind a block to its place, so nothing is opened before the SHA-256
of the whole file agrees with the signed manifest. ``docs/reference/envelope.md`` fixes every byte.

The receiver's order, cheapest and most decisive first: signature by the pinned key, sender, recipient,
place in the sequence, what it replaces, exact list of files, then copy into a private folder while hashing
(so that the bytes hashed are the bytes read), unwrapping, row counts, loading.

Keys go to DuckDB as bound parameters (``footer_key_value: ?``), so no statement holds one.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
import shutil
import stat
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from ingest import warehouse
from ingest.sealing import hpke
from ingest.sealing.errors import BatchHeld, BatchRefused, EnvelopeError
from ingest.sealing.files import copy_at_most, open_plain, private_file, read_plain, sync_folder, write_synced
from ingest.sealing.manifest import (
    BODY_FILE,
    FIRST_HASH,
    MAXIMUM_BODY_BYTES,
    SIGNATURE_FILE,
    FileEntry,
    Manifest,
    ManifestError,
    file_name,
    key_context,
    read_manifest,
    sign_manifest,
)

_SIGNATURE_BYTES = 64
_RELATION = re.compile(r'[A-Za-z_"][\w."]*')
_TABLE = re.compile(r"[a-z][a-z0-9_]{0,99}")
# Numbers of rows and lines, of which each stands once, are told by their differences (version 2) and not by a
# dictionary, which is for what has few values: half the bytes, and a quarter of the time.
PARQUET = "FORMAT parquet, PARQUET_VERSION v2, DICTIONARY_SIZE_LIMIT 10000, COMPRESSION zstd"
_WRITE = PARQUET + ", ENCRYPTION_CONFIG {footer_key_value: ?}"
_READ = "read_parquet(?, encryption_config = {footer_key_value: ?})"


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
        try:
            found = connection.execute(
                f"DESCRIBE SELECT * FROM {_READ}", [str(self.files[table]), self._keys[table]]
            ).fetchall()
        except duckdb.Error:
            raise BatchRefused("damaged", f"the file of table {table} does not open", self.manifest_hash) from None
        return {row[0]: row[1] for row in found}

    def ask(
        self, connection: duckdb.DuckDBPyConnection, table: str, query: str, parameters: Sequence[object] = ()
    ) -> pl.DataFrame:
        """What ``query`` gives, with the table's file in the place of its ``{}``; its parameters come after that.

        Raises BatchRefused where the file lacks what is asked for or does not open.
        """
        try:
            return connection.execute(
                query.format(_READ), [str(self.files[table]), self._keys[table], *parameters]
            ).pl()
        except (duckdb.Error, KeyError):
            # DuckDB's own text may quote a value, so it goes no further.
            raise BatchRefused("damaged", f"table {table} cannot be asked", self.manifest_hash) from None

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
    replaces: str | None = None,
    extra: dict[str, Any] | None = None,
) -> Sealed:
    """Seal ``tables`` into ``folder``: by name a relation or query in ``connection``, or a file that is moved there.

    ``signing_key`` is ``KeyRing.secret("signing")``, ``recipient_public`` is
    ``KeyRing.peer(recipient).envelope``, ``previous_hash`` the manifest hash of the batch before
    (None for the first), ``replaces`` that of the batch of this number which the recipient refused.
    The folder appears whole or not at all. Raises EnvelopeError where it stands
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
            replaces=replaces or FIRST_HASH,
            kind=kind,
            suite=hpke.SUITE_NAME,
            files=tuple(entries),
            extra=extra or {},
        )
        body = manifest.body()
        write_synced(temporary / BODY_FILE, body)
        write_synced(temporary / SIGNATURE_FILE, sign_manifest(body, signing_key))
        sync_folder(temporary)
        temporary.replace(folder)
        sync_folder(folder.parent)
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
    refused: Collection[str] = (),
    taken: Mapping[int, str] | None = None,
    connection: duckdb.DuckDBPyConnection | None = None,
) -> OpenBatch:
    """Check the batch at ``folder`` and copy it to ``private_copy`` (made anew), ready to load.

    ``expected_sequence`` is the last accepted one + 1 and ``previous_hash`` its manifest hash (None for
    the first); ``pinned_public`` is ``KeyRing.peer(sender).verifying``, ``private_key`` is
    ``KeyRing.secret("envelope")``. ``refused`` are the manifest hashes that were refused when this number
    was due, ``taken`` those accepted by number. Rows are counted through ``connection`` (of ``warehouse``) where one
    is given: a new one takes longer than the check of a small batch. Raises BatchHeld for a genuine batch before
    its turn and BatchRefused with a reason_code: not_a_batch, signature, malformed, sender, recipient, suite, replay,
    same_number, chain, missing_file, extra_file, size, hash, wrapped_key, damaged, rows.
    """
    body, signature = _read_head(folder)
    manifest = _verified(body, signature, pinned_public)
    body_hash = hashlib.sha256(body).hexdigest()
    try:
        _check_parties(manifest, sender, recipient)
        _check_place(manifest, body_hash, expected_sequence, taken or {})
    except ManifestError as error:
        raise BatchRefused(error.reason_code, error.message, body_hash) from None
    try:
        _check_turn(manifest, body_hash, previous_hash or FIRST_HASH, refused)
        _check_file_list(folder, manifest)
        return _copied(folder, private_copy, manifest, body, signature, private_key, connection)
    except ManifestError as error:
        raise BatchRefused(error.reason_code, error.message, body_hash, is_due=True) from None
    except BatchRefused as refusal:
        refusal.is_due = True
        raise


def open_kept(
    folder: Path,
    manifest_hash: str | None,
    *,
    sender: str,
    recipient: str,
    pinned_public: bytes,
    private_key: bytes,
    connection: duckdb.DuckDBPyConnection | None = None,
) -> OpenBatch:
    """A batch that was taken before, checked once more where its private copy stands.

    ``manifest_hash`` is the one under which it was accepted, None where that is not known. Raises BatchRefused
    like ``open_batch``, and with "same_number" where another batch stands there.
    """
    body, signature = _read_head(folder)
    manifest = _verified(body, signature, pinned_public)
    body_hash = hashlib.sha256(body).hexdigest()
    if manifest_hash not in (None, body_hash):
        raise BatchRefused("same_number", "this is not the batch that was accepted", body_hash)
    try:
        _check_parties(manifest, sender, recipient)
        _check_file_list(folder, manifest)
    except ManifestError as error:
        raise BatchRefused(error.reason_code, error.message, body_hash) from None
    files = {entry.table: folder / entry.path for entry in manifest.files}
    for entry in manifest.files:
        if _measure(files[entry.table])[1] != entry.sha256:
            raise BatchRefused("hash", f"{entry.path} is not the file that was sealed", body_hash)
    keys = _unwrapped(manifest, private_key, body_hash)
    _check_rows(manifest, files, keys, body_hash, connection)
    return OpenBatch(manifest, folder, files, keys)


def arrived_hash(folder: Path) -> str:
    """SHA-256 of the manifest in ``folder``, believed or not; "" where there is none."""
    try:
        return hashlib.sha256(read_plain(folder / BODY_FILE, MAXIMUM_BODY_BYTES)).hexdigest()
    except BatchRefused:
        return ""


def _read_head(folder: Path) -> tuple[bytes, bytes]:
    if not folder.is_dir() or folder.is_symlink():
        raise BatchRefused("not_a_batch", "there is no batch folder")
    return read_plain(folder / BODY_FILE, MAXIMUM_BODY_BYTES), read_plain(folder / SIGNATURE_FILE, _SIGNATURE_BYTES)


def _verified(body: bytes, signature: bytes, pinned_public: bytes) -> Manifest:
    try:
        return read_manifest(body, signature, pinned_public)
    except ManifestError as error:
        raise BatchRefused(error.reason_code, error.message, hashlib.sha256(body).hexdigest()) from None


def _check_parties(manifest: Manifest, sender: str, recipient: str) -> None:
    if manifest.sender != sender:
        raise ManifestError("sender", "the batch names another sender")
    if manifest.recipient != recipient:
        raise ManifestError("recipient", "the batch is for another recipient")
    if manifest.suite != hpke.SUITE_NAME:
        raise ManifestError("suite", "the batch wraps its keys in a way that is not accepted")


def _check_place(manifest: Manifest, body_hash: str, expected: int, taken: Mapping[int, str]) -> None:
    if manifest.sequence > expected:
        raise BatchHeld(manifest.sequence, expected)
    if manifest.sequence < expected:
        if taken.get(manifest.sequence, body_hash) != body_hash:
            raise ManifestError("same_number", f"batch {manifest.sequence} was taken before with other content")
        raise ManifestError("replay", f"batch {manifest.sequence} was taken before; {expected} is next")


def _check_turn(manifest: Manifest, body_hash: str, previous: str, refused: Collection[str]) -> None:
    if manifest.previous != previous:
        raise ManifestError("chain", f"batch {manifest.sequence} does not follow the last one that was taken")
    if refused and body_hash not in refused and manifest.replaces not in refused:
        raise ManifestError(
            "same_number",
            f"another batch {manifest.sequence} was refused and this one does not say that it replaces it",
        )


def _copied(
    folder: Path,
    private_copy: Path,
    manifest: Manifest,
    body: bytes,
    signature: bytes,
    private_key: bytes,
    connection: duckdb.DuckDBPyConnection | None,
) -> OpenBatch:
    body_hash = hashlib.sha256(body).hexdigest()
    shutil.rmtree(private_copy, ignore_errors=True)
    private_copy.mkdir(parents=True, mode=0o700)
    try:
        files = {entry.table: _copy_checked(folder, private_copy, entry, body_hash) for entry in manifest.files}
        keys = _unwrapped(manifest, private_key, body_hash)
        _check_rows(manifest, files, keys, body_hash, connection)
        write_synced(private_copy / BODY_FILE, body)
        write_synced(private_copy / SIGNATURE_FILE, signature)
    except BaseException as error:
        shutil.rmtree(private_copy, ignore_errors=True)
        if isinstance(error, OSError):
            raise EnvelopeError(
                f"{private_copy} could not be written: {_plain(error)}; free the disk, run again"
            ) from None
        raise
    return OpenBatch(manifest, private_copy, files, keys)


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
    try:
        source = open_plain(folder / entry.path)
    except OSError:
        raise BatchRefused("missing_file", f"{entry.path} went away while it was read", body_hash) from None
    with source, private_file(target) as copy:
        copy_at_most(source, copy, entry.size + 1)
    size, digest = _measure(target)  # of the copy: what is hashed is what will be read
    if size != entry.size:
        raise BatchRefused("size", f"{entry.path} is not of the size in the manifest", body_hash)
    if digest != entry.sha256:
        raise BatchRefused("hash", f"{entry.path} is not the file that was sealed", body_hash)
    return target


def _unwrapped(manifest: Manifest, private_key: bytes, body_hash: str) -> dict[str, bytes]:
    return {entry.table: _unwrap(manifest, entry, private_key, body_hash) for entry in manifest.files}


def _unwrap(manifest: Manifest, entry: FileEntry, private_key: bytes, body_hash: str) -> bytes:
    try:
        key = hpke.unwrap(bytes.fromhex(entry.wrapped_key), private_key, manifest.context(entry))
    except hpke.WrapError:
        raise BatchRefused("wrapped_key", f"the key of {entry.path} does not open here", body_hash) from None
    if len(key) != 32:
        raise BatchRefused("wrapped_key", f"the key of {entry.path} has not 32 bytes", body_hash)
    return key


def _check_rows(
    manifest: Manifest,
    files: dict[str, Path],
    keys: dict[str, bytes],
    body_hash: str,
    connection: duckdb.DuckDBPyConnection | None,
) -> None:
    """The footer of each file opens with its key and names the rows of the manifest; no row is read for it."""
    with contextlib.nullcontext(connection) if connection is not None else warehouse.connect(threads=1) as counting:
        for entry in manifest.files:
            try:
                found = counting.execute(
                    f"SELECT count(*) FROM {_READ}", [str(files[entry.table]), keys[entry.table]]
                ).fetchone()
            except duckdb.Error as error:
                raise BatchRefused(
                    "damaged", f"{entry.path} does not open ({type(error).__name__})", body_hash
                ) from None
            if found is None or found[0] != entry.rows:
                raise BatchRefused("rows", f"{entry.path} has not the rows in the manifest", body_hash)


# -- files ------------------------------------------------------------------------------------------
def _measure(path: Path) -> tuple[int, str]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return path.stat().st_size, digest


def _plain(error: BaseException) -> str:
    return error.strerror or "" if isinstance(error, OSError) else str(error)
