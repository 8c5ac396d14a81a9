"""The plain lines of FKAC167 block by block: a thread reads the next block, one the results, the caller the checkups.

Goes in: blocks of lines (``bytecsv``). Comes out: each block with its lines that are plain, their ``checkup`` and
``checkup_result``. The caller makes the tables of both: no other thread calls Polars but for texts that are new.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import polars as pl

from ingest.formats.bits import Array
from ingest.formats.bytecsv import Block
from ingest.formats.cells import Cell
from ingest.formats.contracts import CHECKUP
from ingest.formats.fkac167_plain import Found, PlainResults
from ingest.formats.plaincells import PlainCells

Plain = tuple[Block, Array, pl.DataFrame, pl.DataFrame]
"""A block, its plain lines, their ``checkup`` and ``checkup_result``."""


def plain_blocks(blocks: Iterator[Block], headings: Sequence[str], own: list[Cell], encoding: str) -> Iterator[Plain]:
    """Each block with what its plain lines say; the results of the next are read while one is made into tables."""
    begun: deque[tuple[Block, Array, Future[Found]]] = deque()
    with ThreadPoolExecutor(max_workers=1) as pool:
        made = pool.submit(PlainResults, headings, encoding)
        plain = PlainCells(CHECKUP, own, encoding)

        def read(block: Block, lines: Array) -> Found:
            return made.result().read(block, lines)

        def tables(block: Block, lines: Array, found: Future[Found]) -> Plain:
            checkup, odd = plain.read(block, lines)
            if odd.any():
                lines = lines[~odd]
                found = pool.submit(read, block, lines)
            results, odd = made.result().table(found.result(), checkup), found.result().odd
            if odd.any():
                lines, checkup = lines[~odd], checkup.filter(~pl.Series(odd))
            return block, lines, checkup, results

        for block in blocks:
            lines = block.plain_lines(len(headings))
            begun.append((block, lines, pool.submit(read, block, lines)))
            if len(begun) > 1:
                yield tables(*begun.popleft())
        while begun:
            yield tables(*begun.popleft())
