"""A corrected 総括 set (formats.md, rules 9 and 10): the children's own amounts count, never those of the 総括.

The truth of a set is drawn first, its records are written from it, and what is read is held against it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from random import Random

import polars as pl
import pytest

from ingest.formats import read
from ingest.formats.uke import UkeReader

IR = "IR,2,16,1,1234567,,架空病院,202404,,00,"


def head(number: int, code: str, columns: int) -> str:
    cells = ["RE", str(number), "1111", "202403", "架空　太郎", "1", "19500401", "070", "20240301"]
    cells += [""] * (columns - len(cells))
    cells[18], cells[19], cells[20] = code, "1", f"S{number}"
    return ",".join(cells)


def insurer(points: int) -> str:
    return f"HO,  160028,１２,３４５,10,{points}" + "," * 10


def points_read(tmp_path: Path, *receipts: tuple[str, list[int]], columns: int = 40) -> list[tuple[int, int]]:
    """(points, original_points) of receipts given as (総括区分, the amounts of their HO records)."""
    lines = [IR]
    for number, (code, amounts) in enumerate(receipts, start=1):
        lines += [head(number, code, columns), *map(insurer, amounts)]
    path = tmp_path / "a"
    path.write_bytes("".join(f"{line}\r\n" for line in [*lines, "GO,1,1,99"]).encode("cp932"))
    return read(path).tables["claim"].select("points", "original_points").rows()


@pytest.mark.parametrize("columns", [28, 40])
@pytest.mark.parametrize("code", ["2", "3"])
def test_a_child_that_was_not_revised_keeps_its_own_amount(tmp_path: Path, code: str, columns: int) -> None:
    both = points_read(tmp_path, ("1", [207_300, 207_282]), (code, [188_014, 207_282]), columns=columns)
    assert both == [(207_282, 207_300), (188_014, 188_014)]


def test_a_child_that_was_revised_has_its_own_revised_amount(tmp_path: Path) -> None:
    assert points_read(tmp_path, ("2", [188_014, 207_282, 188_001])) == [(188_001, 188_014)]


def test_a_child_whose_own_amount_was_raised_is_told_by_its_place(tmp_path: Path) -> None:
    assert points_read(tmp_path, ("2", [188_014, 207_400, 188_100])) == [(188_100, 188_014)]


def test_a_child_revised_without_a_record_of_the_summary_has_its_own_revised_amount(tmp_path: Path) -> None:
    assert points_read(tmp_path, ("3", [19_286, 19_000])) == [(19_000, 19_286)]


def test_a_receipt_that_is_no_child_has_its_last_amount_whatever_it_is(tmp_path: Path) -> None:
    assert points_read(tmp_path, ("0", [500, 700]), ("1", [900, 800, 850])) == [(700, 500), (850, 900)]


def test_the_days_of_a_child_are_those_of_its_own_record(tmp_path: Path) -> None:
    own, total = insurer(100).replace(",10,", ",4,"), insurer(300).replace(",10,", ",9,")
    path = tmp_path / "a"
    path.write_bytes("\r\n".join([IR, head(1, "2", 40), own, total, "GO,1,100,99", ""]).encode("cp932"))
    reading = read(path)
    assert reading.tables["claim"]["days_count"].to_list() == [4]
    assert reading.problems == []


@dataclass
class Part:
    """One child: what it has in the end, and its records as the rounds of correction left them."""

    points: int
    submitted: int
    records: list[int]


def corrected_set(chance: Random) -> list[Part]:
    """Children of a set after some rounds of correction; in the last some of them stay as they were.

    The sender of one set in four appends no record of the 総括.
    """
    submitted = [chance.randint(1_000, 50_000) for _ in range(chance.choice((2, 2, 3)))]
    parts = [Part(points, points, [points]) for points in submitted]
    has_totals, rounds = chance.random() < 0.75, chance.choice((0, 1, 1, 2))
    for number in range(rounds):
        revised = [part for part in parts if number < rounds - 1 or chance.random() < 0.5]
        for part in revised:
            part.points -= chance.randint(1, 20)
        total = sum(part.points for part in parts)
        for part in parts:
            part.records += [total] * has_totals + [part.points] * (part in revised)
    return parts


def test_every_corrected_set_adds_up_to_its_children(tmp_path: Path) -> None:
    chance = Random(20240403)
    sets = [corrected_set(chance) for _ in range(120)]
    parts = [part for whole in sets for part in whole]
    assert {len(part.records) for part in parts} >= {1, 2, 3}
    told = points_read(tmp_path, *((chance.choice("23"), part.records) for part in parts))
    assert told == [(part.points, part.submitted) for part in parts]


def test_the_size_of_the_blocks_does_not_matter(tmp_path: Path) -> None:
    points_read(tmp_path, ("1", [300, 290]), ("2", [100, 290]), ("3", [200, 290, 190]))
    whole = read(tmp_path / "a").tables["claim"]
    small = pl.concat([part.tables["claim"] for part in UkeReader(block_bytes=80).parts(tmp_path / "a")])
    assert small.equals(whole)
