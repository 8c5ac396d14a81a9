"""Tokens: what is one person's agrees however it is written, what is not stays apart."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ingest.formats.contracts import CONTRACTS
from ingest.identity.cipher import TokenError
from ingest.identity.tokens import SealedTables, Tokeniser, seed_sole_municipality
from tests.handmade import frame
from tests.unit.identity.people import BORN, KEY, TOWNS, certifications, claims, enrolment


@pytest.fixture()
def tokeniser() -> Tokeniser:
    return Tokeniser(KEY, 1, TOWNS)


def tags(sealed: SealedTables, table: str) -> list[bytes]:
    return sealed.tables[table]["identity_tag"].to_list()


def pass_tags(sealed: SealedTables, identity_tag: bytes) -> set[tuple[str, bytes]]:
    rows = sealed.identity_pass.filter(pl.col("identity_tag") == identity_tag)
    return set(rows.select("purpose", "pass_tag").iter_rows())


def passes_of(sealed: SealedTables, identity_tag: bytes) -> set[str]:
    rows = sealed.identity_pass.filter(pl.col("identity_tag") == identity_tag)
    return set(rows["pass_id"])


def test_a_token_is_plain_aes_siv_over_the_padded_text() -> None:
    """RFC 5297 as anybody else would do it, from the description in the docs alone."""
    derived = HKDF(hashes.SHA256(), 64, None, b"tsumugi/identity|number|3").derive(KEY)
    block = "甲\x1f乙".encode().ljust(63, b"\0") + bytes([7])
    expected = AESSIV(derived).encrypt(block, [b"tsumugi/tok/1", b"number", b"3"])
    assert Tokeniser(KEY, 3, {}).encrypt("number", ["甲\x1f乙"]).to_list() == [expected]
    assert len(expected) == 16 + 64


@pytest.mark.parametrize("length", [0, 1, 62, 63, 64, 126, 127, 128, 254, 255, 256, 300, 511, 512, 2000])
def test_a_text_of_any_length_comes_back_and_its_size_is_hidden_in_blocks(tokeniser: Tokeniser, length: int) -> None:
    ciphertext = tokeniser.encrypt("identity", ["x" * length])
    assert tokeniser.decrypt("identity", ciphertext.to_list()) == ["x" * length]
    size = len(ciphertext[0]) - 16
    assert size >= 64
    assert size & (size - 1) == 0


def test_a_token_opens_only_under_its_purpose_epoch_and_key(tokeniser: Tokeniser) -> None:
    ciphertext = tokeniser.encrypt("identity", ["text"])
    changed = bytes([ciphertext[0][0] ^ 1]) + ciphertext[0][1:]
    attempts = [
        (tokeniser, "number", ciphertext[0]),
        (Tokeniser(KEY, 2, {}), "identity", ciphertext[0]),
        (Tokeniser(bytes(32), 1, {}), "identity", ciphertext[0]),
        (tokeniser, "identity", changed),
        (tokeniser, "identity", ciphertext[0][:-1]),
        (tokeniser, "identity", b""),
    ]
    for other, purpose, attempt in attempts:
        with pytest.raises(TokenError):
            other.decrypt(purpose, [attempt])


def test_a_short_identity_key_is_refused() -> None:
    with pytest.raises(TokenError):
        Tokeniser(b"short", 1, {})


def test_sealed_tables_have_the_sealed_schema_and_every_row(tokeniser: Tokeniser) -> None:
    plain = {
        "enrolment": enrolment({}, {"number": "2"}),
        "claim": claims({}, {}, {}),
        "claim_item": frame("claim_item", [{"scheme_code": "kokuho", "insurer_number": "160028"}] * 4),
        "care_certification": certifications({}),
        "population": frame("population", [{"municipality_code": "16202", "year": 2024, "sex_code": "1"}]),
    }
    sealed = tokeniser.seal_tables(plain, "16")
    for name, table in sealed.tables.items():
        expected = {n: t for n, t in CONTRACTS[name].sealed_schema().items() if n != "source_file_id"}
        assert dict(table.schema) == expected, name
        assert table["source_row"].to_list() == plain[name]["source_row"].to_list()


def test_empty_tables_are_sealed_empty(tokeniser: Tokeniser) -> None:
    sealed = tokeniser.seal_tables({"claim": claims({}).clear()}, "16")
    assert sealed.tables["claim"].height == sealed.identity.height == sealed.identity_pass.height == 0
    nothing = tokeniser.seal_tables({}, "16")
    assert nothing.tables == {}
    assert nothing.people.height == 0


def test_the_same_person_written_in_other_ways_is_one_identity(tokeniser: Tokeniser) -> None:
    sealed = tokeniser.seal_tables(
        {
            "enrolment": enrolment({}),
            "claim": claims(
                {"symbol": "１６", "number": "１２３４５", "branch": "1", "name_kana": "ﾔﾏﾀﾞ ﾊﾅｺ"},
                {"number": "012345", "name_kana": "やまだ・はなこ"},
            ),
        },
        "16",
    )
    assert len({*tags(sealed, "enrolment"), *tags(sealed, "claim")}) == 1
    assert sealed.identity.height == 1


@pytest.mark.parametrize(
    "change",
    [
        {"insurer_number": "160036"},
        {"symbol": "1", "number": "60012345"},
        {"number": "12346"},
        {"branch": "02"},
        {"branch": None},
        {"name_kana": "ヤマダ　ハルコ"},
        {"name_kana": None},
        {"birth_date": date(1950, 4, 2)},
        {"sex_code": "1"},
    ],
    ids=str,
)
def test_another_number_name_birth_or_sex_is_another_identity(tokeniser: Tokeniser, change: dict[str, object]) -> None:
    sealed = tokeniser.seal_tables({"claim": claims({}, change)}, "16")
    assert len(set(tags(sealed, "claim"))) == 2


def test_a_symbol_and_number_never_read_like_another_pair(tokeniser: Tokeniser) -> None:
    sealed = tokeniser.seal_tables(
        {"claim": claims({"symbol": "1", "number": "23"}, {"symbol": "12", "number": "3"})}, "16"
    )
    assert len(set(tags(sealed, "claim"))) == 2


def test_birth_leaves_the_site_as_a_month_and_whether_it_was_the_first(tokeniser: Tokeniser) -> None:
    sealed = tokeniser.seal_tables({"claim": claims({}, {"birth_date": date(1950, 4, 30)})}, "16")
    table = sealed.tables["claim"]
    assert table["birth_month"].to_list() == [date(1950, 4, 1)] * 2
    assert table["is_born_on_first"].to_list() == [True, False]


def test_versions_of_one_record_meet_under_one_tag(tokeniser: Tokeniser) -> None:
    corrected = {"points": 200, "name_kana": None, "branch": None}
    other = {"search_number": "2" * 30}
    sealed = tokeniser.seal_tables({"claim": claims({}, corrected, other)}, "16")
    first, second, third = sealed.tables["claim"]["record_key_tag"].to_list()
    assert first == second != third
    enrolments = tokeniser.seal_tables({"enrolment": enrolment({"branch": "00"}, {"branch": None})}, "16")
    assert enrolments.tables["enrolment"]["record_key_tag"].n_unique() == 1


def test_a_narrow_number_is_tokenised_with_its_insurer_and_a_wide_one_alone(tokeniser: Tokeniser) -> None:
    two = {"insurer_number": "160036"}
    claim = tokeniser.seal_tables({"claim": claims({}, two)}, "16").tables["claim"]
    assert claim["search_number_tag"].n_unique() == 1
    common = {
        "number": "0000000001",
        "birth_date": BORN,
        "sex_code": "1",
        "service_month": date(2024, 1, 1),
        "adjudication_month": date(2024, 2, 1),
        "reference_number": "0000000001",
    }
    care = frame("care_claim", [common | {"insurer_number": "162027"}, common | {"insurer_number": "162035"}])
    tokens = tokeniser.seal_tables({"care_claim": care}, "16").tables["care_claim"]["reference_number_tag"]
    assert tokens.n_unique() == 2


def test_a_missing_key_number_has_no_tag(tokeniser: Tokeniser) -> None:
    claim = tokeniser.seal_tables({"claim": claims({"search_number": None})}, "16").tables["claim"]
    assert claim["search_number_tag"].to_list() == [None]


def test_a_pass_with_a_missing_field_is_not_emitted(tokeniser: Tokeniser) -> None:
    sealed = tokeniser.seal_tables(
        {"claim": claims({"branch": "00", "name_kana": None}, {"insurer_number": "169999"})}, "16"
    )
    without_branch, unknown_town = tags(sealed, "claim")
    assert passes_of(sealed, without_branch) == {"number_birth"}
    assert passes_of(sealed, unknown_town) == {
        "number",
        "number_birth",
        "number_name",
        "name",
        "given_birth",
    }


def test_a_claim_without_a_name_still_meets_the_register_by_its_number(tokeniser: Tokeniser) -> None:
    sealed = tokeniser.seal_tables({"enrolment": enrolment({}), "claim": claims({"name_kana": None})}, "16")
    [register], [claim] = tags(sealed, "enrolment"), tags(sealed, "claim")
    assert register != claim
    shared = pass_tags(sealed, register) & pass_tags(sealed, claim)
    assert {purpose for purpose, _ in shared} == {"number", "number_birth"}


@pytest.mark.parametrize("written", ["ウエヅカ　マサスケ", "ウエスカ　マサスケ", "ｳｴｽﾞｶ ﾏｻｽｹ"])
def test_a_name_alone_is_one_token_however_its_kana_is_written(tokeniser: Tokeniser, written: str) -> None:
    other = {"scheme_code": "kumiai", "insurer_number": "163022", "number": "98765"}
    sealed = tokeniser.seal_tables(
        {"enrolment": enrolment({"name_kana": "ウエズカ　マサスケ"}), "claim": claims(other | {"name_kana": written})},
        "16",
    )
    [register], [claim] = tags(sealed, "enrolment"), tags(sealed, "claim")
    assert "name" in {purpose for purpose, _ in pass_tags(sealed, register) & pass_tags(sealed, claim)}


def test_the_register_ties_the_number_of_before_to_the_new_one(tokeniser: Tokeniser) -> None:
    new = {
        "scheme_code": "koki",
        "insurer_number": "39160023",
        "symbol": None,
        "number": "00777777",
        "branch": None,
        "previous_scheme_code": "kokuho",
        "previous_insurer_number": "160028",
        "previous_symbol": "１６",
        "previous_number": "12345",
    }
    sealed = tokeniser.seal_tables({"enrolment": enrolment({}, new)}, "16")
    before, after = tags(sealed, "enrolment")
    shared = {purpose for purpose, _ in pass_tags(sealed, before) & pass_tags(sealed, after)}
    assert shared == {"number_birth", "resident", "name_town", "name", "given_birth"}


def test_the_care_record_ties_to_the_medical_number_also_of_a_national_health_society(tokeniser: Tokeniser) -> None:
    society = {"scheme_code": "kumiai", "insurer_number": "163022", "municipality_code": None, "name_kana": "ベツ"}
    related = {
        "related_scheme_code": "kokuho",
        "related_insurer_number": "163022",
        "related_symbol": "16",
        "related_number": "12345",
    }
    sealed = tokeniser.seal_tables(
        {"enrolment": enrolment(society), "care_certification": certifications(related)}, "16"
    )
    [member], [care] = tags(sealed, "enrolment"), tags(sealed, "care_certification")
    shared = {purpose for purpose, _ in pass_tags(sealed, member) & pass_tags(sealed, care)}
    assert shared == {"number_birth"}


def test_a_late_elderly_number_is_the_prefectures_whichever_town_the_insurer_names(tokeniser: Tokeniser) -> None:
    koki = {"scheme_code": "koki", "symbol": None, "branch": None, "number": "00777777"}
    sealed = tokeniser.seal_tables(
        {"claim": claims(koki | {"insurer_number": "39160023"}, koki | {"insurer_number": "39160080"})}, "16"
    )
    assert len(set(tags(sealed, "claim"))) == 1
    assert sealed.identity.select("scheme_code", "insurer_number", "municipality_code").rows() == [
        ("koki", "3916", None)
    ]


def test_the_identity_rows_are_the_same_in_any_order_and_split_of_the_files(tokeniser: Tokeniser) -> None:
    rows = [{"number": str(n % 5), "name_kana": f"カナ{n % 3}"} for n in range(20)]
    whole = tokeniser.seal_tables({"claim": claims(*rows), "enrolment": enrolment(*rows)}, "16")
    parts = [
        tokeniser.seal_tables({"enrolment": enrolment(*reversed(rows[10:]))}, "16"),
        tokeniser.seal_tables({"claim": claims(*rows[5:])}, "16"),
        tokeniser.seal_tables({"enrolment": enrolment(*rows[:10]), "claim": claims(*rows[:5])}, "16"),
    ]
    joined = pl.concat([part.identity for part in parts]).unique().sort("identity_tag")
    assert joined.equals(whole.identity.sort("identity_tag"))
    passes = pl.concat([part.identity_pass for part in parts]).unique()
    assert sorted(passes.rows()) == sorted(whole.identity_pass.rows())


def test_the_site_opens_what_it_sealed(tokeniser: Tokeniser) -> None:
    sealed = tokeniser.seal_tables({"enrolment": enrolment({})}, "16")
    opened = tokeniser.open_identity(sealed.identity["ciphertext"].to_list())
    assert opened.drop("identity_text").rows(named=True) == [
        {
            "identity_tag": sealed.identity["identity_tag"][0],
            "scheme_group": "kokuho",
            "insurer_number": "160028",
            "insured_number": "1600012345",
            "branch": "01",
            "name_kana": "ヤマダハナコ",
            "birth_date": "1950-04-01",
            "sex_code": "2",
        }
    ]


def test_another_site_and_another_epoch_make_other_tokens_of_the_same_rows(tokeniser: Tokeniser) -> None:
    rows = {"enrolment": enrolment({}), "claim": claims({})}
    here = tokeniser.seal_tables(rows, "16")
    for other in (Tokeniser(bytes(32), 1, TOWNS), Tokeniser(KEY, 2, TOWNS)):
        there = other.seal_tables(rows, "16")
        assert not set(here.identity["identity_tag"]) & set(there.identity["identity_tag"])
        assert not set(here.identity_pass["pass_tag"]) & set(there.identity_pass["pass_tag"])
        assert not set(here.tables["claim"]["record_key_tag"]) & set(there.tables["claim"]["record_key_tag"])


def test_the_seed_knows_the_town_of_a_town_and_none_of_a_union() -> None:
    sole = seed_sole_municipality()
    assert sole["160028"] == "16202"
    seed = pl.read_csv("seeds/insurer_municipality.csv", infer_schema=False)
    towns = seed.group_by("insurer_number").agg(pl.col("municipality_code").n_unique())
    unions = set(towns.filter(pl.col("municipality_code") > 1)["insurer_number"])
    assert unions
    assert not unions & set(sole)


@pytest.mark.parametrize("name", [name for name, contract in CONTRACTS.items() if contract.has_identity()])
def test_every_table_that_speaks_of_persons_can_be_sealed(tokeniser: Tokeniser, name: str) -> None:
    row = {"number": "1", "birth_date": BORN, "sex_code": "1", "insurer_number": "162027", "scheme_code": "care"}
    sealed = tokeniser.seal_tables({name: frame(name, [row])}, "16")
    assert sealed.tables[name]["identity_tag"].to_list() == sealed.identity["identity_tag"].to_list()
    assert sealed.people.height == 1


def test_a_tokeniser_says_its_epoch_and_no_key() -> None:
    assert repr(Tokeniser(KEY, 7, TOWNS)) == "Tokeniser(epoch=7)"


def test_a_token_of_another_padding_is_not_opened() -> None:
    tokeniser = Tokeniser(KEY, 1, TOWNS)
    cipher = AESSIV(tokeniser._key("identity"))
    foreign = cipher.encrypt(b"no length at the end".ljust(64, b"\0"), tokeniser._associated("identity"))
    with pytest.raises(TokenError, match="does not open"):
        tokeniser.decrypt("identity", [foreign])
