"""The archive: encrypted, whole or not at all, given back byte for byte."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from ingest.site import archive
from ingest.site.errors import SiteError

KEY = bytes(range(32))


def stored(tmp_path: Path, content: bytes) -> tuple[Path, str]:
    source = tmp_path / "source"
    source.write_bytes(content)
    file_id = hashlib.sha256(content).hexdigest()
    return archive.store(source, tmp_path / "archive", file_id, KEY), file_id


@pytest.mark.parametrize("content", [b"", b"x", b"name " * 500_000], ids=["empty", "one byte", "several blocks"])
def test_a_file_comes_back_byte_for_byte(tmp_path: Path, content: bytes) -> None:
    _, file_id = stored(tmp_path, content)
    archive.restore(tmp_path / "archive", file_id, KEY, tmp_path / "back" / "file")
    assert (tmp_path / "back" / "file").read_bytes() == content


def test_the_archived_bytes_do_not_hold_the_content(tmp_path: Path) -> None:
    path, _ = stored(tmp_path, "ツムギイトヨ".encode() * 10)
    assert "ツムギイトヨ".encode() not in path.read_bytes()
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("place", [0, 25, 40, -1])
def test_a_changed_byte_is_refused_and_leaves_no_plaintext(tmp_path: Path, place: int) -> None:
    path, file_id = stored(tmp_path, b"some rows of persons")
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    with pytest.raises(SiteError, match="damaged"):
        archive.restore(tmp_path / "archive", file_id, KEY, tmp_path / "back")
    assert [p for p in tmp_path.iterdir() if "back" in p.name] == []


def test_a_cut_file_and_another_key_are_refused(tmp_path: Path) -> None:
    path, file_id = stored(tmp_path, b"some rows of persons")
    with pytest.raises(SiteError, match="damaged"):
        archive.restore(tmp_path / "archive", file_id, bytes(32), tmp_path / "back")
    path.write_bytes(path.read_bytes()[:30])
    with pytest.raises(SiteError, match="damaged"):
        archive.restore(tmp_path / "archive", file_id, KEY, tmp_path / "back")


def test_a_file_that_changed_since_it_was_hashed_is_not_taken(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"new")
    with pytest.raises(SiteError, match="was changed"):
        archive.store(source, tmp_path / "archive", hashlib.sha256(b"old").hexdigest(), KEY)
    assert [path for path in (tmp_path / "archive").rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("content", [b"", b"name " * 500_000], ids=["empty", "several blocks"])
def test_a_file_goes_over_to_another_key_once_and_stays_there(tmp_path: Path, content: bytes) -> None:
    path, file_id = stored(tmp_path, content)
    for _ in range(2):
        archive.renew(tmp_path / "archive", file_id, KEY, bytes(32))
    archive.restore(tmp_path / "archive", file_id, bytes(32), tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == content
    with pytest.raises(SiteError, match="another key"):
        archive.restore(tmp_path / "archive", file_id, KEY, tmp_path / "back")
    assert list(path.parent.iterdir()) == [path]


def test_a_file_that_no_key_opens_stays_as_it_is_and_is_named(tmp_path: Path) -> None:
    path, file_id = stored(tmp_path, b"some rows of persons")
    before = path.read_bytes()
    with pytest.raises(SiteError, match=f"{file_id} is damaged or of another key"):
        archive.renew(tmp_path / "archive", file_id, b"x" * 32, bytes(32))
    assert path.read_bytes() == before
    other = archive.archived(tmp_path / "archive", file_id[:2] + "0" * 62)
    path.rename(other)
    with pytest.raises(SiteError, match="is damaged"):
        archive.renew(tmp_path / "archive", other.name, KEY, bytes(32))
