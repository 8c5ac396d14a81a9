"""Identity tokens: what identifies a person is encrypted field by field before it leaves the site.

A token is AES-SIV (``cipher``) over normalised fields joined with 0x1F. Tokens of persons are made once per distinct
form in which rows name them (``evidence``), a column at a time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache

import polars as pl

from ingest.formats.contracts import CONTRACTS, Contract
from ingest.identity.cipher import TAG_BYTES, TokenCipher
from ingest.identity.evidence import (
    EVIDENCE_SCHEMA,
    IDENTITY_FIELDS,
    PEOPLE_SCHEMA,
    SEPARATOR,
    Persons,
    in_form,
    joined,
    persons,
)
from ingest.identity.normalise import each_once
from ingest.identity.passes import passes
from ingest.settings import PROJECT_ROOT

# Key columns with 2^40 values or more are tokenised alone; every other one joins the insurer.
_WIDE_KEY_COLUMNS = frozenset({"search_number"})

_THREADS = 2
Tags = Sequence[Future[pl.Series]]


@dataclass(frozen=True)
class SealedTables:
    """What may leave the site, and what the site keeps of the same rows.

    ``tables``         each in ``Contract.sealed_schema()`` without ``source_file_id``
    ``identity``       one row an identity, in no order: identity_tag, ciphertext, epoch, scheme_code, insurer_number,
                       municipality_code, sex_code, birth_month, is_born_on_first. Every column is a
                       function of the identity alone, so batches agree in any order: of a 後期 number
                       the insurer is its number space (39 + prefecture), the municipality is given
                       only where the insurer has just one.
    ``identity_pass``  identity_tag, pass_id, purpose, pass_tag; each once, in no order
    ``people``         for the site's directory only (``PEOPLE_SCHEMA``): never sealed
    """

    tables: dict[str, pl.DataFrame]
    identity: pl.DataFrame
    identity_pass: pl.DataFrame
    people: pl.DataFrame


class Tokeniser(TokenCipher):
    """Makes and opens the tokens of one site and epoch.

    ``sole_municipality`` maps an insurer number to its municipality where it has just one; by default
    from the seed ``insurer_municipality``.
    """

    def __init__(self, identity_key: bytes, epoch: int, sole_municipality: Mapping[str, str] | None = None) -> None:
        super().__init__(identity_key, epoch)
        self._sole_municipality = dict(seed_sole_municipality() if sole_municipality is None else sole_municipality)

    def open_identity(self, ciphertexts: Sequence[bytes]) -> pl.DataFrame:
        """The normalised identity fields behind ciphertexts (``identity_tag``, ``identity_text`` and
        ``IDENTITY_FIELDS``, empty fields as ""); TokenError where one is not ours."""
        texts = self.decrypt("identity", ciphertexts)
        frame = pl.DataFrame(
            {"identity_tag": [c[:TAG_BYTES] for c in ciphertexts], "identity_text": texts},
            schema={"identity_tag": pl.Binary(), "identity_text": pl.String()},
        )
        parts = pl.col("identity_text").str.split_exact(SEPARATOR, len(IDENTITY_FIELDS) - 1)
        return frame.with_columns(parts.struct.rename_fields(list(IDENTITY_FIELDS)).alias("parts")).unnest("parts")

    def seal_tables(self, plain: Mapping[str, pl.DataFrame], prefecture_code: str) -> SealedTables:
        """Tokenise contract tables (each in its ``plain_schema``) of one site's prefecture.

        The tags of rows are made by threads while their persons are worked out.
        """
        with ThreadPoolExecutor(max_workers=_THREADS) as pool:
            tags = {name: self._row_tags(CONTRACTS[name], frame, pool) for name, frame in plain.items()}
            return self._seal_persons(plain, prefecture_code, tags)

    def _seal_persons(
        self, plain: Mapping[str, pl.DataFrame], prefecture_code: str, row_tags: Mapping[str, Tags]
    ) -> SealedTables:
        named = {
            name: persons(name, frame, prefecture_code, self._sole_municipality)
            for name, frame in plain.items()
            if CONTRACTS[name].has_identity()
        }
        # The same may be told by several forms; to look for them costs more than the tokens that they have in common.
        evidence = pl.concat([pl.DataFrame(schema=EVIDENCE_SCHEMA), *(who.evidence for who in named.values())])
        identity = self._identity(evidence)
        tags = identity.select("identity_text", "identity_tag")
        told = evidence.join(tags, on="identity_text", how="left", maintain_order="left")
        people: dict[str, pl.DataFrame] = {}
        at = 0
        for name, who in named.items():
            people[name] = who.people.with_columns(told.get_column("identity_tag").slice(at, who.people.height))
            at += who.people.height
        identity_pass = self._passes(told)
        nobody = pl.DataFrame(schema=PEOPLE_SCHEMA)
        return SealedTables(
            tables={
                name: _sealed(CONTRACTS[name], frame, row_tags[name], named.get(name), people.get(name))
                for name, frame in plain.items()
            },
            identity=identity.drop("identity_text"),
            identity_pass=identity_pass,
            people=pl.concat([nobody, *(forms.select(*PEOPLE_SCHEMA) for forms in people.values())]),
        )

    def member_tags(self, enrolments: pl.DataFrame) -> pl.Series:
        """Of plain rows of 資格 whose number it is (``member_tag``), whatever the period; stays at the site."""
        parts = [name for name in CONTRACTS["enrolment"].business_key if name != "applied_start_date"]
        return self._tag_column("member_tag", "member/enrolment", in_form(enrolments, parts), parts)

    def _row_tags(self, contract: Contract, frame: pl.DataFrame, pool: Executor) -> Tags:
        """The tags of each row's record key and of its key columns, as they will come."""
        keys = contract.names("key")
        insurer = ["insurer_number"] if set(keys) - _WIDE_KEY_COLUMNS else []
        names = list(dict.fromkeys([*contract.business_key, *keys, *insurer]))
        texts = {name: pool.submit(in_form, frame, [name]) for name in names}

        def tags(name: str, purpose: str, parts: Sequence[str]) -> pl.Series:
            own = pl.DataFrame([texts[part].result().to_series() for part in parts])
            return self._tag_column(name, purpose, own, parts)

        def key_tags(column: str) -> pl.Series:
            parts = [column] if column in _WIDE_KEY_COLUMNS else ["insurer_number", column]
            found = tags(f"{column}_tag", f"key/{column}", parts)
            return found.set(frame.get_column(column).is_null(), None)

        record = [("record_key_tag", f"record/{contract.name}", contract.business_key)] if contract.business_key else []
        return [*(pool.submit(tags, *one) for one in record), *(pool.submit(key_tags, column) for column in keys)]

    def _tag_column(self, name: str, purpose: str, texts: pl.DataFrame, parts: Sequence[str]) -> pl.Series:
        """The tags of columns joined; records and passes are nearly all distinct, so no text is looked up."""
        return self.tags(purpose, texts.select(joined([pl.col(part) for part in parts])).to_series()).alias(name)

    def _identity(self, evidence: pl.DataFrame) -> pl.DataFrame:
        # 後期 insurers of several towns share one number space: no town then.
        town = pl.when(pl.col("scheme_code") != "koki").then(pl.col("sole_municipality_code"))
        rows = evidence.group_by("identity_text").agg(
            pl.col("scheme_code", "insurer_number", "sex_code", "birth_day").min(),
            town.min().alias("municipality_code"),
        )
        return rows.with_columns(
            self.encrypt("identity", rows.get_column("identity_text")).alias("ciphertext"),
            pl.lit(self.epoch, pl.Int32()).alias("epoch"),
            pl.col("birth_day").dt.truncate("1mo").alias("birth_month"),
            (pl.col("birth_day").dt.day() == 1).alias("is_born_on_first"),
        ).select(
            "identity_text",
            pl.col("ciphertext").bin.slice(0, TAG_BYTES).alias("identity_tag"),
            "ciphertext",
            "epoch",
            "scheme_code",
            "insurer_number",
            "municipality_code",
            "sex_code",
            "birth_month",
            "is_born_on_first",
        )

    def _passes(self, evidence: pl.DataFrame) -> pl.DataFrame:
        """The tokens of every pass, each once: only who is told of by several rows can have one twice."""
        is_several = evidence.get_column("identity_tag").is_duplicated()
        several = self._tokens(evidence.filter(is_several)).unique()
        return pl.concat([self._tokens(evidence.filter(~is_several)), several])

    def _tokens(self, evidence: pl.DataFrame) -> pl.DataFrame:
        schema = {
            "identity_tag": pl.Binary(),
            "pass_id": pl.String(),
            "purpose": pl.String(),
            "pass_tag": pl.Binary(),
        }
        emitted = [pl.DataFrame(schema=schema)]
        for one in passes():
            is_complete = pl.all_horizontal(pl.col(field).is_not_null() for field in one.fields)
            is_asked = evidence.select(pl.col("scheme_code").is_in(one.scheme_codes) & is_complete).to_series()
            if not is_asked.any():
                continue
            rows = evidence.select("identity_tag", *one.fields)  # what a pass asks for, of much that is known
            rows = rows if is_asked.all() else rows.filter(is_asked)
            tags = self._tag_column("pass_tag", one.purpose, rows, one.fields)
            emitted.append(
                rows.select(
                    "identity_tag", pl.lit(one.pass_id).alias("pass_id"), pl.lit(one.purpose).alias("purpose"), tags
                )
            )
        return pl.concat(emitted)


def _sealed(
    contract: Contract, frame: pl.DataFrame, tags: Tags, who: Persons | None, people: pl.DataFrame | None
) -> pl.DataFrame:
    """A table as it may leave the site."""
    added: list[pl.Series] = []
    if who is not None and people is not None:
        birth = frame.get_column("birth_date")
        added.append(people.get_column("identity_tag").gather(who.form))
        added.append(each_once(birth, lambda days: days.dt.truncate("1mo")).alias("birth_month"))
        added.append(each_once(birth, lambda days: days.dt.day() == 1).alias("is_born_on_first"))
    schema = {n: t for n, t in contract.sealed_schema().items() if n != "source_file_id"}
    sealed = frame.select("source_row", *contract.names("clear")).with_columns(*added, *(tag.result() for tag in tags))
    return sealed.select([pl.col(n).cast(t) for n, t in schema.items()])


@cache
def seed_sole_municipality() -> dict[str, str]:
    """Insurer number -> municipality for the insurers that have just one (seed insurer_municipality)."""
    seed = pl.read_csv(PROJECT_ROOT / "seeds" / "insurer_municipality.csv", infer_schema=False)
    sole = (
        seed.group_by("insurer_number")
        .agg(pl.col("municipality_code").unique())
        .filter(pl.col("municipality_code").list.len() == 1)
    )
    return dict(sole.select("insurer_number", pl.col("municipality_code").list.first()).iter_rows())
