"""Results as the center seals them for a site, by hand: rows of the published tables, columns of their models."""

from __future__ import annotations

import hashlib
from datetime import date
from functools import cache
from typing import Any

import yaml

from ingest import warehouse
from ingest.identity.directory import Directory
from ingest.identity.tokens import Tokeniser
from ingest.sealing.keys import CENTER, KeyRing
from ingest.sealing.seal import Sealed, seal
from ingest.settings import PROJECT_ROOT, Settings
from ingest.site.databases import open_directory
from ingest.site.receive import TABLES
from tests import site_world as world
from tests.handmade import frame

Rows = dict[str, list[dict[str, Any]]]
UNION, OYABE, OYABE_KOKI = "169508", "160085", "39160080"


@cache
def columns(table: str) -> dict[str, str]:
    """Columns and types of a published table, from the contract of its model."""
    if table == "identity":
        return {"identity_tag": "blob", "ciphertext": "blob", "epoch": "integer"}
    for path in (PROJECT_ROOT / "models" / "published").glob("*.yml"):
        for model in yaml.safe_load(path.read_text(encoding="utf-8"))["models"]:
            if model["name"] in (table, f"published_{table}"):
                return {column["name"]: column["data_type"] for column in model["columns"]}
    raise KeyError(table)


def center_id(name: str) -> bytes:
    """The center's id of a person or record."""
    return hashlib.sha256(name.encode()).digest()[:16]


class Registered:
    """Persons that the site knows: their tags, with names in its directory."""

    def __init__(self, settings: Settings, site: str = "16") -> None:
        self._settings = settings.site(site)
        self._ring = KeyRing(self._settings)
        self._tokeniser = Tokeniser(self._ring.secret("identity-1"), 1)
        self.identities: list[dict[str, Any]] = []

    def enrol(self, **changes: Any) -> bytes:
        """Register ``world.person(**changes)``; returns the identity tag."""
        whole = {
            "municipality_code": "16202",
            "district_code": "01",
            "address": "架空町1番地",
            "acquired_date": date(2015, 4, 1),
            "applied_start_date": date(2015, 4, 1),
            "processed_date": date(2020, 4, 10),
        }
        return self._remember("enrolment", whole | world.person(changes.pop("number_offset", 0), **changes))

    def certify(self, **changes: Any) -> bytes:
        """Register a care insured, known by kana only."""
        whole = {
            "event_date": date(2024, 4, 1),
            "corrected_date": date(2024, 4, 1),
            "name_kana": world.KANA,
        }
        return self._remember("care_certification", whole | world.care_person(0, **changes))

    def _remember(self, table: str, row: dict[str, Any]) -> bytes:
        sealed = self._tokeniser.seal_tables({table: frame(table, [row])}, self._settings.prefecture_code)
        with open_directory(self._settings, self._ring.secret("at-rest")) as connection:
            Directory(connection).remember(sealed.people)
        found = sealed.identity.select("identity_tag", "ciphertext", "epoch").to_dicts()
        self.identities += found
        return bytes(found[0]["identity_tag"])


def seal_results(
    settings: Settings,
    rows: Rows,
    sequence: int = 1,
    previous: str | None = None,
    *,
    site: str = "16",
    without: str | None = None,
    replaces: str | None = None,
    reference_month: str = "2025-03-01",
) -> Sealed:
    """Seal ``rows`` by table (columns left out are null) into the exchange, as the center does."""
    ring = KeyRing(settings.the_center())
    with warehouse.connect(threads=1) as connection:
        for table in TABLES:
            types = columns(table)
            connection.execute(f"CREATE TABLE {table} ({', '.join(f'{n} {t}' for n, t in types.items())})")
            for row in rows.get(table, []):
                names = ", ".join(row)
                connection.execute(
                    f"INSERT INTO {table} ({names}) VALUES ({', '.join('?' for _ in row)})", list(row.values())
                )
        return seal(
            connection,
            {table: table for table in TABLES if table != without},
            settings.to_site(site) / f"{sequence:06d}",
            sender=CENTER,
            recipient=site,
            sequence=sequence,
            previous_hash=previous,
            kind="results",
            signing_key=ring.secret("signing"),
            recipient_public=ring.peer(site).envelope,
            replaces=replaces,
            extra={"reference_month": reference_month, "is_synthetic": "true", "content_hash": "", "build": 1},
        )


def one_life(settings: Settings) -> Rows:
    """One person: 国保 in 高岡市, then in 小矢部市, then 後期 there, then care of the union; and a neighbour."""
    known = Registered(settings)
    takaoka = known.enrol()
    oyabe = known.enrol(insurer_number=OYABE, symbol="小矢", number="3300678", municipality_code="16209")
    koki = known.enrol(scheme_code="koki", insurer_number=OYABE_KOKI, symbol=None, number="40012345", branch=None,
                       municipality_code="16209", address="架空町2番地")  # fmt: skip
    care = known.certify()
    neighbour = known.enrol(number_offset=7, insurer_number=OYABE, symbol="小矢", municipality_code="16209")
    me, other = center_id("me"), center_id("neighbour")

    def fact(person: bytes, tag: bytes, scheme: str, insurer: str, town: str, **more: Any) -> dict[str, Any]:
        return {"linkage_domain": "16", "person_id": person, "identity_tag": tag, "scheme_code": scheme,
                "insurer_number": insurer, "municipality_code": town} | more  # fmt: skip

    places = {
        "takaoka": (me, takaoka, "kokuho", world.KOKUHO, "16202"),
        "oyabe": (me, oyabe, "kokuho", OYABE, "16209"),
        "koki": (me, koki, "koki", OYABE_KOKI, "16209"),
        "care": (me, care, "care", UNION, "16209"),
        "neighbour": (other, neighbour, "kokuho", OYABE, "16209"),
    }
    claims = [("takaoka", date(2023, 5, 1)), ("oyabe", date(2024, 1, 1)), ("koki", date(2024, 8, 1)),
              ("neighbour", date(2024, 1, 1)), ("koki", date(2018, 3, 1))]  # fmt: skip
    rows: Rows = {
        "identity": known.identities,
        "person_enrolment": [
            fact(*places["takaoka"], start_date=date(2015, 4, 1), end_date=date(2023, 10, 10), district_code="01"),
            fact(*places["oyabe"], start_date=date(2023, 10, 10), end_date=date(2024, 6, 15), district_code="02"),
            fact(*places["koki"], start_date=date(2024, 6, 15), end_date=None, district_code="02"),
            fact(*places["neighbour"], start_date=date(2015, 4, 1), end_date=None, district_code="02"),
        ],
        "person_claim": [
            fact(*places[where], claim_id=center_id(f"{where}{month}"), service_month=month, points=100)
            for where, month in claims
        ],
        "person_claim_disease": [
            fact(
                *places[where],
                claim_id=center_id(f"{where}{month}"),
                service_month=month,
                sequence_number=1,
                disease_code="8830052",
            )  # fmt: skip
            for where, month in claims
        ],
        "person_care_month": [fact(*places["care"], service_month=date(2024, 10, 1), units=2000)],
        "person_care_certification": [
            fact(*places["care"], certified_start_date=date(2024, 9, 1), certified_end_date=date(2025, 9, 1))
        ],
        "own_indicator": [
            {
                "linkage_domain": "16",
                "indicator_id": "members",
                "scheme_code": scheme,
                "area_level": level,
                "area_id": area,
                "numerator": 3,
                "denominator": 0,
            }  # fmt: skip
            for scheme, level, area in (
                ("kokuho", "insurer", world.KOKUHO),
                ("kokuho", "municipality", "16202"),
                ("kokuho", "district", "16202-01"),
                ("kokuho", "municipality", "16209"),
                ("kokuho", "district", "16209-02"),
                ("koki", "municipality", "16209"),
                ("kokuho_koki", "municipality", "16209"),
                ("koki", "prefecture", "16"),
                ("care", "insurer", UNION),
                ("care", "municipality", "16209"),
                ("care", "municipality", "16208"),
            )
        ],
        "own_edition_change": [
            {
                "linkage_domain": "16",
                "edition_id": "2023-1",
                "indicator_id": "members",
                "scheme_code": scheme,
                "area_level": "municipality",
                "area_id": area,
                "frozen_numerator": 2,
                "numerator": 3,
            }
            for scheme, area in (("kokuho", "16202"), ("kokuho", "16209"), ("koki", "16209"))
        ],
        "statistics_indicator": [
            {
                "threshold": threshold,
                "min_peers": 3,
                "indicator_id": "members",
                "area_level": "nation",
                "area_id": "JP",
                "numerator": 100,
                "value_status": "shown",
            }  # fmt: skip
            for threshold in (10, 20)
        ],
        "viewer_class": [
            {"viewer_class": viewer, "threshold": threshold, "min_peers": 3}
            for viewer, threshold in (("insurer", 10), ("prefecture", 10), ("operator", 20))
        ],
        "area": [{"area_level": "nation", "area_id": "JP", "area_name": "全国"}],
    }
    return rows
