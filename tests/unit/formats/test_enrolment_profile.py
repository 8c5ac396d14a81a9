"""Profiles of 資格 CSV: any vendor's headings, proposed, confirmed once and used again."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.formats import FileRefused, read, recognise
from ingest.formats import enrolment_profile as profiles
from ingest.formats.enrolment_profile import Profile, ProfileError, field_rules, with_profiles
from ingest.formats.enrolment_proposal import Proposal, propose

VENDOR: dict[str, str] = {
    "市町村保険者番号": "00162024",
    "宛名コード": "000000000000015",
    "国保記号番号": "000100000123",
    "名前": "架空　花子",
    "カナ名": "ｶｸｳ ﾊﾅｺ",
    "誕生日": "昭和30年1月2日",
    "男女区分": "女",
    "取得日": "Ｒ０２．０４．０１",
    "取得理由": "転入",
    "喪失日": "99999999",
    "喪失理由": "",
    "続柄": "世帯主",
}


def by_hand(path: Path, *rows: dict[str, str], tail: str = "\r\n") -> Path:
    lines = [",".join(rows[0]), *(",".join(row.values()) for row in rows)]
    path.write_bytes(("\r\n".join(lines) + tail).encode("cp932"))
    return path


def profile_of(path: Path, **fields: str) -> Profile:
    return propose(path).profile(fields, {})


def rows_of(path: Path, profile: Profile) -> list[dict[str, Any]]:
    with with_profiles({profile.fingerprint: profile}):
        assert recognise(path)[0].format == "enrolment_profile_csv"
        reading = read(path)
    assert reading.set_aside.is_empty(), reading.set_aside["message"].to_list()
    return reading.tables["enrolment"].to_dicts()


def field_of(proposal: Proposal, heading: str, occurrence: int = 1) -> tuple[str, bool]:
    return next(
        (c.contract_column, c.is_sure)
        for c in proposal.columns
        if (c.column_name, c.occurrence) == (heading, occurrence)
    )


def test_a_vendors_own_headings_load_after_they_are_confirmed(tmp_path: Path) -> None:
    path = by_hand(tmp_path / "v.csv", VENDOR)
    with pytest.raises(FileRefused, match="unrecognised"):
        recognise(path)
    proposal = propose(path)
    assert proposal.missing == [] and proposal.unused == ["続柄"]
    (row,) = rows_of(path, proposal.profile({}, {}))
    assert row["insurer_number"] == "162024" and row["scheme_code"] == "kokuho"
    assert (row["symbol"], row["number"], row["branch"]) == ("0001", "00000123", None)
    assert row["birth_date"] == date(1955, 1, 2) and row["sex_code"] == "2"
    assert row["acquired_date"] == row["applied_start_date"] == date(2020, 4, 1)
    assert row["lost_date"] is None and row["acquired_reason_code"] == "01"
    assert row["address_number"] == "000000000000015" and row["is_deleted"] is False


def test_without_a_processing_date_the_newest_change_of_the_row_is_its_version(tmp_path: Path) -> None:
    ended = VENDOR | {"喪失日": "2024/5/3", "喪失理由": "75歳到達"}
    path = by_hand(tmp_path / "v.csv", VENDOR, ended)
    first, second = rows_of(path, profile_of(path))
    assert first["processed_date"] == date(2020, 4, 1) and second["processed_date"] == date(2024, 5, 3)
    assert second["lost_reason_code"] == "04"


def test_a_code_of_the_vendor_is_turned_into_ours(tmp_path: Path) -> None:
    path = by_hand(tmp_path / "v.csv", VENDOR | {"喪失日": "R6.5.3", "喪失理由": "21"})
    profile = propose(path).profile({}, {"喪失理由": {"21": "04"}})
    assert rows_of(path, profile)[0]["lost_reason_code"] == "04"


def test_a_saved_profile_is_read_back_and_recognises_next_months_file(tmp_path: Path) -> None:
    path = by_hand(tmp_path / "v.csv", VENDOR)
    profile = propose(path).profile({}, {"喪失理由": {"21": "04"}})
    profiles.save(profile, tmp_path / "p" / "x.csv")
    assert profiles.load(tmp_path / "p" / "x.csv") == profile
    spaced = {" ".join(name) + "　": value for name, value in VENDOR.items()}
    later = by_hand(tmp_path / "later.csv", spaced)
    assert len(rows_of(later, profile)) == 1


def test_duplicate_headings_are_told_apart_by_what_stands_below_them(tmp_path: Path) -> None:
    path = tmp_path / "v.csv"
    names = [*VENDOR, "誕生日"]
    values = [*(VENDOR | {"誕生日": "不明な文字"}).values(), "19550102"]
    path.write_bytes((",".join(names) + "\r\n" + ",".join(values) + "\r\n").encode("cp932"))
    proposal = propose(path)
    assert field_of(proposal, "誕生日", 1) == ("", False) and field_of(proposal, "誕生日", 2) == ("birth_date", False)
    assert rows_of(path, proposal.profile({}, {}))[0]["birth_date"] == date(1955, 1, 2)


def test_a_column_without_a_known_heading_is_proposed_by_its_content_and_doubtful(tmp_path: Path) -> None:
    renamed = {("団体" if name == "市町村保険者番号" else name): value for name, value in VENDOR.items()}
    assert field_of(propose(by_hand(tmp_path / "v.csv", renamed)), "団体") == ("insurer_number", False)


def test_a_missing_field_is_named_and_a_correction_fills_it(tmp_path: Path) -> None:
    renamed = {("うまれ" if name == "誕生日" else name): value for name, value in VENDOR.items()}
    path = by_hand(tmp_path / "v.csv", renamed)
    assert propose(path).missing == ["birth_date"]
    with pytest.raises(ProfileError, match="birth_date"):
        profile_of(path)
    assert rows_of(path, profile_of(path, うまれ="birth_date"))[0]["birth_date"] == date(1955, 1, 2)
    with pytest.raises(ProfileError, match="ファイルにない"):
        profile_of(path, ない見出し="birth_date")
    with pytest.raises(ProfileError, match="項目名"):
        profile_of(path, うまれ="birthday")


def test_a_date_of_no_era_and_an_end_before_its_start_are_set_aside(tmp_path: Path) -> None:
    wrong = VENDOR | {"誕生日": "X30.1.2"}
    turned = VENDOR | {"喪失日": "2019/3/31"}
    path = by_hand(tmp_path / "v.csv", VENDOR, wrong, turned)
    profile = profile_of(path)
    with with_profiles({profile.fingerprint: profile}):
        reading = read(path)
    assert reading.tables["enrolment"].height == 1
    assert reading.set_aside.select("source_row", "field", "reason_code").rows() == [
        (3, "birth_date", "bad_date"),
        (4, "lost_date", "bad_date"),
    ]


def test_a_file_cut_in_half_is_refused_with_its_line(tmp_path: Path) -> None:
    path = by_hand(tmp_path / "v.csv", VENDOR, VENDOR)
    profile = profile_of(path)
    path.write_bytes(path.read_bytes()[:-60])
    with with_profiles({profile.fingerprint: profile}), pytest.raises(FileRefused) as refused:
        read(path)
    assert refused.value.reason_code == "truncated" and refused.value.line == 3


def test_values_in_the_heading_row_are_neither_proposed_nor_told(tmp_path: Path) -> None:
    path = by_hand(tmp_path / "v.csv", {**VENDOR, "続柄19550102": "1"})
    with pytest.raises(FileRefused) as refused:
        propose(path)
    assert "19550102" not in str(refused.value)


PERSON = {
    "insurer_number": "162024", "symbol": "高", "number": "123", "branch": "1", "birth_date": "S30.1.2",
    "sex_code": "女", "address": "高岡市広小路", "acquired_date": "20200401", "acquired_reason_code": "01",
    "lost_date": "20240503", "lost_reason_code": "04", "applied_start_date": "20200401",
    "applied_end_date": "00000000", "processed_date": "20240510", "record_number": "2", "address_number": "15",
}  # fmt: skip


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_order_of_columns_in_any_known_words_gives_the_same_rows(tmp_path: Path, data: st.DataObject) -> None:
    order = data.draw(st.permutations(list(PERSON)))
    words = {data.draw(st.sampled_from(field_rules()[name].spellings)): PERSON[name] for name in order}
    path = by_hand(tmp_path / "p.csv", words)
    (row,) = rows_of(path, profile_of(path))
    plain = by_hand(tmp_path / "plain.csv", {field_rules()[name].spellings[0]: PERSON[name] for name in PERSON})
    assert pl.DataFrame([row]).equals(pl.DataFrame(rows_of(plain, profile_of(plain))))


def test_a_profile_declared_full_gives_every_row_the_day_of_the_delivery_and_is_read_back_as_such(
    tmp_path: Path,
) -> None:
    dated = [VENDOR | {"作成年月日": "R6.5.31", "更新日": day} for day in ("R6.4.2", "R6.5.9")]
    path = by_hand(tmp_path / "a.csv", *dated)
    profile = propose(path).profile({}, {}, is_full=True)
    profiles.save(profile, tmp_path / "profile.csv")
    assert profiles.load(tmp_path / "profile.csv") == profile
    told = {(row["processed_date"], row["full_as_of_date"]) for row in rows_of(path, profile)}
    assert told == {(date(2024, 5, 31), date(2024, 5, 31))}

    changes = {(row["processed_date"], row["full_as_of_date"]) for row in rows_of(path, profile_of(path))}
    assert changes == {(date(2024, 4, 2), None), (date(2024, 5, 9), None)}


def test_a_full_file_without_a_day_printed_is_of_its_latest_change(tmp_path: Path) -> None:
    path = by_hand(tmp_path / "a.csv", *(VENDOR | {"更新日": day} for day in ("R6.4.2", "R6.5.9")))
    rows = rows_of(path, propose(path).profile({}, {}, is_full=True))
    assert {row["full_as_of_date"] for row in rows} == {date(2024, 5, 9)}


def test_headings_without_a_day_of_the_delivery_cannot_be_declared_full(tmp_path: Path) -> None:
    path = by_hand(tmp_path / "a.csv", VENDOR)
    with pytest.raises(ProfileError, match="full_as_of_date"):
        propose(path).profile({}, {}, is_full=True)


def test_a_profile_saved_before_there_were_full_ones_holds_changes(tmp_path: Path) -> None:
    path = by_hand(tmp_path / "a.csv", VENDOR)
    profiles.save(profile_of(path), tmp_path / "profile.csv")
    old = [line.rpartition(",")[0] for line in (tmp_path / "profile.csv").read_text("utf-8").splitlines()]
    (tmp_path / "profile.csv").write_text("\n".join(old) + "\n", encoding="utf-8")
    assert profiles.load(tmp_path / "profile.csv") == profile_of(path)
