"""The sealed batch, from the sender's side: a folder that appears whole or not at all.

A batch is a folder: ``NNNN_<table>.parquet`` (encrypted by DuckDB, each with its own random key),
``manifest.json`` (what is in it, each file key wrapped to the recipient) and ``manifest.sig``.
``docs/reference/envelope.md`` fixes every byte; ``unseal`` is the other side.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb

from ingest.sealing import hpke
from ingest.sealing.errors import BatchRefused, EnvelopeError, told
from ingest.sealing.files import measured, sync_folder, write_synced
from ingest.sealing.manifest import (
    BODY_FILE,
    FIRST_HASH,
    SIGNATURE_FILE,
    FileEntry,
    Manifest,
    ManifestError,
    file_name,
    key_context,
    read_head,
    read_manifest,
    sign_manifest,
)
from ingest.sealing.tables import WrittenTable, write_table

_TABLE = re.compile(r"[a-z][a-z0-9_]{0,99}")


@dataclass(frozen=True)
class Sealed:
    """A batch as it stands in its folder."""

    path: Path
    sequence: int
    manifest_hash: str
    figures: dict[str, Any]  # {"tables": {table: rows}, "bytes": size of all files}
    extra: dict[str, Any]


def seal(
    connection: duckdb.DuckDBPyConnection | None,
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
    """Seal ``tables`` into ``folder``: by name a relation or query in ``connection``, or a file that is moved there;
    files alone need no connection.

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
            elif connection is not None:
                written = write_table(connection, table, relation, path)
            else:
                raise EnvelopeError(f"table {table} is no file, and there is no connection to write it")
            size, digest = measured(path)
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
            raise EnvelopeError(f"{folder} could not be sealed: {type(error).__name__}: {told(error)}") from None
        raise
    return _sealed(folder, manifest)


def sealed_at(folder: Path, *, own_public: bytes) -> Sealed | None:
    """The batch of ours that stands at ``folder``, or None; for a step that was killed after sealing.

    ``own_public`` is ``KeyRing.public().signing``. Raises EnvelopeError where the folder is not ours.
    """
    if not folder.exists():
        return None
    try:
        body, signature = read_head(folder)
        return _sealed(folder, read_manifest(body, signature, own_public))
    except (ManifestError, BatchRefused) as error:
        raise EnvelopeError(f"{folder} is not a batch of ours: {error}") from None


def _sealed(folder: Path, manifest: Manifest) -> Sealed:
    figures = {
        "tables": {entry.table: entry.rows for entry in manifest.files},
        "bytes": sum(entry.size for entry in manifest.files),
    }
    return Sealed(folder, manifest.sequence, manifest.manifest_hash, figures, manifest.extra)
