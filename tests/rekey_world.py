"""A site that sends, takes a new identity key and sends again, and a center that goes on; and what must be the same.

What stands at the center is compared by what it says, never by tags: identities by the text that the site's keys open,
records by the file and line that brought them.
"""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from ingest import warehouse
from ingest.center.home import open_warehouse
from ingest.center.link import link
from ingest.center.receive import receive
from ingest.formats.contracts import CONTRACTS
from ingest.identity.tokens import Tokeniser
from ingest.progress import silent
from ingest.sealing.keys import KeyRing
from ingest.settings import Settings
from ingest.settings import load as load_settings
from ingest.site.extract import extract
from tests import site_world as world
from tests.handmade import demo_workspace

SITE = "16"
MAY = date(2024, 7, 1)


def first_months(settings: Settings) -> None:
    """Files of every stream: members, claims, checkups, care."""
    world.fill_inbox(settings, SITE)


def later_months(settings: Settings) -> None:
    """A member who left, a newcomer, one in 後期 under a new number, claims, records in a new version."""
    inbox = settings.site(SITE).inbox
    left = world.person(1, lost_date=date(2024, 6, 10), lost_reason_code="11", processed_date=date(2024, 6, 12))
    new = world.person(8, applied_start_date=date(2024, 6, 1), acquired_date=date(2024, 6, 1),
                       processed_date=date(2024, 6, 5))  # fmt: skip
    older = world.person(0, scheme_code="koki", insurer_number=world.KOKI, symbol=None, number="40012345", branch=None,
                         applied_start_date=date(2024, 7, 1), processed_date=date(2024, 7, 2))  # fmt: skip
    world.write_enrolments(inbox / "enrolment" / "b.csv", [left, new])
    world.write_enrolments(inbox / "enrolment" / "koki.csv", [older])
    world.write_claims(inbox / "medical" / "b.UKE", [world.person(number) for number in (0, 2, 8)], billed=MAY)
    again = [world.person(number) | {"points": 777, "line_points": 777} for number in range(2)]
    world.write_claims(inbox / "medical" / "again.UKE", again)  # the same receipts in another version
    world.write_care(inbox / "care" / "b.csv", [world.care_person(number) for number in range(4)], adjudicated=MAY)
    world.write_certifications(
        inbox / "care" / "c.csv", [world.care_person(1, event_date=date(2024, 6, 1), corrected_date=date(2024, 6, 1))]
    )


def sent_once(folder: Path) -> Settings:
    """A workspace in which the first months are taken and linked at the center."""
    settings = demo_workspace(folder)
    first_months(settings)
    go_on(settings)
    return settings


def copied(settings: Settings, folder: Path) -> Settings:
    """The same once more."""
    shutil.copytree(settings.workspace, folder)
    return load_settings(folder)


def go_on(settings: Settings) -> None:
    """What `tsumugi run` does up to linkage."""
    extract(settings, SITE, silent)
    receive(settings, silent)
    link(settings, silent)


def standing(settings: Settings, epochs: int) -> dict[str, Any]:
    """What stands at the center, told without a tag: persons, their ids, records with their versions, refusals."""
    center, ring = settings.the_center(), KeyRing(settings.site(SITE))
    with open_warehouse(center, KeyRing(center), read_only=True) as connection:
        texts = texts_of(
            connection.execute("SELECT DISTINCT identity_tag, ciphertext, epoch FROM raw.identity").pl(), ring
        )
        assert max(epoch for _, epoch in texts.values()) == epochs
        persons = connection.execute(
            "SELECT identity_tag, person_id, is_provisional FROM link.identity_person"
        ).fetchall()
        found: dict[str, Any] = {
            "ids": {texts[tag][0]: (person, provisional) for tag, person, provisional in persons},
            "groups": grouped([(texts[tag][0], person) for tag, person, _ in persons]),
            "refused": connection.execute("FROM link.refused_edge ORDER BY ALL").fetchall(),
            "evidence": connection.execute(
                "SELECT pass_id, sum(edges) FROM link.person_evidence GROUP BY ALL ORDER BY ALL"
            ).fetchall(),
        }
        passes = connection.execute("SELECT DISTINCT identity_tag, pass_id, pass_tag FROM raw.identity_pass").fetchall()
        found["passes"] = grouped([((texts[tag][0], name), (name, value)) for tag, name, value in passes])
        assert set(passes) == set(
            connection.execute("SELECT DISTINCT identity_tag, pass_id, pass_tag FROM link.incidence").fetchall()
        )
        for contract in CONTRACTS.values():
            place = "source_file_id, source_row"
            if contract.has_identity():
                rows = connection.execute(f"SELECT identity_tag, {place} FROM raw.{contract.name}").fetchall()
                found[f"{contract.name} of"] = sorted((texts[tag][0], file, row) for tag, file, row in rows)
            if contract.business_key:
                rows = connection.execute(f"SELECT {place}, record_key_tag FROM raw.{contract.name}").fetchall()
                found[f"{contract.name} records"] = grouped([((file, row), tag) for file, row, tag in rows])
            for name in contract.names("key"):
                rows = connection.execute(f"SELECT {place}, {name}_tag FROM raw.{contract.name}").fetchall()
                found[f"{contract.name} {name}"] = grouped([((file, row), tag) for file, row, tag in rows if tag])
            clear = ", ".join(contract.names("clear"))
            found[contract.name] = connection.execute(
                f"SELECT {place}, {clear} FROM raw.{contract.name} ORDER BY ALL"
            ).fetchall()
    return found


def everything_old(settings: Settings, older: Tokeniser) -> int:
    """How many tags of the older epoch still stand anywhere in the warehouse, models of the last build apart."""
    center = settings.the_center()
    with open_warehouse(center, KeyRing(center), read_only=True) as connection:
        tables = connection.execute(
            "SELECT schema_name, table_name, list(column_name) FROM duckdb_columns() WHERE data_type = 'BLOB' "
            "AND database_name = 'warehouse' AND schema_name IN ('raw', 'link', 'control') GROUP BY ALL"
        ).fetchall()
        here: set[bytes] = set()
        for schema, table, columns in tables:
            for column in columns:
                here |= {r[0] for r in connection.execute(f"SELECT DISTINCT {column} FROM {schema}.{table}").fetchall()}
        ciphertexts = connection.execute("SELECT DISTINCT ciphertext, epoch FROM raw.identity").fetchall()
    ring = KeyRing(settings.site(SITE))
    texts = [
        Tokeniser(ring.numbered("identity", epoch), epoch).decrypt("identity", [ciphertext])[0]
        for ciphertext, epoch in ciphertexts
    ]
    return len(here & set(older.tags("identity", texts).to_list()))


def directory(settings: Settings) -> dict[str, list[tuple[Any, ...]]]:
    """What the site's directory says, tags and hashes apart; whose hash is right is looked at."""
    site = settings.site(SITE)
    key = KeyRing(site).secret("at-rest")
    with warehouse.open_database(site.directory, key, alias="directory", read_only=True) as connection:
        stray = connection.execute("SELECT count(*) FROM people_batch ANTI JOIN people USING (form_id)").fetchone()
        assert stray == (0,)
        told = "identity_text, name_kanji, number, first_month, last_month"
        return {
            "people": connection.execute(f"SELECT {told} FROM people ORDER BY ALL").fetchall(),
            "said": connection.execute(
                "SELECT dense_rank() OVER (ORDER BY sequence), identity_text, people_batch.last_month "
                "FROM people_batch JOIN people USING (form_id) ORDER BY ALL"
            ).fetchall(),
            "members": connection.execute(
                "SELECT insurer_number, applied_start_date, processed_date, count(*), "
                "count(DISTINCT record_key_tag), count(DISTINCT member_tag) FROM enrolment_version "
                "GROUP BY ALL ORDER BY ALL"
            ).fetchall(),
        }


def texts_of(identities: pl.DataFrame, ring: KeyRing) -> dict[bytes, tuple[str, int]]:
    """Text and epoch by tag of the identities of a site, opened with its keys."""
    found = {}
    for (epoch,), rows in identities.group_by("epoch"):
        tokeniser = Tokeniser(ring.numbered("identity", int(str(epoch))), int(str(epoch)))
        opened = tokeniser.open_identity(rows["ciphertext"].to_list())
        found |= {
            tag: (text, int(str(epoch))) for tag, text in opened.select("identity_tag", "identity_text").iter_rows()
        }
    return found


def grouped(pairs: list[tuple[Any, Any]]) -> list[tuple[Any, ...]]:
    """Things by the name they share, the names forgotten."""
    groups: dict[Any, list[Any]] = {}
    for thing, name in pairs:
        groups.setdefault(name, []).append(thing)
    return sorted((tuple(sorted(things)) for things in groups.values()), key=repr)
