"""A large receipt file comes in parts that need no undoing."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from uke_samples import IR, receipt, write

from ingest.formats.reading import FileRefused, PartsReader
from ingest.formats.uke import UkeReader

RECEIPTS = 40


def lines(total: str = f"GO,{RECEIPTS},{73 * RECEIPTS},99") -> list[str]:
    return [IR, *(line for number in range(1, RECEIPTS + 1) for line in receipt(number)), total]


def test_parts_hold_whole_receipts_and_the_last_speaks_for_the_whole_file(tmp_path: Path) -> None:
    reader = UkeReader(block_bytes=600)
    assert isinstance(reader, PartsReader)
    *parts, last = reader.parts(write(tmp_path / "a", lines()))
    assert len(parts) > 5
    for part in parts:
        rows = part.tables["claim"]["source_row"]
        for name in ("claim_diagnosis", "claim_item"):
            assert part.tables[name]["parent_source_row"].to_list() == rows.to_list()
    assert sum(part.tables["claim"].height for part in parts) == RECEIPTS
    assert all(table.is_empty() for table in last.tables.values())
    assert last.records == {"IR": 1, "RE": 40, "HO": 40, "SY": 40, "SI": 40, "GO": 1}
    assert last.months == ["2024-03"]
    assert last.problems == []


def test_the_last_part_tells_that_the_totals_of_all_parts_contradict_the_file(tmp_path: Path) -> None:
    *_, last = UkeReader(block_bytes=600).parts(write(tmp_path / "a", lines("GO,41,2920,99")))
    assert [problem.field for problem in last.problems] == ["receipt_count"]


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (lambda data: data[:-20], "truncated"),
        (lambda data: data.replace(b"GO,", b"CO,"), "truncated"),
        (lambda data: data.decode("cp932").encode("utf-8"), "encoding"),
        (lambda data: b"a,b\r\n" + data, "unrecognised"),
    ],
)
def test_a_file_unfit_at_its_end_is_refused_before_its_first_part(tmp_path: Path, fault, reason: str) -> None:  # type: ignore[no-untyped-def]
    path = write(tmp_path / "a", lines(), last=b"")
    path.write_bytes(fault(path.read_bytes()))
    with pytest.raises(FileRefused) as refused:
        next(UkeReader(block_bytes=600).parts(path))
    assert refused.value.reason_code == reason


def test_reading_the_parts_together_is_reading_the_file(tmp_path: Path) -> None:
    path = write(tmp_path / "a", lines())
    whole, parts = UkeReader().read(path), list(UkeReader(block_bytes=600).parts(path))
    for name, table in whole.tables.items():
        assert pl.concat([part.tables[name] for part in parts]).equals(table)


def test_a_head_that_says_nothing_is_in_force_in_the_blocks_after_it_too(tmp_path: Path) -> None:
    many = [line for number in range(1, 21) for line in receipt(number)]
    path = write(tmp_path / "a", [IR, *many, "GO,20,1460,99", "IR", *many, "GO,20,1460,99"])
    *parts, _ = UkeReader(block_bytes=600).parts(path)
    assert len(parts) > 5
    assert sum(part.tables["claim"].height for part in parts) == 20


def test_nothing_of_the_reading_is_called_back_from_polars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For rows are judged and kept by Polars in other threads meanwhile, which could wait for each other for ever."""

    def called_back(*_: object, **__: object) -> None:
        raise AssertionError

    for kind in (pl.Expr, pl.Series, pl.DataFrame, pl.LazyFrame):
        for name in ("map_batches", "map_elements", "map_rows"):
            if hasattr(kind, name):
                monkeypatch.setattr(kind, name, called_back)
    reader = UkeReader(block_bytes=600)
    assert not reader.calls_back
    assert sum(part.tables["claim"].height for part in reader.parts(write(tmp_path / "a", lines()))) == RECEIPTS
