"""Whatever a file holds and wherever in it a person stands: no command prints, logs or keeps who it is.

The files are such as go wrong at every place: no heading row, a name where a number belongs, a name for a record's
kind, XML that breaks off behind a name. Each goes through every command that takes a file, and down the road.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ingest.cli import app
from ingest.settings import Settings
from tests import site_world as world
from tests.handmade import demo_workspace
from tests.security.needles import date_forms, text_forms
from tests.security.search import Search

SITE = "16"


@pytest.fixture(scope="module")
def search() -> Search:
    return Search(text_forms(world.NAME) | text_forms(world.KANA) | text_forms(world.NUMBER) | date_forms(world.BIRTH))


@pytest.fixture(scope="module")
def awkward(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Files by what is wrong with them; every one names the planted person."""
    folder = tmp_path_factory.mktemp("awkward")
    world.write_enrolments(folder / "enrolment.csv", [world.person()])
    world.write_claims(folder / "medical.UKE", [world.person()])
    world.write_checkups(folder / "checkup.csv", [world.person()])
    world.write_checkups(folder / "checkup.zip", [world.person()])
    enrolment = (folder / "enrolment.csv").read_bytes().decode("cp932")
    heading, row = enrolment.split("\r\n", 1)
    receipt = (folder / "medical.UKE").read_bytes().decode("cp932")
    checkup = (folder / "checkup.csv").read_bytes().decode("cp932")
    who = f"{world.NAME},{world.KANA},{world.NUMBER},{world.BIRTH:%Y%m%d}"
    made = {
        "no_heading.csv": row,
        "heading_of_a_person.csv": f"{heading},{who}\r\n{row.rstrip()},1,2,3,4\r\n",
        "name_for_a_date.csv": enrolment.replace("2020", world.NAME),
        "kind_is_a_name.UKE": receipt.replace("SI,", f"{world.NAME},"),
        "name_for_points.UKE": receipt.replace(",291,", f",{world.NUMBER}{world.KANA},"),
        "name_for_a_code.UKE": receipt.replace("8833421", world.NAME).replace("112007410", world.KANA),
        "cut.UKE": receipt[: len(receipt) // 2],
        "name_in_the_title.csv": checkup.replace(",", f",{world.NAME},", 1),
        "name_for_a_value.csv": checkup.replace("131", world.NAME).replace("5.8", world.NUMBER),
        "no_title.csv": f"{who}\r\n" * 3,
        "places.csv": f"行政区コード,小学校区\r\n{world.NAME},{world.KANA}\r\n{world.NUMBER},{world.BIRTH:%Y%m%d}\r\n",
    }
    paths = {path.name: path for path in sorted(folder.iterdir())}
    for name, text in made.items():
        paths[name] = folder / name
        paths[name].write_bytes(text.encode("cp932"))
    return paths | {"odd.zip": _odd_archive(folder / "checkup.zip", folder / "odd.zip")}


def _odd_archive(source: Path, target: Path) -> Path:
    """Documents that break off behind a name, have a name for an element, a date, a value or for their own name."""
    with zipfile.ZipFile(source) as whole, zipfile.ZipFile(target, "w") as odd:
        for name in whole.namelist():
            data = whole.read(name)
            odd.writestr(name, data)
            if "/DATA/" in name:
                stem, text = name.removesuffix(".xml")[:-1], data.decode()
                for number, spoiled in enumerate(
                    [
                        text[: text.index(world.KANA) + 40] if world.KANA in text else text[: len(text) // 2],
                        text.replace("observation", world.NAME),
                        text.replace('value="131"', f'value="{world.NAME}"'),
                        text.replace(f"{world.BIRTH:%Y%m%d}", world.NAME),
                        text.replace("<", f"<!-- {world.NAME} --", 3),
                    ]
                ):
                    odd.writestr(f"{stem}{number + 2}.xml", spoiled)
                odd.writestr(f"{name.rsplit('/', 1)[0]}/{world.NAME}.xml", text)
    return target


@pytest.fixture(scope="module")
def told(awkward: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Settings, str]]:
    """What all commands say of the files, and the site that took them."""
    settings = demo_workspace(tmp_path_factory.mktemp("commands"))
    workspace = ["--workspace", str(settings.workspace)]
    files = [str(path) for path in awkward.values()]
    inbox = settings.site(SITE).inbox
    inbox.mkdir(parents=True, exist_ok=True)
    for path in awkward.values():
        (inbox / path.name).write_bytes(path.read_bytes())
    place = ["--municipality", "16202", *workspace]
    who = f"{world.NAME} {world.NUMBER}"
    commands = [
        ["inspect", *files],
        ["inspect", "--json", *files],
        *(["enrolment", "propose", file] for file in files),
        *(["enrolment", "confirm", file, "--yes", "--site", SITE, *workspace] for file in files),
        *(["districts", "import", file, *place] for file in files),
        *(["masters", "import", file, *workspace] for file in files),
        *(["reconcile", file, "--tenant", "kokuho-16202", *workspace] for file in files),
        ["export", str(settings.workspace / "out"), "--tenant", world.NAME, *workspace],
        *(["reference", "import", "population", file, *workspace] for file in files),
        *(["statistics", verb, file, "--site", SITE, *workspace] for file in files for verb in ("check", "send")),
        ["statistics", "list", *workspace],
        ["site", "extract", *workspace],
        ["enrolment", "list", *workspace],
        ["districts", "list", *workspace],
        ["status", *workspace],
        ["status", "--json", *workspace],
        ["quarantine", "list", *workspace],
        ["quarantine", "list", "--json", *workspace],
        ["quarantine", "drop", *workspace],
        ["center", "receive", *workspace],
        ["center", "link", *workspace],
        ["keys", "rotate", "at-rest", "--party", SITE, *workspace],
        ["center", "review", *workspace],
        ["center", "explain", world.NUMBER, *workspace],
        ["site", "explain", world.NAME, "--tenant", "koiki-16", "--purpose", "x", "--site", SITE, *workspace],
        ["site", "decide", "merge", "00" * 16, "11" * 16, "--by", "x", "--reason", who, "--site", SITE, *workspace],
        ["site", "decisions", *workspace],
        ["run", *workspace],
    ]
    said = io.StringIO()
    runner = CliRunner()
    for command in commands:
        result = runner.invoke(app, command)
        said.write(f"$ {command[:2]}\n{result.output}\n{result.exception!r}\n")
    yield settings, said.getvalue()


def test_every_file_names_the_planted_person(awkward: dict[str, Path], search: Search) -> None:
    for name, path in awkward.items():
        content = path.read_bytes()
        if name.endswith(".zip"):
            with zipfile.ZipFile(path) as archive:
                content = b"\n".join(archive.read(member) for member in archive.namelist())
        assert search.in_bytes(content), name


def test_no_command_says_who_is_in_a_file(told: tuple[Settings, str], search: Search) -> None:
    _, said = told
    assert "cut.UKE" in said
    assert "Traceback" not in said
    assert not search.in_text(said), [line for line in said.splitlines() if search.in_text(line)]


def test_nothing_that_the_commands_wrote_says_who_is_in_a_file(told: tuple[Settings, str], search: Search) -> None:
    settings, _ = told
    site, center = settings.site(SITE), settings.the_center()
    for folder in (site.home, center.home, settings.exchange):
        written = [path for path in folder.rglob("*") if path.is_file() and not path.is_relative_to(site.inbox)]
        assert list(search.in_paths(written)) == []
    for ledger in (site.ledger, center.ledger):
        assert list(search.in_ledger(ledger)) == []
