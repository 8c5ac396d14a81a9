"""Ids of many persons at a time are those that the library's HMAC gives one by one."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest

from ingest.center.link.components import numbered
from ingest.center.link.person_id import name_persons, person_id


@pytest.mark.parametrize("length", [16, 32, 64, 65, 200])  # a key longer than a block of SHA-256 is hashed first
def test_an_id_is_the_hmac_of_the_library_under_a_key_of_any_length(length: int) -> None:
    key = bytes(range(length))
    tags = [bytes([number]) * 16 for number in range(4)]
    nodes = numbered(
        pl.DataFrame(
            {"linkage_domain": ["16"] * 4, "identity_tag": tags, "sex_code": ["1"] * 4, "birth_month": [None] * 4},
            schema_overrides={"birth_month": pl.Date()},
        )
    )
    anchors = pl.DataFrame({"node": [1, 0], "start_date": [date(2019, 4, 1), date(2020, 4, 1)]})
    named = name_persons(nodes, np.array([0, 0, 2, 3], np.int32), anchors, key)
    first = person_id(key, "16", date(2019, 4, 1), tags[1])
    assert named["person_id"].to_list() == [first, first, *(person_id(key, "16", None, tag) for tag in tags[2:])]
    assert named["is_provisional"].to_list() == [False, False, True, True]
