"""First tags: kept under the link key through any number of rotations."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import polars as pl
import pytest

from ingest import warehouse
from ingest.center.link import first_tags
from ingest.center.link.first_tags import FirstTags
from ingest.center.schema import REKEY, columns_sql, prepare

LINK = b"l" * 32
DOMAIN = "16"


def tag(name: str, epoch: int) -> bytes:
    return f"{name}@{epoch}".encode().ljust(16, b".")


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """Two identities with a token each, of one domain, and one of another domain with the same tags."""
    with warehouse.connect(threads=1) as connection:
        prepare(connection)
        for domain in (DOMAIN, "31"):
            for name in ("a", "b"):
                _add(connection, domain, name, 1)
        connection.execute(
            "CREATE TEMP TABLE affected AS SELECT DISTINCT linkage_domain, identity_tag FROM raw.identity"
        )
        yield connection


def _add(connection: duckdb.DuckDBPyConnection, domain: str, name: str, epoch: int) -> None:
    connection.execute(
        "INSERT INTO raw.identity (linkage_domain, identity_tag) VALUES (?, ?)", [domain, tag(name, epoch)]
    )
    row = [domain, "number", tag(f"n{name}", epoch), tag(name, epoch), "number"]
    connection.execute("INSERT INTO link.incidence VALUES (?, ?, ?, ?, ?)", row)
    connection.execute(
        "INSERT INTO raw.identity_pass (linkage_domain, purpose, pass_tag, identity_tag, pass_id) "
        "VALUES (?, ?, ?, ?, ?)",
        row,
    )


def rotate(connection: duckdb.DuckDBPyConnection, epoch: int, names: str) -> None:
    """Pairs for ``names`` and for one that does not stand here; then the tags replaced as a rekey does."""
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE told_rekey ({columns_sql(REKEY['rekey'])}, linkage_domain VARCHAR)"
    )
    for name in [*names, "elsewhere"]:
        for purpose, what in (("identity", name), ("number", f"n{name}")):
            row = [purpose, tag(what, epoch - 1), tag(what, epoch), DOMAIN]
            connection.execute("INSERT INTO temp.told_rekey VALUES (?, ?, ?, ?)", row)
    first_tags.keep(connection, DOMAIN, LINK)
    for table, column, purpose in (
        ("raw.identity", "identity_tag", "'identity'"),
        ("raw.identity_pass", "identity_tag", "'identity'"),
        ("raw.identity_pass", "pass_tag", "'number'"),
        ("link.incidence", "identity_tag", "'identity'"),
        ("link.incidence", "pass_tag", "'number'"),
        ("temp.affected", "identity_tag", "'identity'"),
    ):
        connection.execute(
            f"UPDATE {table} AS f SET {column} = told.new_tag FROM temp.told_rekey AS told "
            f"WHERE told.old_tag = f.{column} AND told.purpose = {purpose} AND told.linkage_domain = f.linkage_domain"
        )


def identities(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    return connection.execute("SELECT linkage_domain, identity_tag FROM raw.identity ORDER BY ALL").pl()


def test_without_a_rotation_a_tag_is_its_own_first_tag(connection: duckdb.DuckDBPyConnection) -> None:
    found = identities(connection)
    assert FirstTags(connection, LINK).of(found, "identity_tag").equals(found)


def test_first_tags_are_told_after_any_number_of_rotations(connection: duckdb.DuckDBPyConnection) -> None:
    before = identities(connection)
    rotate(connection, 2, "ab")
    rotate(connection, 3, "ab")
    _add(connection, DOMAIN, "c", 3)
    now = identities(connection)
    assert set(now["identity_tag"]) >= {tag("a", 3), tag("c", 3), tag("a", 1)}
    first = FirstTags(connection, LINK)
    told = first.of(now, "identity_tag")
    assert told.filter(pl.col("identity_tag") != tag("c", 3)).sort(told.columns).equals(before)
    tokens = connection.execute("SELECT linkage_domain, purpose, pass_tag FROM link.incidence").pl()
    told = first.of(tokens, "pass_tag", pl.col("purpose"))
    assert set(told["pass_tag"]) == {tag("na", 1), tag("nb", 1), tag("nc", 3)}
    assert first.of(told, "pass_tag", pl.col("purpose")).equals(told), (
        "a token is no identity, a first tag no tag of now"
    )


def test_what_is_kept_is_hidden_and_only_of_what_stands_here(connection: duckdb.DuckDBPyConnection) -> None:
    rotate(connection, 2, "ab")
    kept = connection.execute("SELECT linkage_domain, purpose, tag, first_tag FROM link.first_tag").fetchall()
    assert {row[:3] for row in kept} == {
        (DOMAIN, "identity", tag("a", 2)), (DOMAIN, "identity", tag("b", 2)),
        (DOMAIN, "number", tag("na", 2)), (DOMAIN, "number", tag("nb", 2)),
    }  # fmt: skip
    plain = {tag(name, 1) for name in ("a", "b", "na", "nb")}
    assert not plain & {row[3] for row in kept} and len({row[3] for row in kept}) == 4
    told = FirstTags(connection, b"x" * 32).of(identities(connection), "identity_tag")
    assert not plain & set(told.filter(pl.col("linkage_domain") == DOMAIN)["identity_tag"]), (
        "another link key opens none"
    )


def test_a_new_link_key_opens_first_tags_and_the_old_one_does_not(connection: duckdb.DuckDBPyConnection) -> None:
    before, newer = identities(connection), b"y" * 32
    rotate(connection, 2, "ab")
    for _ in range(2):  # a repeat after a kill encrypts nothing twice
        assert first_tags.renew(connection, 2, LINK, newer) == 4
    told = FirstTags(connection, newer).of(identities(connection), "identity_tag")
    assert told.sort(told.columns).equals(before)
    assert not FirstTags(connection, LINK).of(identities(connection), "identity_tag").equals(told)
