"""Files of a batch are plain files, read within a limit, written whole."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ingest.sealing import files
from ingest.sealing.errors import BatchRefused


def test_only_a_plain_file_within_its_limit_is_read(tmp_path: Path) -> None:
    plain, link, pipe = tmp_path / "plain", tmp_path / "link", tmp_path / "pipe"
    plain.write_bytes(b"12345")
    link.symlink_to(plain)
    os.mkfifo(pipe)
    assert files.read_plain(plain, 5) == b"12345"
    for path, limit, reason in (
        (plain, 4, "not_a_batch"),
        (link, 5, "not_a_batch"),
        (pipe, 5, "not_a_batch"),
        (tmp_path, 5, "not_a_batch"),
        (tmp_path / "none", 5, "missing_file"),
    ):
        with pytest.raises(BatchRefused) as caught:
            files.read_plain(path, limit)
        assert caught.value.reason_code == reason


@pytest.mark.parametrize("by_the_system", [True, False])
def test_a_copy_ends_at_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by_the_system: bool) -> None:
    if not by_the_system:

        def refuse(*_: object) -> int:
            raise OSError

        monkeypatch.setattr(os, "copy_file_range", refuse)
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(bytes(range(256)) * 10_000)
    for size in (0, 1, 2_000_000, 3_000_000):
        with files.open_plain(source) as reader, target.open("wb") as writer:
            files.copy_at_most(reader, writer, size)
        assert target.read_bytes() == source.read_bytes()[:size]


def test_what_stands_there_already_is_not_written_again(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "answer"
    files.put_whole(path, b"one")
    written = path.stat()
    files.put_whole(path, b"one")
    assert path.stat() == written
    files.put_whole(path, b"two and more")
    files.put_whole(path, b"two")
    assert path.read_bytes() == b"two"
    assert path.stat().st_mode & 0o077 == 0
    assert [entry.name for entry in path.parent.iterdir()] == ["answer"]
