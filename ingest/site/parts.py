"""Parts of a large file, put together until they are worth the fixed costs of what is done with each."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from ingest.formats.reading import Reading

PART_ROWS = 200_000  # as typed columns some fifty megabytes


def gathered(parts: Iterator[Reading], rows: int = PART_ROWS) -> Iterator[Reading]:
    """The same content in parts of at least ``rows`` rows, the last one apart.

    Where a reader fails, what it gave before is given before the failure is raised.
    """
    waiting: list[Reading] = []
    failure: Exception | None = None
    while True:
        try:
            part = next(parts, None)
        except Exception as error:
            failure = error
            break
        if part is None:
            break
        waiting.append(part)
        if sum(_rows(one) for one in waiting) >= rows:
            yield _together(waiting)
            waiting = []
    if waiting:
        yield _together(waiting)
    if failure is not None:
        raise failure


def _rows(part: Reading) -> int:
    return part.set_aside.height + sum(table.height for table in part.tables.values())


def _together(parts: list[Reading]) -> Reading:
    """One part: what concerns the file so far is told by the last.

    Columns are put together here once, and not wherever a further column meets them.
    """
    last = parts[-1]
    return Reading(
        format=last.format,
        edition=last.edition,
        months=last.months,
        records=last.records,
        tables={name: pl.concat([part.tables[name] for part in parts], rechunk=True) for name in last.tables},
        set_aside=pl.concat([part.set_aside for part in parts]),
        problems=[problem for part in parts for problem in part.problems],
    )
