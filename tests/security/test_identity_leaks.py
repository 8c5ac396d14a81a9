"""Nothing of a person leaves the site: not in tables, not in errors, not by how often a tag occurs."""

from __future__ import annotations

import io
import math
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from ingest import warehouse
from ingest.formats.contracts import CONTRACTS
from ingest.identity.cipher import TokenError
from ingest.identity.directory import Directory
from ingest.identity.passes import passes
from ingest.identity.tokens import Tokeniser
from tests.unit.identity.people import KEY, TOWNS, certifications, claims, enrolment

NEEDLES = (
    "山田花子",
    "ヤマダ",
    "ﾔﾏﾀﾞ",
    "ハナコ",
    "0012345",
    "000987654",
    "広小路",
    "1950-04-17",
    "19500417",
    "4412399",
    "98765432109876543210",
)
# One household number, one claim number and one care number, as searched for above.
PERSON = {"number": "0012345", "birth_date": date(1950, 4, 17)}


@pytest.fixture()
def tokeniser() -> Tokeniser:
    return Tokeniser(KEY, 1, TOWNS)


def everything(tokeniser: Tokeniser) -> tuple[dict[str, pl.DataFrame], pl.DataFrame]:
    sealed = tokeniser.seal_tables(
        {
            "enrolment": enrolment(PERSON | {"previous_scheme_code": "kokuho", "previous_number": "4412399"}),
            "claim": claims(PERSON | {"name_kanji": "山田花子", "search_number": "98765432109876543210"}),
            "care_certification": certifications(PERSON | {"related_number": "4412399"}),
        },
        "16",
    )
    return sealed.tables | {"identity": sealed.identity, "identity_pass": sealed.identity_pass}, sealed.people


def spoken(frame: pl.DataFrame) -> bytes:
    """Every cell of a frame: binary as it is, the rest as text."""
    written = io.BytesIO()
    for column in frame.get_columns():
        for value in column.to_list():
            written.write(value if isinstance(value, bytes) else str(value).encode())
    return written.getvalue()


def test_the_search_finds_a_needle_where_it_is_planted(tokeniser: Tokeniser) -> None:
    _, people = everything(tokeniser)
    content = spoken(people)
    for needle in ("山田花子", "ヤマダ", "0012345", "000987654", "広小路", "1950-04-17"):
        assert needle.encode() in content


def test_no_name_number_or_birth_date_stands_in_what_is_sealed(tokeniser: Tokeniser) -> None:
    tables, _ = everything(tokeniser)
    for name, table in tables.items():
        content = spoken(table)
        for needle in NEEDLES:
            for encoding in ("utf-8", "cp932", "utf-16-le"):
                assert needle.encode(encoding) not in content, f"{name} holds a needle"


def test_no_identity_or_site_only_column_is_sealed_under_any_name(tokeniser: Tokeniser) -> None:
    tables, _ = everything(tokeniser)
    for name, table in tables.items():
        if name in CONTRACTS:
            assert not set(table.columns) & set(CONTRACTS[name].names("identity", "site_only", "key"))


def test_errors_and_reprs_hold_no_key_and_no_value(tokeniser: Tokeniser) -> None:
    assert KEY.hex() not in repr(tokeniser)
    assert repr(KEY) not in repr(tokeniser)
    ciphertext = tokeniser.encrypt("identity", ["ヤマダハナコ"])[0]
    with pytest.raises(TokenError) as caught:
        tokeniser.decrypt("number", [ciphertext])
    assert "ヤマダ" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_tags_of_different_purposes_never_meet(tokeniser: Tokeniser) -> None:
    purposes = ["identity", "key/search_number", "record/claim", *sorted({one.purpose for one in passes()})]
    tags = [tokeniser.tags(purpose, ["the same text"])[0] for purpose in purposes]
    assert len(set(tags)) == len(purposes)


def test_no_token_tells_a_sex_a_town_or_a_birth_date_by_how_often_it_occurs(tokeniser: Tokeniser) -> None:
    """400 people of one town and sex, a fifth of them born on one day: no tag covers more than one of them."""
    rows = [
        {
            "number": str(number),
            "address_number": str(number),
            "name_kana": f"ナマエ{number}",
            "birth_date": date(1950, 1, 1 + number % 5),
        }
        for number in range(400)
    ]
    sealed = tokeniser.seal_tables({"enrolment": enrolment(*rows)}, "16")
    assert sealed.identity.height == 400
    counts = sealed.identity_pass.group_by("purpose", "pass_tag").agg(pl.col("identity_tag").n_unique().alias("n"))
    assert counts["n"].max() == 1
    assert counts.height == 6 * 400, "every pass but that of the given name, which these names have not"


def test_tags_look_random(tokeniser: Tokeniser) -> None:
    content = b"".join(tokeniser.tags("number", [str(number) for number in range(2000)]))
    shares = [content.count(byte) / len(content) for byte in range(256)]
    assert -sum(share * math.log2(share) for share in shares if share) > 7.98


def test_the_directory_on_disk_is_encrypted(tmp_path: Path, tokeniser: Tokeniser) -> None:
    path = tmp_path / "directory.duckdb"
    with warehouse.open_database(path, KEY, alias="directory") as connection:
        sealed = tokeniser.seal_tables({"enrolment": enrolment(PERSON)}, "16")
        Directory(connection).remember(sealed.people)
        connection.execute("CHECKPOINT")
        seen = connection.execute("SELECT name_kanji FROM people").fetchall()
    assert seen == [("山田花子",)]
    content = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert len(content) > 1000
    assert not any(needle.encode() in content for needle in NEEDLES)
