"""The confirmed profiles of a site's 資格 files, and the files of the inbox that wait for one.

A 資格 file whose heading row nobody confirmed is neither loaded nor refused: it stays in the inbox until
`tsumugi enrolment confirm` knows its columns; the next extract takes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from ingest.formats import FileRefused, csvtext, recognise
from ingest.formats.enrolment_profile import (
    HEADING_SEARCH,
    Profile,
    ProfileError,
    heading_row,
    load,
    save,
    with_profiles,
)
from ingest.settings import Settings, SiteSettings
from ingest.site import inbox
from ingest.site.errors import SiteError

HELD = "見出しが未確認の資格ファイルです。`tsumugi enrolment confirm` で列を確認すると次の取り込みで読まれます"
_MARKS = tuple(character.encode(encoding) for character in "得入" for encoding in csvtext.READ_ENCODINGS)
"""Bytes of a character that every heading of 取得日 or 加入日 has: files without them are not looked at further."""


def confirmed_profiles(site: SiteSettings) -> dict[str, Profile]:
    """The profiles of a site by fingerprint of their heading row; raises SiteError naming a damaged one."""
    found = {}
    try:
        for path in sorted(site.profiles.glob("*.csv")):
            profile = load(path)
            if profile.fingerprint != path.stem:
                raise ProfileError(f"{path}: 見出しとファイル名が合いません。消して確認し直してください")
            found[profile.fingerprint] = profile
    except ProfileError as error:
        raise SiteError(str(error)) from None
    return found


def all_profiles(settings: Settings) -> dict[str, Profile]:
    """The profiles of every site of this workspace, for `tsumugi inspect`."""
    return {
        fingerprint: profile
        for site in settings.sites.values()
        for fingerprint, profile in confirmed_profiles(site).items()
    }


def confirm(site: SiteSettings, profile: Profile) -> Path:
    """Save a profile; one of the same heading row is replaced. Raises SiteError where it cannot be used."""
    path = site.profiles / f"{profile.fingerprint}.csv"
    try:
        save(profile, path)
    except ProfileError as error:
        raise SiteError(str(error)) from None
    return path


def drop(site: SiteSettings, fingerprint: str) -> None:
    """Forget a profile; what was loaded by it stays. Raises SiteError where there is none."""
    if fingerprint not in {path.stem for path in site.profiles.glob("*.csv")}:
        raise SiteError(f"確認済みの見出し {fingerprint} はありません。`tsumugi enrolment list` で確かめてください")
    (site.profiles / f"{fingerprint}.csv").unlink()


def parted(
    files: Iterable[inbox.InboxFile], profiles: Mapping[str, Profile]
) -> tuple[list[inbox.InboxFile], list[inbox.InboxFile]]:
    """Files that can be taken, and those held because their heading row is not confirmed."""
    taken: list[inbox.InboxFile] = []
    held: list[inbox.InboxFile] = []
    for file in files:
        (held if is_held(file.path, profiles) else taken).append(file)
    return taken, held


def held_names(site: SiteSettings) -> list[str]:
    """The files of a site's inbox that wait for a profile, as named from the inbox on."""
    known = confirmed_profiles(site)
    return [str(path.relative_to(site.inbox)) for path in inbox.listing(site.inbox) if is_held(path, known)]


def is_held(path: Path, profiles: Mapping[str, Profile]) -> bool:
    """Whether a file has the heading of a 資格 file that no reader knows."""
    with path.open("rb") as handle:
        head = handle.read(csvtext.HEAD_BYTES)
    if not any(mark in head for mark in _MARKS):
        return False
    for encoding in csvtext.READ_ENCODINGS:
        text = head.decode(encoding, errors="replace").lstrip("\ufeff")
        lines = [line for line in text.split("\n", 2 * HEADING_SEARCH) if line.strip()]
        if heading_row(lines[:HEADING_SEARCH]) is not None:
            break
    else:
        return False
    try:
        with with_profiles(profiles):
            recognise(path)
    except FileRefused:
        return True
    return False
