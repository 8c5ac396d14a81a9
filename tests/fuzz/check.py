"""One mutant through the one door and through ``inspect``: what must hold whatever the file holds.

By hand: ``python -m tests.fuzz.check NUMBER [FILE]`` repeats one mutant and keeps its bytes in FILE.
"""

from __future__ import annotations

import io
import json
import sys
import tempfile
import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from ingest.formats import FileRefused, Reading, inspect, recognise
from ingest.formats.contracts import CONTRACTS
from ingest.formats.enrolment_profile import with_profiles
from ingest.formats.enrolment_proposal import propose
from ingest.formats.reading import SET_ASIDE_SCHEMA, reasons
from tests.fuzz import accounting
from tests.fuzz.corpus import confirmed_profiles, planted
from tests.fuzz.mutations import Mutant, mutant

NAME = "提出[bold].csv"
"""A name that a terminal must print as it is."""


@dataclass(frozen=True)
class Outcome:
    """What became of a mutant: ``failures`` says what did not hold."""

    number: int
    format: str | None
    is_refused: bool
    failures: tuple[str, ...]


def check(made: Mutant, folder: Path) -> Outcome:
    """Reads and inspects the mutant; never raises for what they do wrong."""
    with with_profiles(confirmed_profiles()):
        return _check(made, folder)


def _check(made: Mutant, folder: Path) -> Outcome:
    path = folder / NAME
    path.write_bytes(made.data)
    failures: list[str] = []
    format_name = None
    came: Reading | FileRefused | None = None
    try:
        reader, _ = recognise(path)
        format_name = reader.format
        came = reader.read(path)  # what ``read`` does, and ``extract``
    except FileRefused as refused:
        came = refused
    except Exception:
        failures.append(f"read: {_told()}")
    if came is not None:
        try:
            if isinstance(came, Reading):
                failures += _of_reading(came, made.data)
            else:
                failures += _of_refusal(came, format_name, made.data)
            failures += _of_inspect(path, came)
        except Exception:
            failures.append(f"what was read: {_told()}")
    if made.format.startswith("enrolment"):
        failures += _of_proposal(path)
    return Outcome(made.number, format_name, isinstance(came, FileRefused), tuple(failures))


def _told() -> str:
    """The exception that is being handled: its last line and where it was raised, without the values of the file."""
    kind, error, trace = sys.exc_info()
    place = [frame for frame in traceback.extract_tb(trace) if "/ingest/" in frame.filename][-1:]
    where = f" at {place[0].filename.split('/ingest/')[1]}:{place[0].lineno}" if place else ""
    return f"{kind.__name__ if kind else ''}{where}: {str(error)[:200]}"


def _of_reading(reading: Reading, data: bytes) -> list[str]:
    wrong = [
        f"{name}: not the columns of the contract"
        for name, frame in reading.tables.items()
        if dict(frame.schema) != CONTRACTS[name].plain_schema()
    ]
    aside = reading.set_aside
    if dict(aside.schema) != SET_ASIDE_SCHEMA:
        wrong.append("set aside: not its columns")
    if (
        aside.select("table_name", "source_row", "reason_code", "message", "remedy", "raw")
        .null_count()
        .sum_horizontal()[0]
    ):
        wrong.append("set aside without table, line, reason or raw text")
    wrong += [f"unknown reason {code}" for code in set(aside["reason_code"]) - set(reasons())]
    for name, frame in reading.tables.items():
        for column in frame.columns:
            frame[column].to_list()  # a value that Python cannot hold fails a step far from here
        parent = CONTRACTS[name].parent
        if parent in reading.tables:
            strange = set(frame["parent_source_row"]) - set(reading.tables[parent]["source_row"])
            if strange:
                wrong.append(f"{name}: lines of {parent} rows that are not there: {sorted(strange)[:5]}")
    wrong += accounting.misplaced(reading, data)
    said = [p.message + p.remedy + p.field + p.table for p in reading.problems]
    said += [reading.edition, *reading.months, *reading.records, *aside["message"], *aside["remedy"], *aside["field"]]
    return wrong + _betrayed("reading", said)


def _of_refusal(refused: FileRefused, format_name: str | None, data: bytes) -> list[str]:
    rows = {name: set(frame["source_row"]) for name, frame in refused.tables.items()}
    wrong = accounting.overcounted(format_name, refused.records, rows, data) if format_name else []
    wrong += accounting.lost_in_refusal(format_name, refused, data) if format_name else []
    return wrong + _betrayed("refusal", [str(refused), refused.message, refused.remedy, *refused.records])


def _of_inspect(path: Path, came: Reading | FileRefused) -> list[str]:
    """``inspect`` of what the door gave (read once: reading is what costs)."""

    def again(_: Path) -> Reading:
        if isinstance(came, FileRefused):
            raise came
        return came

    door, inspect.read = inspect.read, again
    try:
        results = inspect.inspect_files([path])
    finally:
        inspect.read = door
    out = io.StringIO()
    inspect.render(Console(file=out, width=200), results)
    wrong = [] if results[0]["is_refused"] == isinstance(came, FileRefused) else ["inspect: says otherwise"]
    if path.name not in "".join(out.getvalue().split()):
        wrong.append("inspect: the name is not printed as it is")
    return wrong + _betrayed("inspect", [json.dumps(results, ensure_ascii=False, default=str), out.getvalue()])


def _of_proposal(path: Path) -> list[str]:
    """The profile that `tsumugi enrolment propose` makes of the file: proposed or refused, no value told."""
    try:
        proposal = propose(path)
    except FileRefused as refused:
        return _betrayed("proposal", [str(refused), refused.message, refused.remedy])
    except Exception:
        return [f"propose: {_told()}"]
    columns = [[c.column_name, c.contract_column, c.kind, c.why] for c in proposal.columns]
    said = [*columns, proposal.missing, proposal.unused, proposal.notes]
    return _betrayed("proposal", said)


def _betrayed(where: str, said: Iterable[Any]) -> list[str]:
    text = "\n".join(str(part) for part in said)
    return [f"{where}: says a value of a person" for value in planted() if value in text][:1]


if __name__ == "__main__":
    repeated = mutant(int(sys.argv[1]))
    print(repeated)
    if len(sys.argv) > 2:
        Path(sys.argv[2]).write_bytes(repeated.data)
    with tempfile.TemporaryDirectory() as home:
        print(check(repeated, Path(home)))
