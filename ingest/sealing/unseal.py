"""The sealed batch, from the receiver's side: checked, and copied to where nobody else writes.

DuckDB's encryption alone does not bind a block to its place, so nothing is opened before the SHA-256
of the whole file agrees with the signed manifest.

The order, cheapest and most decisive first: signature by the pinned key, sender, recipient,
place in the sequence, what it replaces, exact list of files, then copy into a private folder while hashing
(so that the bytes hashed are the bytes read), unwrapping, row counts. Loading is the matter of ``opened``.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import stat
from collections.abc import Collection, Mapping
from pathlib import Path

import duckdb

from ingest import warehouse
from ingest.sealing import hpke
from ingest.sealing.errors import BatchHeld, BatchRefused, EnvelopeError, told
from ingest.sealing.files import copy_at_most, measured, open_plain, private_file, read_plain, write_synced
from ingest.sealing.manifest import (
    BODY_FILE,
    FIRST_HASH,
    MAXIMUM_BODY_BYTES,
    SIGNATURE_FILE,
    FileEntry,
    Manifest,
    ManifestError,
    read_head,
    read_manifest,
)
from ingest.sealing.opened import OpenBatch
from ingest.sealing.tables import READ


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
    the first); ``pinned_public`` is ``KeyRing.peer(sender).accepting(…)``, ``private_key`` is
    ``KeyRing.secret("envelope")``. ``refused`` are the manifest hashes that were refused when this number
    was due, ``taken`` those accepted by number. Rows are counted through ``connection`` (of ``warehouse``) where one
    is given: a new one takes longer than the check of a small batch. Raises BatchHeld for a genuine batch before
    its turn and BatchRefused with a reason_code: not_a_batch, signature, malformed, sender, recipient, suite, replay,
    same_number, chain, missing_file, extra_file, size, hash, wrapped_key, damaged, rows.
    """
    body, signature = read_head(folder)
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
    body, signature = read_head(folder)
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
        if measured(files[entry.table])[1] != entry.sha256:
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
                f"{private_copy} could not be written: {told(error)}; free the disk, run again"
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
    size, digest = measured(target)  # of the copy: what is hashed is what will be read
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
                    f"SELECT count(*) FROM {READ}", [str(files[entry.table]), keys[entry.table]]
                ).fetchone()
            except duckdb.Error as error:
                raise BatchRefused(
                    "damaged", f"{entry.path} does not open ({type(error).__name__})", body_hash
                ) from None
            if found is None or found[0] != entry.rows:
                raise BatchRefused("rows", f"{entry.path} has not the rows in the manifest", body_hash)
