"""Every contract column has one class, and the class decides what may leave the site."""

from __future__ import annotations

import pytest

from ingest.formats.contracts import CONTRACTS, TYPES, Contract

CLASSES = {"clear", "identity", "key", "site_only"}
NEVER_CLEAR = (
    "name", "kana", "kanji", "birth_date", "address", "symbol", "number", "branch", "doctor", "opinion", "telephone",
)  # fmt: skip
CLEAR_BY_DECISION = {
    "insurer_number",  # names the payer, not the person
    "district_name",  # names a district
    "district_set_name",  # names a way of dividing a town
    "set_district_name",
    "receipt_number",  # counts receipts within a file
    "record_number",  # counts records of one person
    "version_number",
    "sequence_number",
    "data_number",  # counts rows of one export
    "has_search_number",  # says whether there is one
    "is_address_exception",
}

every_contract = pytest.mark.parametrize("contract", CONTRACTS.values(), ids=lambda c: c.name)


@every_contract
def test_every_column_has_exactly_one_known_class_and_type(contract: Contract) -> None:
    assert [c.name for c in contract.columns if c.column_class not in CLASSES or c.dtype not in TYPES] == []
    assert len({c.name for c in contract.columns}) == len(contract.columns)


@every_contract
def test_what_names_a_person_is_never_clear(contract: Contract) -> None:
    clear = set(contract.names("clear")) - CLEAR_BY_DECISION
    assert [name for name in clear if any(part in name for part in NEVER_CLEAR)] == []


@every_contract
def test_the_sealed_form_holds_no_identity_and_no_site_only_column(contract: Contract) -> None:
    sealed = set(contract.sealed_schema())
    assert sealed.isdisjoint(contract.names("identity", "site_only", "key"))


@every_contract
def test_of_the_birth_date_only_month_and_first_of_month_are_sealed(contract: Contract) -> None:
    sealed = contract.sealed_schema()
    assert "birth_date" not in sealed
    assert ("birth_month" in sealed) == contract.has_identity()
    assert ("is_born_on_first" in sealed) == contract.has_identity()


@every_contract
def test_keys_and_versions_name_columns_of_the_table(contract: Contract) -> None:
    names = set(contract.names())
    assert set(contract.business_key) | set(contract.version_key) | set(contract.control_columns) <= names
    assert contract.partition_month is None or contract.partition_month in names


@every_contract
def test_a_table_has_a_business_key_or_a_parent(contract: Contract) -> None:
    assert bool(contract.business_key) != (contract.parent is not None)
    assert contract.parent is None or contract.parent in CONTRACTS
