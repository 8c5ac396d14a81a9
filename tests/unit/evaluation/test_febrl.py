"""The evaluation on FEBRL: typing errors do not part records, and what is not enough in common does not tie them."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from ingest.cli import app
from ingest.evaluation import febrl
from ingest.evaluation.neighbours import neighbours

HEADER = (
    "rec_id, given_name, surname, street_number, address_1, address_2, suburb, postcode, state, date_of_birth, "
    "soc_sec_id\n"
)
ORIGINAL = [
    "rec-1-org, michaela, neumann, 8, stanley street, miami, winston hills, 4223, nsw, 19151111, 5304218",
    "rec-2-org, courtney, painter, 12, pinkerton circuit, bega flats, richlands, 4560, vic, 19161214, 4066625",
    "rec-3-org, rachael, painter, 17, burn street, olive park, richlands, 4560, vic, 19401108, 2278864",
]
COPIES = [
    # names the other way round, a letter of the street and a digit of the birth wrong, no number
    "rec-1-dup-0, neumann, michaela, 8, stanley strete, miami, winston hills, 4223, nsw, 19151011, ",
    # most of the address gone; the number holds
    "rec-2-dup-0, courtny, painter, , , , , , vic, 19161214, 4066625",
    "rec-3-dup-0, rachael, painter, 17, burn street, olive park, richlands, 4506, vic, , 2278864",
]


@pytest.fixture()
def folder(tmp_path: Path) -> Path:
    for name, rows in (("dataset3", ORIGINAL + COPIES), ("dataset4a", ORIGINAL), ("dataset4b", COPIES)):
        (tmp_path / f"{name}.csv").write_text(HEADER + "\n".join(rows) + "\n", encoding="utf-8")
    return tmp_path


def test_records_with_typing_errors_find_each_other_and_two_of_one_surname_and_suburb_stay_two(folder: Path) -> None:
    figures = febrl.evaluate(folder)
    assert figures["febrl_3_with_number"] == {
        "records": 6, "true_pairs": 3, "found_pairs": 3, "wrong_pairs": 0, "precision": 1.0, "recall": 1.0,
    }  # fmt: skip
    without = figures["febrl_4_without_number"]
    assert (without["found_pairs"], without["wrong_pairs"]) == (2, 0), "of the second too little is left without number"


def test_the_command_tells_the_figures_and_where_the_records_come_from(folder: Path, tmp_path: Path) -> None:
    told = CliRunner().invoke(app, ["link", "febrl", "--folder", str(folder), "--json"])
    assert json.loads(told.stdout)["febrl_4_with_number"]["recall"] == 1.0
    shown = CliRunner().invoke(app, ["link", "febrl", "--folder", str(folder)])
    assert "febrl_4_without_number" in shown.stdout
    missing = CliRunner().invoke(app, ["link", "febrl", "--folder", str(tmp_path / "none")])
    assert missing.exit_code == 1 and "dataset3.csv" in missing.output


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        ("deletion", "neumann", "neuman"),
        ("deletion", "neumann", "nuemann"),
        ("deletion", "neumann", "naumann"),
        ("digit", "5304218", "5304318"),
        ("date", "19151101", "19151201"),
        ("date", "19150111", "19151101"),
    ],
)
def test_texts_that_one_error_parts_share_a_form(kind: str, one: str, other: str) -> None:
    frame = pl.DataFrame({"node": [0, 1], "text": [one, other]})
    forms = neighbours(frame, "text", kind)
    of = [set(forms.filter(node=node)["text"]) for node in (0, 1)]
    assert of[0] & of[1]


@pytest.mark.parametrize(("kind", "one", "other"), [("deletion", "neumann", "painter"), ("digit", "12", "34")])
def test_other_texts_share_none(kind: str, one: str, other: str) -> None:
    frame = pl.DataFrame({"node": [0, 1], "text": [one, other]})
    forms = neighbours(frame, "text", kind)
    assert not set(forms.filter(node=0)["text"]) & set(forms.filter(node=1)["text"])


def test_every_pass_joins_fields_of_many_values() -> None:
    assert len({one.purpose for one in febrl.passes()}) == 42
