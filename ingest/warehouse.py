"""The only door to DuckDB: every database is attached here, encrypted, with its spill encrypted.

No other module calls ``duckdb.connect`` or ``ATTACH``. Keys are bound as parameters and never
formatted into SQL, because a parser error prints the statement.
"""

from __future__ import annotations

import hashlib
import importlib.resources
from pathlib import Path

import duckdb

from ingest.memory import forbid_dumps


class WarehouseError(Exception):
    """A database could not be opened; the message holds its path and the remedy, never a key."""


def _httpfs_path() -> str:
    """The httpfs extension from its wheel: DuckDB writes encrypted files only with it loaded."""
    folder = importlib.resources.files("duckdb_extension_httpfs") / "extensions" / f"v{duckdb.__version__}"
    path = folder / "httpfs.duckdb_extension"
    if not path.is_file():
        raise WarehouseError(
            f"duckdb {duckdb.__version__} has no matching duckdb-extension-httpfs wheel; install the same version"
        )
    return str(path)


def connection_config(
    *, spill: Path | None = None, memory_limit: str | None = None, threads: int | None = None
) -> dict[str, str | bool | int | float | list[str]]:
    """Settings that every connection starts with: spill encrypted, nothing fetched from elsewhere."""
    config: dict[str, str | bool | int | float | list[str]] = {
        "temp_file_encryption": "true",
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "allow_community_extensions": "false",
        "preserve_insertion_order": "false",
        # It knows a file by path, size and second: of two files put in one place it may serve the first.
        "enable_external_file_cache": "false",
    }
    if spill is not None:
        spill.mkdir(parents=True, exist_ok=True, mode=0o700)
        config["temp_directory"] = str(spill)
    if memory_limit is not None:
        config["memory_limit"] = memory_limit
    if threads is not None:
        config["threads"] = str(threads)
    return config


def load_encryption(connection: duckdb.DuckDBPyConnection) -> None:
    """Load what DuckDB needs to write encrypted files."""
    connection.load_extension(_httpfs_path())


def connect(
    *, spill: Path | None = None, memory_limit: str | None = None, threads: int | None = None
) -> duckdb.DuckDBPyConnection:
    """An in-memory connection with encrypted spill, ready to attach encrypted databases."""
    config = connection_config(spill=spill, memory_limit=memory_limit, threads=threads)
    connection = duckdb.connect(":memory:", config=config)
    connection.execute("SET enable_progress_bar = false")  # its bar would run through ours and into logs
    load_encryption(connection)
    return connection


def attach(
    connection: duckdb.DuckDBPyConnection, path: Path, key: bytes, *, alias: str, read_only: bool = False
) -> None:
    """Attach the encrypted database at ``path`` (32-byte ``key``) under ``alias``.

    Raises WarehouseError when the key is wrong, the file is held by a writer or not encrypted.
    """
    forbid_dumps()
    if len(key) != 32:
        raise WarehouseError(f"{path}: a database key has 32 bytes")
    if not alias.isidentifier():
        raise WarehouseError(f"alias {alias!r} is not an identifier")
    if read_only and not path.is_file():
        raise WarehouseError(f"{path} does not exist")
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    options = "ENCRYPTION_KEY ?, ENCRYPTION_CIPHER 'GCM'" + (", READ_ONLY" if read_only else "")
    try:
        connection.execute(f"ATTACH '{_quoted(path)}' AS {alias} ({options})", [key.hex()])
    except duckdb.Error as error:
        raise WarehouseError(f"{path}: {_reason(error)}") from None
    encrypted = connection.execute(
        "SELECT encrypted FROM duckdb_databases() WHERE database_name = ?", [alias]
    ).fetchone()
    if not encrypted or not encrypted[0]:
        raise WarehouseError(f"{path} is not encrypted; refuse to use it")
    if not read_only:
        path.chmod(0o600)


def open_database(
    path: Path,
    key: bytes,
    *,
    alias: str = "warehouse",
    read_only: bool = False,
    spill: Path | None = None,
    memory_limit: str | None = None,
    threads: int | None = None,
    beside: duckdb.DuckDBPyConnection | None = None,
) -> duckdb.DuckDBPyConnection:
    """A connection with the encrypted database at ``path`` attached as ``alias`` and in use.

    ``beside`` is a connection of ``connect`` whose settings it shares, and which is closed after it: to load what
    encrypts takes longer than many a step, and is done once for all of its databases.
    """
    if beside is None:
        connection = connect(spill=spill, memory_limit=memory_limit, threads=threads)
    else:
        connection = beside.cursor()
        connection.execute("SET enable_progress_bar = false")
    try:
        attach(connection, path, key, alias=alias, read_only=read_only)
    except WarehouseError:
        connection.close()
        raise
    connection.execute(f"USE {alias}")
    return connection


def open_hardened(path: Path, key: bytes, *, alias: str = "published") -> duckdb.DuckDBPyConnection:
    """A read-only connection for the dashboard: no files, no further ATTACH, no settings.

    Raises WarehouseError where the file is not the one of which the note beside it has the hash.
    """
    if not is_as_published(path):
        raise WarehouseError(
            f"{path} は公表された時の内容と違います（SHA-256 の不一致）。次の `tsumugi run` で作り直されます"
        )
    connection = open_database(path, key, alias=alias, read_only=True)
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


def file_hash(path: Path) -> str:
    """SHA-256 of a database file, its log behind it where one stands beside it."""
    digest = hashlib.sha256()
    for part in (path, path.with_name(f"{path.name}.wal")):
        if part.is_file():
            with part.open("rb") as handle:
                hashlib.file_digest(handle, lambda: digest)
    return digest.hexdigest()


def hash_note(path: Path) -> Path:
    """Where the hash of a published file stands: one line, two while it is being replaced."""
    return path.with_name(f"{path.name}.sha256")


def is_as_published(path: Path) -> bool:
    """Whether a file has a hash that its note names; a file without a note was put there by hand."""
    note = hash_note(path)
    return not note.is_file() or file_hash(path) in note.read_text(encoding="ascii").split()


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def _reason(error: duckdb.Error) -> str:
    text = str(error)
    if "lock" in text:
        return "another process is writing to it; wait for it to end"
    if "key" in text.lower() or "encrypt" in text.lower():
        return "the key does not open it"
    return type(error).__name__
