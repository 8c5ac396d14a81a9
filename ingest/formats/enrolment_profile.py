"""Which column of a vendor's 資格 CSV is which column of the contract: proposed, confirmed once, used again.

A profile belongs to one heading row, told by its fingerprint: the headings folded, in their order. It
names headings and codes only, no person. A reader knows no workspace: the step that reads says which
profiles hold with ``with_profiles``.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ingest.formats import csvtext
from ingest.formats.csvlayout import LayoutColumn, fold
from ingest.formats.layout_files import layout_cache, layout_rows

HEADING_SEARCH = 6
"""The heading is looked for among this many first lines, as ``headercsv`` does."""
HEADING_LINES = 2 * HEADING_SEARCH  # blank lines between titles do not count
FIELDS_OF_A_HEADING = 4
"""A line that names so many contract columns, one of them a date of 資格, is the heading of a 資格 file."""
DELIVERIES = ("delta", "full")
_COLUMNS = ("column_name", "occurrence", "contract_column", "codes", "delivery")


class ProfileError(ValueError):
    """A profile that cannot be used: the message says which heading or field, and what to do."""


@dataclass(frozen=True)
class FieldRule:
    """One contract column as headings may name it (``layouts/enrolment_headings.csv``)."""

    contract_column: str
    kind: str
    is_needed: bool
    spellings: tuple[str, ...]
    source: str


@layout_cache
def field_rules() -> dict[str, FieldRule]:
    """The contract columns that a heading can name, by name; ``date:era`` names the era of a date."""
    return {
        row["contract_column"]: FieldRule(
            row["contract_column"],
            row["type"],
            row["is_needed"] == "true",
            tuple(fold(spelling) for spelling in row["spellings"].split("|")),
            row["source"],
        )
        for row in layout_rows("enrolment_headings")
    }


@layout_cache
def field_of_heading() -> dict[str, str]:
    """Contract column by folded heading."""
    return {spelling: rule.contract_column for rule in field_rules().values() for spelling in rule.spellings}


@dataclass(frozen=True)
class ProfileColumn:
    """One column of the file; ``contract_column`` is empty where it is not used.

    ``codes`` turns a value of this column (事由) into a code of ours.
    """

    column_name: str
    occurrence: int
    contract_column: str
    codes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Profile:
    """A confirmed heading row; ``is_full``: its files hold every member (全件), not changes only (異動)."""

    columns: tuple[ProfileColumn, ...]
    is_full: bool = False

    @property
    def fingerprint(self) -> str:
        """What names the heading row."""
        return fingerprint([column.column_name for column in self.columns])

    def layout(self) -> tuple[LayoutColumn, ...]:
        """The profile as a layout; columns that are not used are known by it and not carried.

        基準日 is read of full files only: a file of changes may print it and speaks of other days.
        """
        rules = field_rules()
        unread = "" if self.is_full else "full_as_of_date"
        fields = [column.contract_column if column.contract_column != unread else "" for column in self.columns]
        return tuple(
            LayoutColumn(
                column_name=column.column_name,
                contract_column=field,
                kind=rules[field].kind if field else "text",
                is_verified=True,
                source="confirmed by the site",
                spellings=(column.column_name,),
                occurrence=column.occurrence,
                is_needed=bool(field),
            )
            for column, field in zip(self.columns, fields, strict=True)
        )

    def check(self) -> None:
        """Raises ProfileError where a field is unknown, filled twice, or needed and not filled.

        A full file must say of which day it is, for who is absent in it is ended from that day on.
        """
        rules = field_rules()
        used = [column.contract_column for column in self.columns if column.contract_column]
        unknown = sorted(set(used) - set(rules))
        if unknown:
            raise ProfileError(f"項目名が違います: {'、'.join(unknown)}（使える項目: {'、'.join(rules)}）")
        twice = sorted({name for name in used if used.count(name) > 1})
        if twice:
            raise ProfileError(f"2つ以上の列が同じ項目に当てられています: {'、'.join(twice)}")
        absent = missing_fields(used)
        if absent:
            names = "、".join(absent)
            raise ProfileError(f"必須の項目に当たる列がありません: {names}。--set 見出し=項目 で指定してください")
        if self.is_full and not {"full_as_of_date", "processed_date"} & set(used):
            raise ProfileError(
                "全件のファイルには基準日(full_as_of_date)か異動処理年月日(processed_date)の列が要ります。"
                "--set 見出し=full_as_of_date で指定してください"
            )


def missing_fields(used: Sequence[str]) -> list[str]:
    """The needed fields that ``used`` does not hold; 記号番号 in one column stands for 番号."""
    has = {*used, *(["number"] if "symbol_and_number" in used else [])}
    return [name for name, rule in field_rules().items() if rule.is_needed and name not in has]


def fingerprint(headings: Sequence[str]) -> str:
    """16 hexadecimal digits of a heading row; case, width and blanks of a heading do not matter."""
    return hashlib.sha256("\x1f".join(fold(heading) for heading in headings).encode()).hexdigest()[:16]


def numbered(headings: Sequence[str]) -> list[tuple[str, int]]:
    """Each heading with its how-manieth occurrence."""
    seen: dict[str, int] = {}
    found = []
    for heading in headings:
        name = fold(heading)
        seen[name] = seen.get(name, 0) + 1
        found.append((heading.strip(), seen[name]))
    return found


def heading_row(lines: Sequence[str]) -> tuple[int, list[str]] | None:
    """Place and headings of the first of some lines that is the heading of a 資格 file, in any vendor's words."""
    for place, line in enumerate(lines[:HEADING_SEARCH]):
        headings = csvtext.split_line(line)
        named = {field_of_heading()[name] for name in map(fold, headings) if name in field_of_heading()}
        if len(named) >= FIELDS_OF_A_HEADING and named & {"acquired_date", "lost_date"}:
            return place, headings
    return None


def save(profile: Profile, path: Path) -> None:
    """Write a profile as CSV, whole or not at all; raises ProfileError where it cannot be used."""
    profile.check()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    half = path.with_suffix(".tmp")
    with half.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(_COLUMNS)
        for column in profile.columns:
            codes = "|".join(f"{value}={code}" for value, code in column.codes.items())
            delivery = DELIVERIES[profile.is_full]
            writer.writerow([column.column_name, column.occurrence, column.contract_column, codes, delivery])
    half.replace(path)


def load(path: Path) -> Profile:
    """Read a saved profile; raises ProfileError naming the file where it is damaged."""
    try:
        with path.open(encoding="utf-8", newline="") as handle:
            rows = list(csv.DictReader(handle))
        (delivery,) = {row.get("delivery", "delta") for row in rows}
        profile = Profile(
            tuple(
                ProfileColumn(
                    row["column_name"],
                    int(row["occurrence"]),
                    row["contract_column"],
                    dict(pair.split("=", 1) for pair in row["codes"].split("|") if pair),
                )
                for row in rows
            ),
            is_full=bool(DELIVERIES.index(delivery)),
        )
        profile.check()
    except (KeyError, ValueError, TypeError, AttributeError, csv.Error) as error:
        why = str(error) if isinstance(error, ProfileError) else "書式が崩れています"
        raise ProfileError(f"{path}: {why}。`tsumugi enrolment drop` で消して確認し直してください") from None
    return profile


_confirmed: Mapping[str, Profile] = {}


def confirmed() -> Mapping[str, Profile]:
    """The profiles that hold now, by fingerprint; none outside ``with_profiles``."""
    return _confirmed


@contextmanager
def with_profiles(profiles: Mapping[str, Profile]) -> Iterator[None]:
    """Read 資格 files with the confirmed profiles of a site, once in a process and for all its threads."""
    global _confirmed
    before, _confirmed = _confirmed, profiles
    try:
        yield
    finally:
        _confirmed = before


def is_full(path: Path) -> bool:
    """Whether a confirmed profile takes the file, and says that it holds every member."""
    if not any(profile.is_full for profile in confirmed().values()):
        return False
    with path.open("rb") as handle:
        head = handle.read(csvtext.HEAD_BYTES)
    for encoding in csvtext.READ_ENCODINGS:
        found = profile_of(head.decode(encoding, errors="replace").lstrip("\ufeff"))
        if found is not None:
            return found.is_full
    return False


def profile_of(text: str) -> Profile | None:
    """The confirmed profile of one of the first lines that are not blank."""
    lines = [line for line in text.split("\n", HEADING_LINES)[:HEADING_LINES] if line.strip()]
    found = (confirmed().get(fingerprint(csvtext.split_line(line))) for line in lines[:HEADING_SEARCH])
    return next((profile for profile in found if profile is not None), None)
