"""The directory: names and addresses by identity, the latest by content, and never somebody else's."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import permutations
from pathlib import Path

import duckdb
import polars as pl
import pytest

from ingest import warehouse
from ingest.identity.cipher import TokenError
from ingest.identity.directory import Directory, DirectoryError
from ingest.identity.tokens import SealedTables, Tokeniser
from tests.handmade import frame
from tests.unit.identity.people import BORN, HANAKO, KEY, TOWNS, claims, enrolment


@pytest.fixture()
def tokeniser() -> Tokeniser:
    return Tokeniser(KEY, 1, TOWNS)


@pytest.fixture()
def directory(tmp_path: Path) -> Iterator[Directory]:
    with warehouse.open_database(tmp_path / "directory.duckdb", KEY, alias="directory") as connection:
        yield Directory(connection)


def found(directory: Directory, sealed: SealedTables) -> list[dict[str, object]]:
    return directory.lookup(sealed.identity["identity_tag"]).rows(named=True)


def test_a_list_gets_names_address_and_numbers_as_written(directory: Directory, tokeniser: Tokeniser) -> None:
    sealed = tokeniser.seal_tables({"enrolment": enrolment({}), "claim": claims({})}, "16")
    directory.remember(sealed.people)
    assert found(directory, sealed) == [
        {
            "identity_tag": sealed.identity["identity_tag"][0],
            "scheme_code": "kokuho",
            "insurer_number": "160028",
            "symbol": "16",
            "number": "0012345",
            "branch": "01",
            "name_kanji": "山田花子",
            "name_kana": "ヤマダ　ハナコ",
            "birth_date": BORN,
            "sex_code": "2",
            "address": "高岡市広小路7-50",
            "address_number": "000987654",
            "municipality_code": "16202",
            "first_month": date(2020, 4, 1),
            "last_month": date(2024, 1, 1),
        }
    ]


def test_the_latest_address_stands_in_whatever_order_it_came(tmp_path: Path, tokeniser: Tokeniser) -> None:
    moves = [
        enrolment({"address": f"高岡市{place}", "processed_date": day})
        for place, day in (("一", date(2020, 4, 10)), ("三", date(2022, 1, 5)), ("二", date(2021, 7, 1)))
    ]
    shown = set()
    for number, order in enumerate(permutations(moves)):
        with warehouse.open_database(tmp_path / f"{number}.duckdb", KEY, alias="directory") as connection:
            directory = Directory(connection)
            for table in order:
                sealed = tokeniser.seal_tables({"enrolment": table}, "16")
                directory.remember(sealed.people)
                directory.remember(sealed.people)
            shown.add(str(found(directory, sealed)))
    assert len(shown) == 1
    assert "高岡市三" in shown.pop()


def test_a_later_claim_does_not_push_the_registers_form_aside(directory: Directory, tokeniser: Tokeniser) -> None:
    sealed = tokeniser.seal_tables(
        {"enrolment": enrolment({}), "claim": claims({"name_kanji": "山田　花子", "name_kana": "ﾔﾏﾀﾞﾊﾅｺ"})}, "16"
    )
    directory.remember(sealed.people)
    assert [(row["name_kanji"], row["name_kana"]) for row in found(directory, sealed)] == [
        ("山田花子", "ヤマダ　ハナコ")
    ]


def test_an_empty_form_of_the_register_does_not_hide_a_known_one(directory: Directory, tokeniser: Tokeniser) -> None:
    sealed = tokeniser.seal_tables(
        {"enrolment": enrolment({"name_kanji": None}), "claim": claims({"name_kanji": "山田花子"})}, "16"
    )
    directory.remember(sealed.people)
    assert found(directory, sealed)[0]["name_kanji"] == "山田花子"


def test_a_claim_without_a_name_gets_it_from_the_same_number(directory: Directory, tokeniser: Tokeniser) -> None:
    register = tokeniser.seal_tables({"enrolment": enrolment({})}, "16")
    bare = tokeniser.seal_tables({"claim": claims({"name_kana": None}, {"name_kana": None, "branch": None})}, "16")
    directory.remember(register.people)
    directory.remember(bare.people)
    rows = found(directory, bare)
    assert len(rows) == 2
    assert {(row["name_kanji"], row["address"]) for row in rows} == {("山田花子", "高岡市広小路7-50")}


def test_twins_on_one_number_never_get_each_others_name(directory: Directory, tokeniser: Tokeniser) -> None:
    twins = enrolment(
        {}, {"branch": "02", "name_kanji": "山田桃子", "name_kana": "ヤマダ　モモコ", "address_number": "1"}
    )
    bare = claims(
        {"name_kana": None, "branch": None}, {"name_kana": None, "branch": "01"}, {"name_kana": None, "branch": "02"}
    )
    directory.remember(tokeniser.seal_tables({"enrolment": twins}, "16").people)
    sealed = tokeniser.seal_tables({"claim": bare}, "16")
    directory.remember(sealed.people)
    shown = directory.lookup(sealed.identity["identity_tag"])
    names = dict(shown.select("identity_tag", "name_kanji").iter_rows())
    assert [names[tag] for tag in sealed.tables["claim"]["identity_tag"]] == [None, "山田花子", "山田桃子"]


def test_a_person_is_one_identity_in_however_many_forms_the_site_heard_of_it(
    directory: Directory, tokeniser: Tokeniser
) -> None:
    assert directory.identities() == 0
    moved = {"address": "高岡市末広町1-1", "processed_date": date(2024, 5, 1)}
    sealed = tokeniser.seal_tables({"enrolment": enrolment({}, moved, {"number": "0054321"})}, "16")
    assert directory.remember(sealed.people) == 3
    assert directory.identities() == 2


def test_an_unknown_tag_is_simply_not_there(directory: Directory) -> None:
    assert directory.lookup(pl.Series([b"\0" * 16])).height == 0


def test_identities_that_come_back_are_opened_and_held_against_the_directory(
    directory: Directory, tokeniser: Tokeniser
) -> None:
    rows = [{"number": str(number)} for number in range(30)]
    sealed = tokeniser.seal_tables({"enrolment": enrolment(*rows)}, "16")
    directory.remember(sealed.people)
    returned = sealed.identity.select("identity_tag", "ciphertext")
    assert directory.reidentify(returned, tokeniser).height == 30
    assert directory.reidentify(pl.concat([returned, returned]), tokeniser).height == 30


def test_a_ciphertext_beside_another_tag_is_refused(directory: Directory, tokeniser: Tokeniser) -> None:
    sealed = tokeniser.seal_tables({"enrolment": enrolment({"number": "1"}, {"number": "2"})}, "16")
    directory.remember(sealed.people)
    crossed = sealed.identity.select("identity_tag", pl.col("ciphertext").reverse())
    with pytest.raises(DirectoryError, match="another identity"):
        directory.reidentify(crossed, tokeniser)


def test_an_identity_that_is_not_ours_is_refused(directory: Directory, tokeniser: Tokeniser) -> None:
    sealed = tokeniser.seal_tables({"enrolment": enrolment({})}, "16")
    with pytest.raises(DirectoryError, match="1 are unknown here"):
        directory.reidentify(sealed.identity, tokeniser)
    foreign = Tokeniser(bytes(32), 1, TOWNS).seal_tables({"enrolment": enrolment({})}, "16")
    with pytest.raises(TokenError):
        directory.reidentify(foreign.identity, tokeniser)


def test_a_directory_that_was_changed_behind_our_back_is_noticed(tmp_path: Path, tokeniser: Tokeniser) -> None:
    with warehouse.open_database(tmp_path / "directory.duckdb", KEY, alias="directory") as connection:
        directory = Directory(connection)
        sealed = tokeniser.seal_tables({"enrolment": enrolment({})}, "16")
        directory.remember(sealed.people)
        connection.execute("UPDATE people SET identity_text = replace(identity_text, 'ハナコ', 'モモコ')")
        with pytest.raises(DirectoryError, match="1 are somebody else"):
            directory.reidentify(sealed.identity, tokeniser)


def test_two_tables_that_say_the_same_of_one_person_are_one_form(directory: Directory, tokeniser: Tokeniser) -> None:
    claim = {"name_kana": None, "service_month": date(2024, 3, 1)}
    checkup = {name: value for name, value in HANAKO.items() if name != "name_kana"} | {
        "exam_date": date(2024, 6, 1),
        "exam_month": date(2024, 6, 1),
        "created_date": date(2024, 7, 1),
    }
    tables = {"claim": claims(claim, claim), "checkup": frame("checkup", [checkup | {"branch": "01"}])}
    sealed = tokeniser.seal_tables(tables, "16")
    directory.remember(sealed.people)
    [row] = found(directory, sealed)
    assert (row["first_month"], row["last_month"]) == (date(2024, 3, 1), date(2024, 6, 1))


def test_a_directory_that_cannot_be_written_says_so_without_a_value(tmp_path: Path, tokeniser: Tokeniser) -> None:
    sealed = tokeniser.seal_tables({"enrolment": enrolment({})}, "16")
    with warehouse.open_database(tmp_path / "directory.duckdb", KEY, alias="directory") as connection:
        directory = Directory(connection)
        connection.execute("ALTER TABLE people ADD COLUMN extra INTEGER; ALTER TABLE people DROP COLUMN address")
        with pytest.raises(DirectoryError, match="could not be written") as caught:
            directory.remember(sealed.people)
    assert "山田" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_what_only_a_forgotten_batch_said_is_gone(tmp_path: Path, tokeniser: Tokeniser) -> None:
    sealed = tokeniser.seal_tables({"enrolment": enrolment({})}, "16")
    other = tokeniser.seal_tables({"enrolment": enrolment({"number": "0099999"})}, "16")
    with warehouse.open_database(tmp_path / "directory.duckdb", KEY, alias="directory") as connection:
        Directory(connection, 1).remember(sealed.people)
        second = Directory(connection, 2)
        second.remember(sealed.people)
        second.remember(other.people)
        assert second.forget(2) == 1 == len(found(second, sealed))
        assert found(second, other) == [] and second.forget(2) == 0
        assert second.forget(1) == 1 and found(second, sealed) == []


def test_under_a_new_key_the_directory_says_the_same_of_the_same(directory: Directory, tokeniser: Tokeniser) -> None:
    newer = Tokeniser(KEY[::-1], 2, TOWNS)
    plain = {"enrolment": enrolment({}, {"number": "0099999"}), "claim": claims({})}
    old, new = (one.seal_tables(plain, "16") for one in (tokeniser, newer))
    directory.remember(old.people)
    before = found(directory, old)
    returned = directory.reidentify(old.identity, tokeniser).drop("identity_tag")
    for _ in range(2):  # a repeat changes nothing
        directory.rekey(newer)
        after = found(directory, new)
        assert found(directory, old) == []
        assert _untagged(after) == _untagged(before)
    assert directory.remember(new.people) and found(directory, new) == after, "the same forms, and no second ones"
    assert directory.reidentify(old.identity, tokeniser).drop("identity_tag").equals(returned)
    assert directory.reidentify(new.identity, newer).height == old.identity.height


def test_a_directory_of_before_says_what_it_said(tmp_path: Path, tokeniser: Tokeniser) -> None:
    sealed = tokeniser.seal_tables({"enrolment": enrolment({}, {"number": "0099999"}), "claim": claims({})}, "16")
    with warehouse.open_database(tmp_path / "directory.duckdb", KEY, alias="directory") as connection:
        directory = Directory(connection, 1)
        directory.remember(sealed.people)
        said = found(directory, sealed)
        for table in ("people", "people_batch"):
            connection.execute(f"ALTER TABLE {table} RENAME COLUMN form_id TO content_hash")
            connection.execute(f"ALTER TABLE {table} ALTER COLUMN content_hash TYPE VARCHAR")
            connection.execute(f"UPDATE {table} SET content_hash = sha256(content_hash)")
        renumbered = Directory(connection, 2)
        renumbered.remember(sealed.people)
        assert found(renumbered, sealed) == said
        assert connection.execute("SELECT count(*) FROM people").fetchone() == (3,), "the same forms, no second ones"
        assert renumbered.forget(1) == 0 and renumbered.forget(2) == 3


def test_numbering_that_fails_leaves_a_directory_of_before_as_it_was(tmp_path: Path, tokeniser: Tokeniser) -> None:
    sealed = tokeniser.seal_tables({"enrolment": enrolment({})}, "16")
    with warehouse.open_database(tmp_path / "directory.duckdb", KEY, alias="directory") as connection:
        Directory(connection, 1).remember(sealed.people)
        connection.execute("ALTER TABLE people RENAME COLUMN form_id TO content_hash")
        connection.execute("ALTER TABLE people_batch RENAME COLUMN form_id TO another")
        with pytest.raises(duckdb.Error):
            Directory(connection, 2)
        assert connection.execute("SELECT count(content_hash) FROM people").fetchone() == (1,)


def _untagged(rows: list[dict[str, object]]) -> list[str]:
    return sorted(str({name: value for name, value in row.items() if name != "identity_tag"}) for row in rows)


def test_forgetting_that_fails_leaves_the_directory_as_it_was(tmp_path: Path, tokeniser: Tokeniser) -> None:
    sealed = tokeniser.seal_tables({"enrolment": enrolment({})}, "16")
    with warehouse.open_database(tmp_path / "directory.duckdb", KEY, alias="directory") as connection:
        directory = Directory(connection, 1)
        directory.remember(sealed.people)
        connection.execute("ALTER TABLE people_batch RENAME COLUMN form_id TO another")
        with pytest.raises(duckdb.Error):
            directory.forget(1)
        assert len(found(directory, sealed)) == 1
