"""Small random worlds of sealed identities for tests of the linkage: towns, twins, moves, typos."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass, field
from datetime import date

import duckdb
import polars as pl

from ingest.center.schema import RAW_TABLES, prepare
from ingest.warehouse import connect

REFERENCE = date(2025, 3, 1)
KEY = bytes(range(32))


def tag(*parts: object) -> bytes:
    """A token of a test: any 16 bytes that equal parts give alike."""
    return hashlib.sha256("|".join(map(str, parts)).encode()).digest()[:16]


@dataclass
class Load:
    """What one batch of a test brings: identities with their passes, enrolments, claims."""

    domain: str = "16"
    identity: list[dict[str, object]] = field(default_factory=list)
    identity_pass: list[dict[str, object]] = field(default_factory=list)
    enrolment: list[dict[str, object]] = field(default_factory=list)
    care_certification: list[dict[str, object]] = field(default_factory=list)
    claim: list[dict[str, object]] = field(default_factory=list)

    def person(
        self,
        scheme: str,
        insurer: str,
        number: str,
        *,
        branch: str | None = None,
        kana: str | None = None,
        birth: date = date(1950, 5, 20),
        sex: str = "1",
        previous: tuple[str, str, str] | None = None,
        related: tuple[str, str, str] | None = None,
    ) -> bytes:
        """Add an identity as a site would see it in one row; returns its tag. A given name follows a full blank."""
        identity = tag(self.domain, "identity", scheme, insurer, number, branch, kana, birth, sex)
        self.identity.append(
            {
                "identity_tag": identity,
                "ciphertext": identity,
                "epoch": 1,
                "scheme_code": scheme,
                "insurer_number": insurer,
                "sex_code": sex,
                "birth_month": birth.replace(day=1),
                "is_born_on_first": birth.day == 1,
            }
        )
        has_branch = scheme in ("koki", "care")
        passes: list[tuple[str, str, bytes]] = []
        if has_branch or branch:
            passes.append(("number", "number", tag(self.domain, "number", scheme, insurer, number, branch)))
        passes.append(("number_birth", "number_birth", tag(self.domain, "nb", scheme, insurer, number, birth, sex)))
        for pass_id, ledger in (("previous", previous), ("related", related)):
            if ledger:
                passes.append((pass_id, "number_birth", tag(self.domain, "nb", *ledger, birth, sex)))
        if kana:
            passes.append(("name_town", "name_town", tag(self.domain, "name_town", kana, birth, sex, insurer)))
            passes.append(("name", "name", tag(self.domain, "name", kana, birth, sex)))
            skeleton = kana.replace("ー", "").split("　")
            named = tag(self.domain, "number_name", scheme, insurer, number, *skeleton, sex)
            passes.append(("number_name", "number_name", named))
            if len(skeleton) > 1:
                given = tag(self.domain, "given_birth", *skeleton[1:], birth, sex)
                passes.append(("given_birth", "given_birth", given))
        for pass_id, purpose, value in passes:
            self.identity_pass.append(
                {"identity_tag": identity, "pass_id": pass_id, "purpose": purpose, "pass_tag": value}
            )
        return identity

    def enrol(
        self,
        identity: bytes,
        scheme: str,
        insurer: str,
        start: date,
        end: date | None = None,
        *,
        processed: date | None = None,
        is_deleted: bool = False,
        lost_reason: str | None = None,
    ) -> None:
        """Add a version of an enrolment record of this identity."""
        self.enrolment.append(
            {
                "source_file_id": "f",
                "source_row": len(self.enrolment) + 1,
                "record_key_tag": tag("enrolment", identity, start),
                "identity_tag": identity,
                "scheme_code": scheme,
                "insurer_number": insurer,
                "applied_start_date": start,
                "applied_end_date": end,
                "acquired_date": start,
                "lost_reason_code": lost_reason,
                "is_deleted": is_deleted,
                "processed_date": processed or start,
                "record_number": 1,
            }
        )

    def certify(self, identity: bytes, insurer: str, start: date, end: date | None = None) -> None:
        """Add a certification event of this identity."""
        self.care_certification.append(
            {
                "source_file_id": "f",
                "source_row": len(self.care_certification) + 1,
                "record_key_tag": tag("certification", identity, start),
                "identity_tag": identity,
                "scheme_code": "care",
                "insurer_number": insurer,
                "event_date": start,
                "event_code": "1",
                "event_reason_code": "01",
                "corrected_date": start,
                "correction_code": "0",
                "insured_start_date": start,
                "insured_end_date": end,
                "certified_start_date": start,
            }
        )

    def claims(self, identity: bytes, scheme: str, insurer: str, month: date) -> None:
        """Add a claim of this identity."""
        self.claim.append(
            {
                "source_file_id": "f",
                "source_row": len(self.claim) + 1,
                "record_key_tag": tag("claim", identity, month),
                "identity_tag": identity,
                "scheme_code": scheme,
                "insurer_number": insurer,
                "service_month": month,
                "adjudication_month": month,
                "version_number": 1,
                "is_withdrawn": False,
                "points": 100,
            }
        )


class Center:
    """A warehouse in memory that takes loads as batches."""

    def __init__(self) -> None:
        self.connection: duckdb.DuckDBPyConnection = connect(threads=1)
        prepare(self.connection)
        self._sequence: dict[str, int] = {}

    def take(self, load: Load) -> int:
        """Land a load in ``raw`` as the next batch of its domain; returns its sequence."""
        sequence = self._sequence[load.domain] = self._sequence.get(load.domain, 0) + 1
        for name in ("identity", "identity_pass", "enrolment", "care_certification", "claim"):
            rows = getattr(load, name)
            schema = RAW_TABLES[name]
            frame = pl.DataFrame([{c: row.get(c) for c in schema} for row in rows], schema=schema)
            frame = frame.with_columns(
                pl.lit(load.domain).alias("linkage_domain"), pl.lit(sequence, pl.Int64).alias("batch_sequence")
            )
            self.connection.register("landing", frame.to_arrow())
            self.connection.execute(f"INSERT INTO raw.{name} BY NAME SELECT * FROM landing")
            self.connection.unregister("landing")
        self.connection.execute(
            "INSERT INTO control.received_batch VALUES (?, ?, ?, ?, 0, false)",
            [load.domain, sequence, f"{load.domain}-{sequence}", load.domain],
        )
        return sequence

    def decide(self, kind: str, one: bytes, other: bytes, domain: str = "16") -> None:
        """Put a decision about two identities in force."""
        self.connection.execute("INSERT INTO link.decision VALUES (?, ?, ?, ?)", [domain, kind, one, other])
        for identity in (one, other):
            self.connection.execute("INSERT INTO control.decided_identity VALUES (?, ?)", [domain, identity])

    def undecide(self, one: bytes, other: bytes) -> None:
        """Withdraw what was decided about two identities."""
        for identity in (one, other):
            self.connection.execute(
                "INSERT INTO control.decided_identity SELECT DISTINCT linkage_domain, ?::BLOB FROM link.decision "
                "WHERE one_tag = ? AND other_tag = ?",
                [identity, one, other],
            )
        self.connection.execute("DELETE FROM link.decision WHERE one_tag = ? AND other_tag = ?", [one, other])

    def persons(self) -> dict[bytes, bytes]:
        """person_id by identity tag."""
        return dict(self.connection.execute("SELECT identity_tag, person_id FROM link.identity_person").fetchall())

    def tables(self) -> dict[str, list[tuple[object, ...]]]:
        """Everything that linkage keeps and that must not depend on the way it came about."""
        return {
            name: self.connection.execute(f"SELECT * FROM link.{name} ORDER BY ALL").fetchall()
            for name in (
                "node",
                "incidence",
                "identity_person",
                "refused_component",
                "refused_edge",
                "person_evidence",
                "person_tie",
            )
        }


def random_loads(seed: int, people: int, batches: int) -> list[Load]:
    """Loads in which few names, dates and numbers make for many meetings, right and wrong."""
    dice = random.Random(seed)
    loads = [Load(domain=dice.choice(("16", "16", "31"))) for _ in range(batches)]
    for _ in range(people):
        load = dice.choice(loads)
        birth = date(1950, dice.randint(1, 2), dice.choice((1, 20)))
        facts = {"kana": dice.choice(("ア　カ", "イ　カ", "イ　キ", None)), "birth": birth, "sex": dice.choice("12")}
        scheme = dice.choice(("kokuho", "kokuho", "koki", "care"))
        insurer, number = dice.choice(("A", "B")), str(dice.randint(1, 6))
        branch = dice.choice(("01", "02", None)) if scheme == "kokuho" else None
        ledger = (dice.choice(("kokuho", "koki")), dice.choice(("A", "B")), str(dice.randint(1, 6)))
        if scheme == "care":
            identity = load.person(scheme, insurer, number, related=dice.choice((ledger, None)), **facts)
            if dice.random() < 0.6:
                start = date(2023, dice.randint(1, 12), 1)
                load.certify(identity, insurer, start, dice.choice((None, date(2024, 6, 1))))
            continue
        identity = load.person(
            scheme, insurer, number, branch=branch, previous=dice.choice((ledger, None, None)), **facts
        )
        if dice.random() < 0.6:
            start = date(2020 + dice.randint(0, 4), 4, 1)
            end = dice.choice((None, date(start.year + 1, 4, 1)))
            load.enrol(identity, scheme, insurer, start, end, is_deleted=dice.random() < 0.1)
            if end is None and dice.random() < 0.5:  # the end comes later, in some batch of the same site
                later = dice.choice([one for one in loads if one.domain == load.domain])
                later.enrol(identity, scheme, insurer, start, date(start.year + 2, 4, 1), processed=date(2025, 1, 1))
        load.claims(identity, scheme, insurer, date(2024, dice.randint(1, 12), 1))
    return loads
