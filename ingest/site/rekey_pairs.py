"""The pairs of old and new tags for a rotation of the identity key, made out of the site's own archive.

The texts behind records are kept nowhere, so every file that was taken is read again, tokenised under both epochs
and forgotten. What is read is more than what was sealed (rows set aside and later released included), so whatever
the center can hold has its pair. File by file, so that a rotation that was killed goes on where it was.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import duckdb
import polars as pl

from ingest import faults, warehouse
from ingest.formats import recognise
from ingest.formats.enrolment_profile import with_profiles
from ingest.formats.layout_files import with_layouts
from ingest.formats.reading import FileRefused, PartsReader, Reading
from ingest.formats.uke_layout import with_subtraction_codes
from ingest.identity.pairing import Pairing
from ingest.ledger import Ledger
from ingest.masters import lookups as masters
from ingest.progress import ProgressCallback
from ingest.sealing.keys import KeyRing, derive
from ingest.settings import Settings, SiteSettings
from ingest.site import archive, epoch, layouts, profiles
from ingest.site.errors import SiteError
from ingest.site.load import LARGE_FILE

_TAKEN = """
    SELECT file_id, min(file_name) AS file_name FROM delivery
    WHERE state = 'taken' AND delivery_id NOT IN (SELECT delivery_id FROM release WHERE delivery_id IS NOT NULL)
    GROUP BY file_id ORDER BY min(delivery_id)"""
"""The files whose rows stand at the center; a release carries rows of the same bytes."""


@contextmanager
def opened(site: SiteSettings, ring: KeyRing, number: int) -> Iterator[duckdb.DuckDBPyConnection]:
    """The encrypted database of the pairs for epoch ``number``, in use; made where it is not there yet."""
    key = derive(ring.secret("at-rest"), f"rekey|{number}")
    with warehouse.open_database(
        _path(site), key, alias="rekey", spill=site.spill, memory_limit=site.memory_limit, threads=site.threads
    ) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS pair (purpose VARCHAR, old_tag BLOB, new_tag BLOB)")
        connection.execute("CREATE TABLE IF NOT EXISTS ciphertext (identity_tag BLOB, ciphertext BLOB)")
        connection.execute("CREATE TABLE IF NOT EXISTS read_file (file_id VARCHAR)")
        yield connection


def forget(site: SiteSettings) -> None:
    """Remove the database of the pairs and what a killed reading left."""
    for path in (_path(site), _path(site).with_name(f"{_path(site).name}.wal")):
        path.unlink(missing_ok=True)
    shutil.rmtree(_folder(site), ignore_errors=True)


def make(
    settings: Settings, site_name: str, ledger: Ledger, ring: KeyRing, number: int,
    connection: duckdb.DuckDBPyConnection, progress: ProgressCallback,
) -> None:  # fmt: skip
    """Add the pairs of every file that is not read yet, for the step from the epoch before ``number`` to it.

    Raises SiteError naming a file of the archive that is missing, damaged or no longer read as it was.
    """
    site = settings.site(site_name)
    older = number - 1
    pairing = Pairing(ring.numbered("identity", older), older, epoch.tokeniser(ring, number))
    done = {row[0] for row in connection.execute("SELECT file_id FROM read_file").fetchall()}
    files = ledger.rows(_TAKEN)
    with (
        with_layouts(layouts.corrected_layouts(site)),
        with_subtraction_codes(masters.subtraction_codes(settings.workspace)),
        with_profiles(profiles.confirmed_profiles(site)),
    ):
        for place, row in enumerate(files):
            progress(f"site {site_name}: rekey", place, len(files))
            if row["file_id"] not in done:
                _add(connection, row["file_id"], _of_file(site, ring, pairing, row["file_id"], row["file_name"]))
                faults.point("rekey.file")
    progress(f"site {site_name}: rekey", len(files), len(files))


def _add(
    connection: duckdb.DuckDBPyConnection, file_id: str, parts: Iterator[tuple[pl.DataFrame, pl.DataFrame]]
) -> None:
    """The pairs of one file and that it was read, all or nothing."""
    connection.execute("BEGIN")
    try:
        for pairs, ciphertexts in parts:
            for table, frame in (("pair", pairs), ("ciphertext", ciphertexts)):
                connection.register("made", frame)
                connection.execute(f"INSERT INTO {table} SELECT * FROM made")
                connection.unregister("made")
        connection.execute("INSERT INTO read_file VALUES (?)", [file_id])
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _of_file(
    site: SiteSettings, ring: KeyRing, pairing: Pairing, file_id: str, name: str
) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    path = _folder(site) / PurePosixPath(name).name
    archive.restore(site.archive, file_id, ring.secret("at-rest"), path)
    try:
        for reading in _readings(path):
            pairing.seal_tables(reading.tables, site.prefecture_code)
            if "enrolment" in reading.tables:
                pairing.member_tags(reading.tables["enrolment"])
            yield pairing.taken()
    except FileRefused as refusal:
        raise SiteError(
            f"{name} was taken before and is not read any more ({refusal.message}): a layout or profile was changed "
            "since; set it right and rotate again, what was read stays"
        ) from None
    finally:
        path.unlink()


def _readings(path: Path) -> Iterator[Reading]:
    reader, _ = recognise(path)
    if path.stat().st_size > LARGE_FILE and isinstance(reader, PartsReader):
        yield from reader.parts(path)
    else:
        yield reader.read(path)


def _path(site: SiteSettings) -> Path:
    return site.home / "rekey.duckdb"


def _folder(site: SiteSettings) -> Path:
    return site.home / "rekey"
