"""Writes an encrypted Parquet file: frame by frame, each as pages that wait compressed until a group of rows is full.

The same file as DuckDB writes with ``ENCRYPTION_CONFIG {footer_key_value: …}`` (docs/reference/envelope.md), at a third
of the cost: what is written are receipts, whose texts have few values. It has no statistics, since whoever receives a
batch reads it whole.

Sources: Apache Parquet, parquet.thrift (numbers of fields), Encryption.md (AES_GCM_V1).
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pyarrow as pa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ingest.sealing import parquet_pages as pages
from ingest.sealing.parquet_thrift import Structure, Wide, structure

GROUP_ROWS = 122_880
"""Rows from which a group is full: those of DuckDB, which reads groups side by side."""
_MAGIC = b"PARE"
_ALGORITHM: Structure = {1: {1: {}}}  # AES_GCM_V1, no associated data, the footer encrypted
_NONCE = 12
_OPTIONAL, _ZSTD = 1, 6
_DATA_PAGE, _DICTIONARY_PAGE = 0, 2
_LEVEL = 1  # of Zstandard: numbers packed into bits hardly give way to more
_UTF8, _DECIMAL, _DATE, _INT_32, _INT_64 = 0, 5, 6, 17, 18
_CONVERTED = {pl.String(): _UTF8, pl.Date(): _DATE, pl.Int32(): _INT_32, pl.Int64(): _INT_64}


@dataclass(frozen=True)
class _Packed:
    """A page that waits: the header of its kind, its size before and after it was compressed."""

    rows: int
    encoding: int
    size: int
    content: bytes


class EncryptedParquet:
    """A file of rows of ``schema`` at ``path``, encrypted under ``key`` (32 bytes); ``close`` makes it whole.

    Raises ValueError for a type that no table of a batch has.
    """

    def __init__(self, path: Path, key: bytes, schema: Mapping[str, pl.DataType]) -> None:
        self._schema = dict(schema)
        self._elements = [_element(name, dtype) for name, dtype in self._schema.items()]
        self._cipher = AESGCM(key)
        self._codec = pa.Codec("zstd", compression_level=_LEVEL)
        self._groups: list[Structure] = []
        self._begin_group()
        self.rows = 0
        self._at = 0
        self._file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")
        self._put(_MAGIC)

    def write(self, columns: Sequence[pl.Series]) -> None:
        """Add rows. Raises ValueError where the columns are others."""
        if {one.name: one.dtype for one in columns} != self._schema or len({len(one) for one in columns}) > 1:
            raise ValueError("the columns are not those of the file")
        rows = len(columns[0])
        if not rows:
            return
        given = {one.name: one for one in columns}
        for column, waiting in zip(self._columns, self._waiting, strict=True):
            page = pages.page(column, given[column.name])
            waiting.append(_Packed(page.rows, page.encoding, len(page.body), self._packed(page.body)))
        self._group_rows += rows
        self.rows += rows
        if self._group_rows >= GROUP_ROWS:
            self._end_group()

    def close(self) -> None:
        """End the file, and wait until it lasts."""
        if self._group_rows:
            self._end_group()
        footer: Structure = {
            1: 2,
            2: [{3: 0, 4: "rows", 5: len(self._elements)}, *self._elements],
            3: Wide(self.rows),
            4: self._groups,
            6: "tsumugi",
        }
        begin = self._at
        self._put(structure(_ALGORITHM))
        self._put_module(structure(footer))
        self._put((self._at - begin).to_bytes(4, "little") + _MAGIC)
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def abandon(self) -> None:
        """Write no more; what stands there is no whole file."""
        self._file.close()

    def _begin_group(self) -> None:
        self._columns = [pages.Column(name, dtype) for name, dtype in self._schema.items()]
        self._waiting: list[list[_Packed]] = [[] for _ in self._columns]
        self._group_rows = 0

    def _end_group(self) -> None:
        chunks = [self._put_column(*one) for one in zip(self._columns, self._waiting, strict=True)]
        self._groups.append(
            {
                1: [{2: Wide(0), 3: chunk} for chunk in chunks],
                2: Wide(sum(_wide(chunk, 6) for chunk in chunks)),
                3: Wide(self._group_rows),
            }
        )
        self._begin_group()

    def _put_column(self, column: pages.Column, waiting: list[_Packed]) -> Structure:
        """Write the pages of a column; what the footer says of it."""
        begin, size, dictionary_at = self._at, 0, None
        if column.dictionary:
            body = pages.dictionary_body(column)
            dictionary_at = Wide(begin)
            size += self._put_page(
                _DICTIONARY_PAGE, len(body), self._packed(body), {7: {1: len(column.dictionary), 2: pages.PLAIN}}
            )
        data_at = self._at
        for page in waiting:
            head: Structure = {5: {1: page.rows, 2: page.encoding, 3: pages.RLE, 4: pages.RLE}}
            size += self._put_page(_DATA_PAGE, page.size, page.content, head)
        return {
            1: pages.physical(column.dtype),
            2: sorted({page.encoding for page in waiting} | {pages.RLE}),
            3: [column.name],
            4: _ZSTD,
            5: Wide(sum(page.rows for page in waiting)),
            6: Wide(size),
            7: Wide(self._at - begin),
            9: Wide(data_at),
            11: dictionary_at,
        }

    def _put_page(self, kind: int, size: int, content: bytes, head: Structure) -> int:
        """Write a page behind its header; their size before compression."""
        header = structure({1: kind, 2: size, 3: len(content), **head})
        self._put_module(header)
        self._put_module(content)
        return len(header) + size

    def _put_module(self, content: bytes) -> None:
        """Length, nonce, ciphertext and tag."""
        nonce = secrets.token_bytes(_NONCE)
        sealed = self._cipher.encrypt(nonce, content, None)
        self._put((_NONCE + len(sealed)).to_bytes(4, "little") + nonce)
        self._put(sealed)

    def _put(self, content: bytes) -> None:
        self._file.write(content)
        self._at += len(content)

    def _packed(self, body: bytes) -> bytes:
        packed: bytes = self._codec.compress(body, asbytes=True)
        return packed


def _wide(chunk: Structure, number: int) -> int:
    value = chunk[number]
    assert isinstance(value, Wide)
    return value.value


def _element(name: str, dtype: pl.DataType) -> Structure:
    """What the schema says of a column."""
    own: Structure = {1: pages.physical(dtype), 3: _OPTIONAL, 4: name, 6: _CONVERTED.get(dtype)}
    if isinstance(dtype, pl.Decimal):
        scale, precision = dtype.scale, dtype.precision
        return {**own, 6: _DECIMAL, 7: scale, 8: precision, 10: {5: {1: scale, 2: precision}}}
    return own
