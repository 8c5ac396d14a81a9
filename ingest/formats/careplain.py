"""Care files (``careframe``) read from their bytes: the records that are plain, by their table, and the others as text.

A file is read so when every character can be read and its frame is whole; any other is left to ``careframe``, which
says what is wrong. A record that is not plain, or breaks a rule, stands in ``CareRecords.data`` and is read there.
A large file is read in two parts side by side (``carewalk``), the second from a line on where a claim begins.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa

from ingest.formats import bytecsv, careframe
from ingest.formats.bits import Array
from ingest.formats.bytecsv import PlainFile
from ingest.formats.careframe import CareFile
from ingest.formats.carerecord import Record
from ingest.formats.carewalk import NO_TIES, UNREADABLE, CarePart, Ties
from ingest.formats.reading import Problem
from ingest.formats.sheet import learn, table_of

PART_BYTES = 1 << 22
"""A file of less than two such parts is read in one."""
WINDOW_BYTES = 1 << 16
"""Where the line is looked for with which the second part begins."""


@dataclass(frozen=True)
class CareRecords:
    """The data records of a file.

    ``tables``   rows of the plain ones by the names of their contract tables; a line of a claim with the row of the
                 claim that stands before it, or 0
    ``data``     the others, as ``CareFile.data`` has them, with their ``code``
    ``codes``    as ``careframe.summary`` gives them
    ``edition``  交換情報識別番号 of the first data record
    ``control``  the fields of the control record
    ``file``     the file in its frame, where it was not read from its bytes
    ``reread``   gives some of the plain records as ``data`` has the others
    """

    tables: dict[str, pl.DataFrame]
    data: pl.DataFrame
    codes: pl.DataFrame
    edition: str
    control: Sequence[str]
    file: CareFile | None
    reread: Callable[[pl.Series], pl.DataFrame]

    @property
    def problems(self) -> list[Problem]:
        """What is wrong with the characters of the file."""
        return [] if self.file is None else self.file.problems

    def data_with(self, rows: pl.Series) -> pl.DataFrame:
        """``data`` and some of the plain records, in their order."""
        return self.data if rows.is_empty() else pl.concat([self.data, self.reread(rows)]).sort("source_row")

    def refuse(self, records: dict[str, int], tables: dict[str, pl.DataFrame], set_aside: pl.DataFrame) -> None:
        """As ``CareFile.refuse``."""
        if self.file is not None:
            self.file.refuse(records, tables, set_aside)


def records(
    path: Path, kinds: Sequence[Record], code: pl.Expr, table: str, otherwise: str, ties: Ties = NO_TIES
) -> CareRecords:
    """The records of a file, by its bytes where it can be read so.

    ``code`` makes the code of a record of its leading fields (``careframe.LEADING``); ``table`` and ``otherwise``
    are those of ``careframe.open_frame`` and ``careframe.edition``. Raises FileRefused as ``open_frame`` does.
    """
    tables: dict[str, list[Record]] = {}
    for record in kinds:
        tables.setdefault(record.contract.name, []).append(record)
    for outline in bytecsv.outlines(path):
        if not outline.is_complete:
            break
        parts = [
            CarePart(path, outline, stretch, tables, code, ties) for stretch in _stretches(path, outline, code, ties)
        ]
        faults = _read(parts)
        if not any(faults) and _is_whole(parts):
            return _records(parts, otherwise)
        if UNREADABLE not in faults:
            break
    file = careframe.open_frame(path, table)
    data = file.data().with_columns(code=code)
    codes = careframe.summary(data)
    return CareRecords({}, data, codes, careframe.edition(data, otherwise), file.control, file, lambda _: data.clear())


def _read(parts: Sequence[CarePart]) -> list[str | None]:
    """Reads the parts side by side; gives why they cannot be read."""
    with ThreadPoolExecutor(max_workers=len(parts)) as pool:
        return list(pool.map(CarePart.read, parts))


def _stretches(path: Path, file: PlainFile, code: pl.Expr, ties: Ties) -> list[tuple[int, int, int]]:
    """The bytes of each part from where to where, and the number of its first line."""
    middle = (file.begin + file.end) // 2
    if file.end - file.begin >= 2 * PART_BYTES:
        with path.open("rb") as handle:
            handle.seek(middle)
            begin = middle + len(handle.readline(WINDOW_BYTES))
        window = next(bytecsv.stretch(path, file, begin, file.end, 1, WINDOW_BYTES), None)
        probe = CarePart(path, file, (begin, file.end, 1), {}, code, ties)
        found = probe.begins(window[1]) if window is not None else None
        if found is not None:
            border, row = begin + found[0], found[1]
            return [(file.begin, border, 1), (border, file.end, row)]
    return [(file.begin, file.end, 1)]


def _is_whole(parts: Sequence[CarePart]) -> bool:
    """Whether the parts follow upon each other in one frame that is closed."""
    follow = all(one.next_row == other.row for one, other in zip(parts, parts[1:], strict=False))
    is_ended = [part.is_ended for part in parts] == [False] * (len(parts) - 1) + [True]
    return follow and is_ended and careframe.count_fits(parts[0].control, parts[-1].next_row - 3)


def _records(parts: Sequence[CarePart], otherwise: str) -> CareRecords:
    """What the parts of a file hold."""
    tables, refused = _tables(parts)
    bad_rows = np.unique(refused)
    texts = [text for part in parts for text in part.rest]
    if len(bad_rows):  # a record of a plan is a claim and a line: it is read or it is not
        is_good = ~pl.col("source_row").is_in(bad_rows.tolist())
        tables = {name: table.filter(is_good) for name, table in tables.items()}
        texts += _reread(parts, bad_rows)
    data = pl.concat([parts[0].texts_of(None, bad_rows[:0]), *texts]).sort("source_row")
    codes = pl.concat([part.codes.summary() for part in parts])
    return CareRecords(
        tables,
        data,
        codes.group_by("code").agg(pl.col("source_row").min(), pl.col("count").sum()),
        next((part.edition for part in parts if part.edition is not None), otherwise),
        parts[0].control,
        None,
        lambda rows: pl.concat(_reread(parts, rows.sort().to_numpy())),
    )


def _tables(parts: Sequence[CarePart]) -> tuple[dict[str, pl.DataFrame], Array]:
    """(the tables, the rows that break a rule). While one is filled it is learned what the texts of the next say."""
    tables: dict[str, pl.DataFrame] = {}
    refused = [np.empty(0, np.int64)]
    with ThreadPoolExecutor(max_workers=len(parts)) as pool:
        filling: dict[str, list[Future[tuple[pa.RecordBatch, Array]]]] = {}
        for name in parts[0].tables:
            own = [part.tables[name] for part in parts]
            if any(rows.height for rows in own):
                learned = learn([rows.sheet for rows in own])
                filling[name] = [
                    pool.submit(rows.sheet.fill, learned, part, rows.places()) for part, rows in enumerate(own)
                ]
        for name, futures in filling.items():
            batches, bad = zip(*(future.result() for future in futures), strict=True)
            tables[name] = table_of(batches, parts[0].tables[name].sheet.plans)
            refused.append(tables[name]["source_row"].filter(pl.Series(np.concatenate(bad))).to_numpy())
    return tables, np.concatenate(refused)


def _reread(parts: Sequence[CarePart], rows: Array) -> list[pl.DataFrame]:
    """Some records as text."""
    return [text for part in parts for text in part.reread(rows)]


def merged(plain: pl.DataFrame | None, others: pl.DataFrame) -> pl.DataFrame:
    """Rows read from bytes and those read otherwise as one table, in the order of the file."""
    if plain is None:
        return others
    return plain if others.is_empty() else pl.concat([plain, others]).sort("source_row")
