"""A 資格 file of unknown headings waits in the inbox, is confirmed by one command, and then loads."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from ingest import warehouse
from ingest.cli import app
from ingest.formats.enrolment_proposal import propose
from ingest.progress import silent
from ingest.sealing.keys import KeyRing
from ingest.site import profiles
from ingest.site.extract import extract
from ingest.site.status import status
from tests.handmade import demo_workspace

HEADING = "保険者コード,宛名コード,記号番号,名前,カナ名,誕生日,男女区分,現住所,取得日,取得理由,喪失日,喪失理由"
ROW = "160028,0000015,たかおか-8765431,紡木糸世,ツムギイトヨ,昭和26年7月23日,女,架空町1番地,R2.4.1,転入,99999999,"


def test_a_file_of_unknown_headings_is_held_until_they_are_confirmed(tmp_path: Path) -> None:
    settings = demo_workspace(tmp_path)
    inbox = settings.site("16").inbox
    path = inbox / "vendor.csv"
    path.write_bytes(f"{HEADING}\r\n{ROW}\r\n".encode("cp932"))
    first = extract(settings, "16", silent)
    assert (first["files"], first["held"]) == (0, 1) and "enrolment confirm" in first["held_note"]
    told = status(settings, "16")
    assert told["held"] == told["waiting"] == ["vendor.csv"] and told["files"] == []

    runner = CliRunner()
    shown = runner.invoke(app, ["enrolment", "propose", str(path)])
    assert shown.exit_code == 0 and "birth_date" in shown.output
    assert not any(value in shown.output for value in ("8765431", "紡木", "架空町", "26年"))
    unasked = runner.invoke(app, ["enrolment", "confirm", str(path), "-w", str(tmp_path)])
    assert unasked.exit_code == 1 and not list(settings.site("16").profiles.glob("*"))
    done = runner.invoke(app, ["enrolment", "confirm", str(path), "--yes", "-w", str(tmp_path)])
    assert done.exit_code == 0, done.output
    (saved,) = settings.site("16").profiles.glob("*.csv")
    assert "紡木" not in saved.read_text(encoding="utf-8")
    inspected = runner.invoke(app, ["inspect", str(path), "--json", "-w", str(tmp_path)])
    assert '"format": "enrolment_profile_csv"' in inspected.output

    second = extract(settings, "16", silent)
    assert second["taken"] == 1 and "held" not in second and not path.exists()
    assert status(settings, "16")["rows"]["enrolment"] == {"read": 1, "sealed": 1}

    path.write_bytes(f"{HEADING}\r\n{ROW.replace('99999999,', 'R6.4.1,転出')}\r\n".encode("cp932"))
    assert extract(settings, "16", silent)["taken"] == 1
    for verb, count in (("show", 0), ("drop", 0), ("show", 1)):
        assert (
            runner.invoke(app, ["enrolment", verb, saved.stem, "-w", str(tmp_path), "--site", "16"]).exit_code == count
        )


def test_address_and_address_number_reach_the_encrypted_directory_and_nothing_that_is_sealed(tmp_path: Path) -> None:
    settings = demo_workspace(tmp_path)
    site = settings.site("16")
    path = site.inbox / "vendor.csv"
    path.write_bytes(f"{HEADING}\r\n{ROW}\r\n".encode("cp932"))
    profiles.confirm(site, propose(path).profile({}, {}))
    assert extract(settings, "16", silent)["taken"] == 1

    at_rest = KeyRing(site).secret("at-rest")
    with warehouse.open_database(site.directory, at_rest, alias="directory", read_only=True) as directory:
        (known,) = directory.execute("SELECT address, address_number, name_kanji FROM people").fetchall()
    assert known == ("架空町1番地", "0000015", "紡木糸世")
    kept = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file() and file.stat().st_size}
    assert site.directory in kept
    assert not [
        file.name
        for file, content in kept.items()
        if any(value.encode(code) in content for value in ("架空町1番地", "紡木糸世") for code in ("utf-8", "cp932"))
    ]
