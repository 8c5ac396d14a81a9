"""Identity tokens: what identifies a person is encrypted field by field before it leaves the site.

A token is AES-SIV (RFC 5297, of the `cryptography` library) over normalised fields joined with 0x1F
and padded to 64, 128, 256, … bytes, the last byte holding the length; purpose and epoch are associated
data, and each purpose has its own key. Equal in gives equal out, so the center can link; the first 16
bytes (the SIV, a 128-bit PRF) are the tag on fact rows; the whole output can be opened by the site.

Tokens are made once per distinct value and a column at a time (``siv``), never per row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import polars as pl
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from ingest.formats.contracts import CONTRACTS, Contract
from ingest.identity import normalise, siv
from ingest.identity.passes import EVIDENCE_COLUMNS, passes
from ingest.sealing.errors import SealingError
from ingest.sealing.keys import derive
from ingest.settings import PROJECT_ROOT

LABEL = b"tsumugi/tok/1"
TAG_BYTES = 16
SEPARATOR = "\x1f"
IDENTITY_FIELDS = (
    "scheme_group",
    "insurer_number",
    "insured_number",
    "branch",
    "name_kana",
    "birth_date",
    "sex_code",
)
PEOPLE_SCHEMA: dict[str, pl.DataType] = {
    "identity_tag": pl.Binary(),
    "identity_text": pl.String(),
    "scheme_code": pl.String(),
    "insurer_number": pl.String(),
    "symbol": pl.String(),
    "number": pl.String(),
    "branch": pl.String(),
    "name_kanji": pl.String(),
    "name_kana": pl.String(),
    "birth_date": pl.Date(),
    "sex_code": pl.String(),
    "address": pl.String(),
    "address_number": pl.String(),
    "municipality_code": pl.String(),
    "is_register": pl.Boolean(),
    "first_month": pl.Date(),
    "last_month": pl.Date(),
}

_EVIDENCE_SCHEMA: dict[str, pl.DataType] = {
    "identity_text": pl.String(),
    **{name: pl.String() for name in EVIDENCE_COLUMNS},
    "scheme_code": pl.String(),
    "birth_day": pl.Date(),
    "sole_municipality_code": pl.String(),
}
_NUMBER_WIDTH = 8
_MASTER_BYTES = 32
_SIV_KEY_BYTES = 64
# Key columns with 2^40 values or more are tokenised alone; every other one joins the insurer.
_WIDE_KEY_COLUMNS = frozenset({"search_number"})
_SEEN = {"enrolment": "processed_date", "care_certification": "event_date"}
_NORMALISERS = {
    "insurer_number": normalise.insurer_number,
    "symbol": normalise.symbol,
    "number": normalise.insured_number,
    "branch": normalise.branch,
    "name_kana": normalise.kana,
}


class TokenError(SealingError):
    """A token cannot be made or opened; the message holds no value of a person."""


@dataclass(frozen=True)
class SealedTables:
    """What may leave the site, and what the site keeps of the same rows.

    ``tables``         each in ``Contract.sealed_schema()`` without ``source_file_id``
    ``identity``       one row an identity: identity_tag, ciphertext, epoch, scheme_code, insurer_number,
                       municipality_code, sex_code, birth_month, is_born_on_first. Every column is a
                       function of the identity alone, so batches agree in any order: of a 後期 number
                       the insurer is its number space (39 + prefecture), the municipality is given
                       only where the insurer has just one.
    ``identity_pass``  identity_tag, pass_id, purpose, pass_tag
    ``people``         for the site's directory only (``PEOPLE_SCHEMA``): never sealed
    """

    tables: dict[str, pl.DataFrame]
    identity: pl.DataFrame
    identity_pass: pl.DataFrame
    people: pl.DataFrame


class Tokeniser:
    """Makes and opens the tokens of one site and epoch.

    ``sole_municipality`` maps an insurer number to its municipality where it has just one; by default
    from the seed ``insurer_municipality``.
    """

    def __init__(self, identity_key: bytes, epoch: int, sole_municipality: Mapping[str, str] | None = None) -> None:
        if len(identity_key) < _MASTER_BYTES:
            raise TokenError(f"an identity key has at least {_MASTER_BYTES} bytes")
        self._master = identity_key
        self.epoch = epoch
        self._sole_municipality = dict(seed_sole_municipality() if sole_municipality is None else sole_municipality)
        self._ciphers: dict[str, AESSIV] = {}

    def __repr__(self) -> str:
        return f"Tokeniser(epoch={self.epoch})"

    # -- single columns --------------------------------------------------------------------------
    def encrypt(self, purpose: str, texts: Sequence[str] | pl.Series) -> pl.Series:
        """The whole ciphertext of each text; equal texts give equal ciphertexts."""
        return self._column(purpose, texts, lambda cipher, rows: cipher.encrypt(rows))

    def decrypt(self, purpose: str, ciphertexts: Sequence[bytes]) -> list[str]:
        """The texts; TokenError for a changed byte, another purpose, epoch or site."""
        decrypt, associated = self._cipher(purpose).decrypt, self._associated(purpose)
        try:
            return [_unpadded(decrypt(ciphertext, associated)) for ciphertext in ciphertexts]
        except (InvalidTag, ValueError):
            raise TokenError(f"a token does not open under '{purpose}', epoch {self.epoch}, with this key") from None

    def tags(self, purpose: str, texts: Sequence[str] | pl.Series) -> pl.Series:
        """The 16-byte tag of each text."""
        return self._column(purpose, texts, lambda cipher, rows: cipher.tags(rows))

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

    # -- whole deliveries ------------------------------------------------------------------------
    def seal_tables(self, plain: Mapping[str, pl.DataFrame], prefecture_code: str) -> SealedTables:
        """Tokenise contract tables (each in its ``plain_schema``) of one site's prefecture."""
        with_identity = {name: frame for name, frame in plain.items() if CONTRACTS[name].has_identity()}
        evidence = {n: self._evidence(CONTRACTS[n], frame, prefecture_code) for n, frame in with_identity.items()}
        distinct = pl.concat(
            [pl.DataFrame(schema=_EVIDENCE_SCHEMA), *(rows.select(*_EVIDENCE_SCHEMA) for rows in evidence.values())]
        ).unique()
        identity = self._identity(distinct)
        tags = identity.select("identity_text", "identity_tag")
        texts = {name: _identity_texts(CONTRACTS[name], plain[name], rows) for name, rows in evidence.items()}
        people = [_people(CONTRACTS[name], plain[name], text) for name, text in texts.items()]
        return SealedTables(
            tables={name: self._sealed(CONTRACTS[name], frame, texts.get(name), tags) for name, frame in plain.items()},
            identity=identity.drop("identity_text").sort("identity_tag"),
            identity_pass=self._passes(distinct.join(tags, on="identity_text")),
            people=pl.concat([_nobody(), *people]).join(tags, on="identity_text").select(*PEOPLE_SCHEMA),
        )

    def member_tags(self, enrolments: pl.DataFrame) -> pl.Series:
        """Of plain rows of 資格 whose number it is (``member_tag``), whatever the period; stays at the site."""
        contract = CONTRACTS["enrolment"]
        parts = [_business_part(contract, name) for name in contract.business_key if name != "applied_start_date"]
        return self._tag_column(enrolments, "member_tag", "member/enrolment", parts)

    def _sealed(
        self, contract: Contract, frame: pl.DataFrame, text: pl.Series | None, tags: pl.DataFrame
    ) -> pl.DataFrame:
        added: list[pl.Series] = []
        if contract.business_key:
            parts = [_business_part(contract, name) for name in contract.business_key]
            added.append(self._tag_column(frame, "record_key_tag", f"record/{contract.name}", parts))
        for column in contract.names("key"):
            parts = [normalise.text(pl.col(column))]
            if column not in _WIDE_KEY_COLUMNS:
                parts.insert(0, normalise.insurer_number(pl.col("insurer_number")))
            tag = self._tag_column(frame, f"{column}_tag", f"key/{column}", parts)
            added.append(tag.set(frame.get_column(column).is_null(), None))
        if text is not None:
            birth = frame.get_column("birth_date")
            joined = text.to_frame().join(tags, on="identity_text", how="left", maintain_order="left")
            added.append(joined.get_column("identity_tag"))
            added.append(birth.dt.truncate("1mo").alias("birth_month"))
            added.append((birth.dt.day() == 1).alias("is_born_on_first"))
        schema = {n: t for n, t in contract.sealed_schema().items() if n != "source_file_id"}
        sealed = frame.select("source_row", *contract.names("clear")).with_columns(added)
        return sealed.select([pl.col(n).cast(t) for n, t in schema.items()])

    def _tag_column(self, frame: pl.DataFrame, name: str, purpose: str, parts: list[pl.Expr]) -> pl.Series:
        texts = frame.lazy().select(_joined(parts).alias("text")).collect()
        distinct = texts.get_column("text").unique()
        tags = pl.DataFrame(
            {"text": distinct, name: self.tags(purpose, distinct)},
            schema={"text": pl.String(), name: pl.Binary()},
        )
        return texts.join(tags, on="text", how="left", maintain_order="left").get_column(name)

    def _evidence(self, contract: Contract, frame: pl.DataFrame, prefecture_code: str) -> pl.DataFrame:
        """The distinct written forms of who a row speaks of, and beside them what they come to (``=<name>``
        are the written forms). A person has many rows: only the distinct forms are normalised."""
        names = set(contract.names())
        written = frame.select(_written(contract)).unique()

        def optional(name: str, expression: pl.Expr) -> pl.Expr:
            return (expression if name in names else pl.lit(None, pl.String())).alias(name)

        def ledger(prefix: str) -> list[pl.Expr]:
            scheme = f"{prefix}_scheme_code"
            if scheme not in names:
                return [pl.lit(None, pl.String()).alias(n) for n in EVIDENCE_COLUMNS if n.startswith(f"{prefix}_")]
            return [
                _scheme_group(scheme).alias(f"{prefix}_scheme_group"),
                _insurer(scheme, f"{prefix}_insurer_number", prefecture_code).alias(f"{prefix}_insurer_number"),
                _insured(f"{prefix}_symbol", f"{prefix}_number").alias(f"{prefix}_insured_number"),
            ]

        identity = _identity_parts(contract, prefecture_code)
        sole = normalise.insurer_number(pl.col("insurer_number")).replace_strict(
            self._sole_municipality, default=None, return_dtype=pl.String()
        )
        municipality = pl.coalesce("municipality_code", sole) if "municipality_code" in names else sole
        # As one lazy step a form that several columns need is made once.
        told = written.lazy().select(
            pl.all().name.prefix("="),
            _joined(identity).alias("identity_text"),
            sole.alias("sole_municipality_code"),
            *(part.alias(field) for part, field in zip(identity, IDENTITY_FIELDS, strict=True)),
            municipality.alias("municipality_code"),
            pl.col("scheme_code"),
            pl.col("birth_date").alias("birth_day"),
            optional("address_number", normalise.insured_number(pl.col("address_number"))),
            *ledger("previous"),
            *ledger("related"),
        )
        return told.collect()

    def _identity(self, distinct: pl.DataFrame) -> pl.DataFrame:
        # 後期 insurers of several towns share one number space: no town then.
        town = pl.when(pl.col("scheme_code") != "koki").then(pl.col("sole_municipality_code"))
        rows = distinct.group_by("identity_text").agg(
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
        schema = {
            "identity_tag": pl.Binary(),
            "pass_id": pl.String(),
            "purpose": pl.String(),
            "pass_tag": pl.Binary(),
        }
        emitted = [pl.DataFrame(schema=schema)]
        for one in passes():
            complete = pl.all_horizontal(pl.col(field).is_not_null() for field in one.fields)
            rows = evidence.filter(pl.col("scheme_code").is_in(one.scheme_codes) & complete)
            parts = [pl.col(field) for field in one.fields]
            tags = self._tag_column(rows, "pass_tag", one.purpose, parts)
            emitted.append(
                rows.select("identity_tag")
                .with_columns(pl.lit(one.pass_id).alias("pass_id"), pl.lit(one.purpose).alias("purpose"), tags)
                .select(*schema)
            )
        return pl.concat(emitted).unique().sort("identity_tag", "pass_id", "pass_tag")

    # -- cipher ----------------------------------------------------------------------------------
    def _column(
        self, purpose: str, texts: Sequence[str] | pl.Series, of: Callable[[siv.ColumnSiv, siv.Bytes], siv.Bytes]
    ) -> pl.Series:
        column = pl.Series(texts, dtype=pl.String)
        if column.is_empty():
            return pl.Series(dtype=pl.Binary)
        cipher = siv.ColumnSiv(self._key(purpose), self._associated(purpose))
        places, parts = [], []
        for at, rows in siv.padded(column).values():
            places.append(pl.Series(at))
            parts.append(siv.binary(of(cipher, rows)))
        return pl.concat(parts).gather(pl.concat(places).arg_sort())

    def _key(self, purpose: str) -> bytes:
        return derive(self._master, f"identity|{purpose}|{self.epoch}", _SIV_KEY_BYTES)

    def _cipher(self, purpose: str) -> AESSIV:
        if purpose not in self._ciphers:
            self._ciphers[purpose] = AESSIV(self._key(purpose))
        return self._ciphers[purpose]

    def _associated(self, purpose: str) -> list[bytes]:
        return [LABEL, purpose.encode(), str(self.epoch).encode()]


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


def _identity_parts(contract: Contract, prefecture_code: str) -> list[pl.Expr]:
    names = set(contract.names())
    missing = pl.lit(None, pl.String())
    scheme = pl.col("scheme_code")
    # 枝番 tells the members of one 国保 household apart; 後期 and 介護 numbers are one person's own.
    branch = normalise.branch(pl.col("branch")) if "branch" in names else missing
    return [
        _scheme_group("scheme_code"),
        _insurer("scheme_code", "insurer_number", prefecture_code),
        _insured("symbol" if "symbol" in names else None, "number"),
        pl.when(scheme.is_in(["kokuho", "kumiai"])).then(branch).otherwise(None),
        normalise.kana(pl.col("name_kana")) if "name_kana" in names else missing,
        pl.col("birth_date").dt.to_string("%Y-%m-%d"),
        pl.col("sex_code"),
    ]


def _written(contract: Contract) -> list[str]:
    """The columns that say who a row speaks of."""
    clear = ("scheme_code", "insurer_number", "sex_code", "municipality_code")
    ledger = ("previous_scheme_code", "related_scheme_code")
    unused = ("name_kanji",)
    names = contract.names()
    return [n for n in names if n in clear + ledger or (n in contract.names("identity") and n not in unused)]


def _identity_texts(contract: Contract, frame: pl.DataFrame, evidence: pl.DataFrame) -> pl.Series:
    written = _written(contract)
    return (
        frame.select(written)
        .join(
            evidence.select("identity_text", *(f"={name}" for name in written)),
            left_on=written,
            right_on=[f"={name}" for name in written],
            how="left",
            nulls_equal=True,
            maintain_order="left",
        )
        .get_column("identity_text")
    )


def _people(contract: Contract, frame: pl.DataFrame, identity_text: pl.Series) -> pl.DataFrame:
    """What the rows of one table say of their persons, as written, with the months in which they say it."""
    names = set(contract.names())
    made = {"identity_tag", "identity_text", "is_register", "first_month", "last_month"}
    written = [
        (pl.col(name) if name in names else pl.lit(None)).cast(dtype).alias(name)
        for name, dtype in PEOPLE_SCHEMA.items()
        if name not in made
    ]
    rows = frame.select(
        identity_text,
        *written,
        pl.lit(contract.stream == "enrolment").alias("is_register"),
        pl.col(_SEEN.get(contract.name) or str(contract.partition_month)).dt.truncate("1mo").alias("month"),
    )
    return rows.group_by(rows.columns[:-1]).agg(
        pl.col("month").min().alias("first_month"), pl.col("month").max().alias("last_month")
    )


def _scheme_group(scheme: str) -> pl.Expr:
    """国保 and 国保組合 are told apart by the insurer's number; a care record calls both 国保."""
    return pl.col(scheme).replace("kumiai", "kokuho")


def _insurer(scheme: str, insurer: str, prefecture_code: str) -> pl.Expr:
    """The number space: the insurer, or 39 + prefecture for 後期, whose insurers share one."""
    number = normalise.insurer_number(pl.col(insurer))
    space = pl.when(number.str.contains("^39[0-9]{6}$")).then(number.str.slice(0, 4))
    return (
        pl.when((pl.col(scheme) == "koki") & number.is_not_null())
        .then(space.otherwise(pl.lit(f"39{prefecture_code}")))
        .otherwise(number)
    )


def _insured(symbol: str | None, number: str) -> pl.Expr:
    """記号 and 番号 in one: the number filled to 8 digits behind a symbol, so that no symbol and number
    read like another pair, and zeros before it do not matter; null without a number."""
    own = normalise.insured_number(pl.col(number))
    if symbol is None:
        return own
    before = normalise.symbol(pl.col(symbol))
    return pl.when(before.is_null()).then(own).otherwise(before + own.str.zfill(_NUMBER_WIDTH))


def _business_part(contract: Contract, name: str) -> pl.Expr:
    if name in _NORMALISERS:
        return _NORMALISERS[name](pl.col(name))
    if contract.plain_schema()[name] == pl.String():
        return normalise.text(pl.col(name))
    return pl.col(name).cast(pl.String())


def _joined(parts: list[pl.Expr]) -> pl.Expr:
    return pl.concat_str([part.fill_null("") for part in parts], separator=SEPARATOR)


def _nobody() -> pl.DataFrame:
    return pl.DataFrame(schema={name: dtype for name, dtype in PEOPLE_SCHEMA.items() if name != "identity_tag"})


def _unpadded(block: bytes) -> str:
    content = block[:-1].rstrip(b"\0")
    if len(content) & 0xFF != block[-1]:
        raise ValueError("padding")
    return content.decode()
