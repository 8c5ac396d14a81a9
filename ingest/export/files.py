"""Writing the rows of an export: CSV for spreadsheets, Parquet for programs; whole or not at all.

Every file says inside what it is: a CSV in its first lines, each beginning with ``#``, Parquet in the metadata of its
schema, both in the column ``data_note`` where the data is invented.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

CSV, PARQUET = "csv", "parquet"
BOM = b"\xef\xbb\xbf"
METADATA_KEY = b"tsumugi"
_LINE_END = "\r\n"


def write_csv(path: Path, header: dict[str, str], batches: Iterable[pa.RecordBatch]) -> int:
    """UTF-8 with BOM: a ``# name: value`` line an entry of ``header``, the columns, the rows; returns how many rows."""
    count, is_first = 0, True
    with _whole(path) as stream:
        stream.write(BOM + "".join(f"# {name}: {value}{_LINE_END}" for name, value in header.items()).encode())
        for batch in batches:
            frame = pl.DataFrame(batch)
            stream.write(frame.write_csv(include_header=is_first, line_terminator=_LINE_END).encode())
            count, is_first = count + frame.height, False
    return count


def write_parquet(path: Path, header: dict[str, str], batches: Iterable[pa.RecordBatch]) -> int:
    """Parquet, ``header`` as JSON under the key ``tsumugi`` of the schema's metadata; returns the number of rows."""
    count, writer = 0, None
    with _whole(path) as stream:
        try:
            for batch in batches:
                if writer is None:
                    told = {METADATA_KEY: json.dumps(header, ensure_ascii=False).encode()}
                    writer = pq.ParquetWriter(stream, batch.schema.with_metadata(told), compression="zstd")
                writer.write_batch(batch.replace_schema_metadata(None).cast(writer.schema))
                count += batch.num_rows
        finally:
            if writer is not None:
                writer.close()
    return count


@contextmanager
def _whole(path: Path) -> Iterator[BinaryIO]:
    """A file that takes its name when it is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(f".{path.name}.tmp-{os.getpid()}")
    try:
        with half.open("wb") as stream:
            yield stream
        half.replace(path)
    finally:
        half.unlink(missing_ok=True)
