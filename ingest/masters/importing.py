"""`tsumugi masters import`: files as downloaded, zipped or not, in any order."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ingest.masters import store
from ingest.masters.errors import MasterRefused
from ingest.masters.layout import kinds
from ingest.masters.reading import MasterFile, read
from ingest.progress import ProgressCallback, silent

LARGEST_FILE = 200 * 1024 * 1024
"""No master comes near it (the largest seen has 8 MB): more is not a master, or a ZIP bomb."""
_LARGEST_COUNT = 50
_SUFFIXES = (".csv", ".txt")


@dataclass(frozen=True)
class Outcome:
    """What became of one file: ``imported``, ``unchanged`` (taken before) or ``refused``."""

    file_name: str
    state: str
    done: store.Import | None = None
    kind: str = ""
    refused: MasterRefused | None = None


def import_files(workspace: Path, paths: list[Path], progress: ProgressCallback = silent) -> list[Outcome]:
    """Take the master files at ``paths`` into the store of the workspace; a bad file leaves the good ones.

    Files are taken by release, full before difference, whatever order they are given in.
    """
    outcomes: list[Outcome] = []
    files: list[MasterFile] = []
    for number, path in enumerate(paths):
        progress("read masters", number, len(paths))
        try:
            for name, data in contents(path):
                try:
                    files.append(read(data, name))
                except MasterRefused as refused:
                    outcomes.append(Outcome(name, "refused", refused=refused))
        except MasterRefused as refused:
            outcomes.append(Outcome(path.name, "refused", refused=refused))
    progress("read masters", len(paths), len(paths))
    order = list(kinds())
    files.sort(key=lambda each: (order.index(each.kind.kind), each.release_date, not each.is_full, each.sha256))
    for number, file in enumerate(files):
        progress("import masters", number, len(files))
        outcomes.append(_take(workspace, file))
    progress("import masters", len(files), len(files))
    return outcomes


def _take(workspace: Path, file: MasterFile) -> Outcome:
    kind = file.kind.kind
    try:
        before = store.load(workspace, kind)
        after = store.merged(before, file)
    except MasterRefused as refused:
        return Outcome(file.file_name, "refused", kind=kind, refused=refused)
    if after is before:
        return Outcome(file.file_name, "unchanged", kind=kind)
    store.save(workspace, after)
    return Outcome(file.file_name, "imported", after.imports[-1], kind)


def contents(path: Path) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of each master file at ``path``: the file itself, or the CSV files in a ZIP.

    Raises MasterRefused where it cannot be read, is too large, encrypted, or holds no CSV file.
    """
    try:
        size = path.stat().st_size
        is_zip = path.is_file() and zipfile.is_zipfile(path)
        head = b"" if is_zip else path.open("rb").read(4)
    except OSError as error:
        raise MasterRefused(
            "unrecognised", path.name, f"開けません({type(error).__name__})", remedy="パスと権限を確かめてください"
        ) from None
    if head.startswith(b"PK\x03\x04"):
        raise _broken(path)
    if is_zip:
        yield from _unzipped(path)
    elif size > LARGEST_FILE:
        raise _too_large(path.name)
    else:
        yield path.name, path.read_bytes()


def _unzipped(path: Path) -> Iterator[tuple[str, bytes]]:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [each for each in archive.infolist() if each.filename.lower().endswith(_SUFFIXES)]
            if not entries:
                raise MasterRefused("unrecognised", path.name, "ZIPの中にCSVファイルがありません")
            if len(entries) > _LARGEST_COUNT:
                raise _too_large(path.name)
            for entry in entries:
                name = f"{path.name}/{PurePosixPath(entry.filename).name}"
                if entry.flag_bits & 1:
                    raise MasterRefused(
                        "unrecognised", name, "ZIPが暗号化されています", remedy="暗号化を解いて指定してください"
                    )
                with archive.open(entry) as handle:
                    data = handle.read(LARGEST_FILE + 1)
                if len(data) > LARGEST_FILE:
                    raise _too_large(name)
                yield name, data
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError):
        raise _broken(path) from None


def _broken(path: Path) -> MasterRefused:
    return MasterRefused(
        "truncated", path.name, "ZIPが途中で切れているか壊れています", remedy="もう一度ダウンロードしてください"
    )


def _too_large(name: str) -> MasterRefused:
    return MasterRefused(
        "unrecognised", name, "マスターファイルとしては大きすぎます", remedy="指定したファイルを確かめてください"
    )
