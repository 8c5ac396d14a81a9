"""A program that was moved, or stands beside an older one, reads its own seeds."""

from __future__ import annotations

from pathlib import Path

from ingest.center.dbt import forget_other_folders


def test_what_dbt_parsed_in_another_folder_is_forgotten_and_in_the_same_kept(tmp_path: Path) -> None:
    target, here, there = tmp_path / "target", tmp_path / "here", tmp_path / "there"
    parsed = target / "partial_parse.msgpack"
    forget_other_folders(target, here)
    parsed.write_bytes(b"seeds of here")
    forget_other_folders(target, here)
    assert parsed.is_file()
    forget_other_folders(target, there)
    assert not parsed.exists()
