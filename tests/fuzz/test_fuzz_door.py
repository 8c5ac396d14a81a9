"""Mutated files of every format through the one door: no traceback, no hang, no row lost, no value told.

Each failure names its mutant; ``python -m tests.fuzz.check NUMBER FILE`` repeats it by hand.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.formats import READERS, Reading, read, recognise
from ingest.formats.enrolment_profile import with_profiles
from tests.fuzz import accounting, runner
from tests.fuzz.corpus import Original, confirmed_profiles, originals, planted
from tests.fuzz.mutations import COMMON, HEAVY, Mutant, mutant

SHORT, LONG, PARTS = 140, 10_000, 8
HELD_BY_NO_FILE = {"uke-pharmacy": {"claim_diagnosis"}, "guidance-xml": {"checkup", "checkup_result"}}
"""Tables of which some files hold no row."""


def _read(path: Path) -> Reading:
    with with_profiles(confirmed_profiles()):
        return read(path)


@pytest.mark.parametrize("original", originals(), ids=lambda original: original.name)
def test_the_files_that_are_mutated_are_good_ones(original: Original, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(original.data)
    reading = _read(path)
    with with_profiles(confirmed_profiles()):
        assert recognise(path)[0].format == reading.format == original.format
    assert reading.set_aside.is_empty() and not reading.problems
    assert {name for name, frame in reading.tables.items() if frame.is_empty()} == HELD_BY_NO_FILE.get(
        original.name, set()
    )
    assert accounting.misplaced(reading, original.data) == []


def test_every_reader_has_a_file_of_its_format_that_is_mutated() -> None:
    assert {original.format for original in originals()} == {reader.format for reader in READERS}


def test_the_people_in_the_files_are_those_that_no_message_may_name() -> None:
    for original in originals():
        text = original.text()
        assert original.name in ("insured-counts", "population", "districts") or any(
            value in text for value in planted()
        )


def test_a_lost_row_is_noticed(tmp_path: Path) -> None:
    for original in originals():
        path = tmp_path / "file"
        path.write_bytes(original.data)
        reading = _read(path)
        name = next(name for name, frame in reading.tables.items() if frame.height)
        reading.tables[name] = reading.tables[name].slice(1).head(-1)
        assert accounting.misplaced(reading, original.data) != []


def test_a_number_gives_the_same_mutant_again() -> None:
    assert mutant(1234) == mutant(1234)
    assert mutant(1234).data != mutant(1234 + len(originals())).data


def test_the_long_form_meets_every_mutation_of_every_format() -> None:
    seen = {(made.original, name) for made in map(_light, range(LONG)) for name in made.mutations}
    names = [mutation.__name__ for mutation in (*COMMON, *HEAVY)]
    assert {(original.name, name) for original in originals() for name in names} - seen == set()


def _light(number: int) -> Mutant:
    """The mutant without its bytes."""
    return mutant(number, is_made=False)


def test_mutants_of_every_format_are_read_or_refused_and_every_row_is_accounted_for() -> None:
    report = runner.run(range(SHORT))
    assert report.failures == []
    assert report.run.total() == SHORT
    assert 0 < report.refused.total() < SHORT


@pytest.mark.long
@pytest.mark.parametrize("part", range(PARTS))
def test_ten_thousand_mutants_are_read_or_refused_and_every_row_is_accounted_for(part: int) -> None:
    start, count = SHORT + part * (LONG // PARTS), LONG // PARTS
    report = runner.run(range(start, start + count))
    assert report.failures == []
    assert report.run.total() == count
