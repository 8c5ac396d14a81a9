from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from ingest.policy import access

GRANTS = access.load_grants()


def test_every_grant_names_its_legal_ground_and_purpose() -> None:
    assert GRANTS.filter(
        (pl.col("legal_ground").fill_null("") == "") | (pl.col("purpose").fill_null("") == "")
    ).is_empty()


def test_center_federation_and_prefecture_see_no_person() -> None:
    for tenant in ("center", "federation-16", "prefecture-16"):
        assert not access.may_see_persons(GRANTS, tenant)
        with pytest.raises(access.AccessDenied):
            access.require_persons(GRANTS, tenant)


def test_kokuho_staff_are_granted_their_own_insurer_and_scheme_only() -> None:
    rows = access.person_grants(GRANTS, "kokuho-16208", "kokuho")
    assert rows.select("scheme_code", "insurer_number").rows() == [("kokuho", "160077")]


def test_staff_of_one_town_in_a_care_union_are_granted_their_own_town_only() -> None:
    rows = access.person_grants(GRANTS, "kaigo-16208", "care")
    assert rows.select("insurer_number", "municipality_code").rows() == [("169508", "16208")]


def test_what_crosses_the_schemes_crosses_only_from_the_day_of_its_ground() -> None:
    before = access.grants_at(GRANTS, date(2020, 3, 31))
    after = access.grants_at(GRANTS, date(2020, 4, 1))
    assert not access.may_see_persons(before, "eisei-16208")
    assert access.may_see_persons(after, "eisei-16208")


def test_a_tenant_that_the_table_does_not_know_is_denied() -> None:
    assert not access.may_see_persons(GRANTS, "kokuho-99999")
