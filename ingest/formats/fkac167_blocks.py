"""The plain lines of FKAC167 block by block: a thread reads the next block, one the results, the caller the checkups.

Goes in: blocks of lines (``bytecsv``). Comes out: each block with its lines that are plain, their ``checkup`` and
``checkup_result``. No thread but the caller's calls back from Polars.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import polars as pl

from ingest.formats.bits import Array
from ingest.formats.bytecsv import Block
from ingest.formats.cells import Cell
from ingest.formats.contracts import CHECKUP
from ingest.formats.fkac167_plain import Found, PlainResults
from ingest.formats.plaincells import PlainCells

Plain = tuple[Block, Array, pl.DataFrame, pl.DataFrame]
"""A block, its plain lines, their ``checkup`` and ``checkup_result``."""
AHEAD = 2
"""Blocks whose results are read while the checkups of one are."""


@dataclass
class _Part:
    """A block that is being read."""

    block: Block
    lines: Array
    found: Future[Found]
    checkup: pl.DataFrame
    table: Future[pl.DataFrame]


def plain_blocks(blocks: Iterator[Block], headings: Sequence[str], own: list[Cell], encoding: str) -> Iterator[Plain]:
    """Each block with what its plain lines say."""
    begun: deque[tuple[Block, Array, Future[Found]]] = deque()
    waiting: deque[_Part] = deque()
    with ThreadPoolExecutor(max_workers=1) as pool:
        made = pool.submit(PlainResults, headings, encoding)
        plain = PlainCells(CHECKUP, own, encoding)

        def read(block: Block, lines: Array) -> Found:
            return made.result().read(block, lines)

        def table(found: Future[Found], checkup: pl.DataFrame) -> pl.DataFrame:
            return made.result().table(found.result(), checkup)

        def checkups(block: Block, lines: Array, found: Future[Found]) -> _Part:
            checkup, odd = plain.read(block, lines)
            if odd.any():
                lines = lines[~odd]
                found = pool.submit(read, block, lines)
            return _Part(block, lines, found, checkup, pool.submit(table, found, checkup))

        for block in blocks:
            lines = block.plain_lines(len(headings))
            begun.append((block, lines, pool.submit(read, block, lines)))
            if len(begun) == AHEAD:
                waiting.append(checkups(*begun.popleft()))
            if len(waiting) == AHEAD:
                yield _without_odd(waiting.popleft())
        while begun:
            waiting.append(checkups(*begun.popleft()))
        while waiting:
            yield _without_odd(waiting.popleft())


def _without_odd(part: _Part) -> Plain:
    """What was read of a block, without the lines of which a result is odd."""
    results, odd = part.table.result(), part.found.result().odd
    if odd.any():
        return part.block, part.lines[~odd], part.checkup.filter(~pl.Series(odd)), results
    return part.block, part.lines, part.checkup, results
