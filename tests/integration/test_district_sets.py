"""`tsumugi districts`: from a town's list to the inbox, with the coverage told from what the site published."""

from __future__ import annotations

import json
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner

from ingest import console
from ingest.cli import app
from ingest.ledger import Ledger
from ingest.progress import silent
from ingest.sealing.keys import KeyRing
from ingest.settings import Settings
from ingest.settings import load as load_settings
from ingest.site import district_sets, retract
from ingest.site.district_coverage import Members, members, report
from ingest.site.extract import extract
from ingest.site.receive import receive
from tests.handmade import demo_workspace
from tests.site_results import OYABE, OYABE_KOKI, Registered, Rows, center_id, seal_results

pytestmark = pytest.mark.xdist_group("district_sets")


@pytest.fixture(autouse=True)
def wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console.out, "width", 200)


PLACES = {"01": "石動", "02": "南谷", "03": "埴生"}
# scheme, 行政区コード, members at the month's end
LIVES = [("kokuho", "01", 3), ("kokuho", "02", 2), ("kokuho", None, 1), ("koki", "01", 1), ("koki", "03", 2)]
TOWN = ["--municipality", "16209"]


def _results(settings: Settings) -> Rows:
    """Members of 小矢部市 in March 2025, one who left before, and the names of its 行政区."""
    known = Registered(settings)
    rows: Rows = {"identity": known.identities, "person_month": [], "area": [], "viewer_class": [
        {"viewer_class": viewer, "threshold": 10, "min_peers": 3} for viewer in ("insurer", "prefecture", "operator")
    ]}  # fmt: skip
    number = 0
    for scheme, code, count in [*LIVES, ("kokuho", "02", 1)]:
        for _ in range(count):
            number += 1
            insurer = OYABE if scheme == "kokuho" else OYABE_KOKI
            tag = known.enrol(number_offset=number, scheme_code=scheme, insurer_number=insurer)
            rows["person_month"].append(
                {"linkage_domain": "16", "person_id": center_id(f"p{number}"), "identity_tag": tag,
                 "scheme_code": scheme, "insurer_number": insurer, "municipality_code": "16209",
                 "district_code": code, "month": date(2025, 3, 1), "is_member": True}
            )  # fmt: skip
    rows["person_month"][-1]["is_member"] = False
    for code, name in PLACES.items():
        area = {"area_level": "district", "area_id": f"16209-{code}", "parent_level": "municipality"}
        rows["area"].append(area | {"parent_id": "16209", "area_name": name})
    named = {"area_level": "district", "area_id": "16209-旧割/東", "parent_id": "16209", "area_name": "東"}
    rows["area"].append(named | {"parent_level": "municipality", "district_set_name": "旧割"})
    return rows


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace whose site has published its members."""
    settings = demo_workspace(tmp_path_factory.mktemp("published") / "here")
    seal_results(settings, _results(settings))
    receive(settings, "16", silent)
    return settings.workspace


@pytest.fixture
def settings(published: Path, tmp_path: Path) -> Settings:
    """A copy of it."""
    shutil.copytree(published, tmp_path / "here")
    return load_settings(tmp_path / "here")


@pytest.fixture
def unpublished(tmp_path: Path) -> Settings:
    """A workspace of which nothing is known yet."""
    return demo_workspace(tmp_path / "new")


def town_list(folder: Path, *lines: str) -> Path:
    path = folder / "list.csv"
    path.write_bytes(("\r\n".join(lines) + "\r\n").encode("cp932"))
    return path


def told(settings: Settings, *arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, ["districts", *arguments, "-w", str(settings.workspace)])
    assert result.exit_code == code, result.output
    return result.output


def figures(settings: Settings, *arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(told(settings, *arguments, "--json").strip().splitlines()[-1])
    return found


def waiting(settings: Settings) -> list[str]:
    return sorted(path.name for path in (settings.site("16").inbox / "district_set").glob("*"))


def test_import_tells_who_has_a_district_and_who_has_none_scheme_by_scheme(settings: Settings) -> None:
    path = town_list(settings.workspace, "町字名,小学校区", "石動,甲小", "南　谷,甲小", "旧村,乙小", ",乙小")
    found = figures(settings, "import", str(path), *TOWN)
    assert found["is_new"] and [row["source_row"] for row in found["set_aside"]] == [5]
    entry = found["coverage"]
    assert entry["schemes"] == [
        {"scheme_code": "kokuho", "members_count": 6, "with_district_count": 5, "without_district_count": 1,
         "without_key_count": 1},
        {"scheme_code": "koki", "members_count": 3, "with_district_count": 1, "without_district_count": 2,
         "without_key_count": 0},
    ]  # fmt: skip
    assert entry["members_without_row"] == [
        {"district_code": "03", "district_name": "埴生", "scheme_code": "koki", "members_count": 2}
    ]
    assert entry["rows_without_member"] == [
        {"district_code": None, "district_name": "旧村", "set_district_name": "乙小"}
    ]
    assert (entry["districts_count"], entry["places_count"]) == (2, 3)


def test_the_list_is_printed_in_words_and_the_set_waits_for_the_next_run(settings: Settings) -> None:
    path = town_list(settings.workspace, "行政区コード,日常生活圏域", "01,東", "02,東", "09,西")
    printed = told(settings, "import", str(path), *TOWN)
    for words in ("16209 日常生活圏域: 使える行 3", "一覧にない行政区: 03 埴生 後期2人", "行: 09 → 西", "tsumugi run"):
        assert words in printed
    (name,) = waiting(settings)
    assert "取込待ち" in told(settings, "list")
    assert extract(settings, "16", silent)["taken"] == 1
    assert waiting(settings) == [] and name.startswith("16209_日常生活圏域_")
    assert "取込済" in told(settings, "list")
    assert "一覧にない行政区" in told(settings, "coverage", *TOWN, "--set", "日常生活圏域")
    assert "まだありません" in told(settings, "coverage", "--municipality", "16201")


def test_the_same_list_again_changes_nothing_and_another_one_takes_its_place(settings: Settings) -> None:
    first = town_list(settings.workspace, "行政区コード,小学校区", "01,甲小", "02,乙小")
    assert figures(settings, "import", str(first), *TOWN, "--date", "2025-04-01")["is_new"]
    again = town_list(settings.workspace, "小学校区,行政区コード", "乙小,２", "甲小,1", "甲小,1")
    found = figures(settings, "import", str(again), *TOWN, "--date", "2025-05-01")
    assert (found["is_new"], found["repeated_count"]) == (False, 1), "a spreadsheet had taken the zeros away"
    assert extract(settings, "16", silent)["taken"] == 1
    assert not figures(settings, "import", str(again), *TOWN, "--date", "2025-05-01")["is_new"]

    other = town_list(settings.workspace, "行政区コード,小学校区", "01,甲小", "02,甲小")
    assert figures(settings, "import", str(other), *TOWN, "--date", "2025-04-01")["coverage"]["version_number"] == 2
    third = town_list(settings.workspace, "行政区コード,中学校区", "01,北中")
    figures(settings, "import", str(third), *TOWN, "--date", "2025-04-01")
    assert extract(settings, "16", silent)["taken"] == 2
    sets = figures(settings, "list")["sets"]
    assert [(s["district_set_name"], s["version_number"], s["districts_count"]) for s in sets] == [
        ("中学校区", 1, 1),
        ("小学校区", 2, 1),
    ]


def test_a_set_is_given_up_and_may_come_again(settings: Settings) -> None:
    path = town_list(settings.workspace, "行政区コード,小学校区", "01,甲小")
    figures(settings, "import", str(path), *TOWN, "--date", "2025-04-01")
    told(settings, "drop", *TOWN, "--set", "小学校区", "--date", "2025-04-01")
    assert figures(settings, "list")["sets"] == []
    assert extract(settings, "16", silent)["taken"] == 2
    assert figures(settings, "list")["sets"] == []
    assert "地区割「小学校区」はありません" in told(settings, "drop", *TOWN, "--set", "小学校区", code=1)
    found = figures(settings, "import", str(path), *TOWN, "--date", "2025-04-01")
    assert (found["is_new"], found["coverage"]["version_number"]) == (True, 3)


def test_a_batch_that_is_taken_back_lets_the_set_before_stand_again(settings: Settings) -> None:
    first = town_list(settings.workspace, "行政区コード,小学校区", "01,甲小", "02,乙小")
    figures(settings, "import", str(first), *TOWN, "--date", "2025-04-01")
    extract(settings, "16", silent)
    wrong = town_list(settings.workspace, "行政区コード,小学校区", "01,誤小")
    figures(settings, "import", str(wrong), *TOWN, "--date", "2025-05-01")
    sequence = int(extract(settings, "16", silent)["sequence"])
    retract.retract(settings, "16", sequence, reason="another list", files=[])
    (stands,) = district_sets.standing(settings.site("16"), KeyRing(settings.site("16")))
    assert (stands.created_date, stands.places["set_district_name"].to_list()) == (date(2025, 4, 1), ["甲小", "乙小"])


@pytest.mark.parametrize(
    ("lines", "arguments", "words"),
    [
        (["行政区コード,地区", "01,東"], TOWN, "--set 小学校区"),
        (["行政区コード,地区", "01,東"], [*TOWN, "--set", "小/学"], "「/」"),
        (["行政区コード,小学校区", "01,東"], ["--municipality", "16999"], "市町村コードではありません"),
        (["行政区コード,小学校区", "01,東"], ["--municipality", "13101"], "サイトはこの作業フォルダにありません"),
        (["行政区コード,小学校区", "77,東", "78,東"], TOWN, "一致しません"),
        (["町字名,小学校区", "架空,東"], TOWN, "一致しません"),
        (["町字名,小学校区", "石動,東", "石動,西"], TOWN, "2行と3行"),
        (["行政区コード,小学校区", "01,東", "1,西"], TOWN, "2行と3行"),
        (["宛名番号,小学校区", "0000015,東"], TOWN, "個人ごとの一覧"),
    ],
)
def test_what_cannot_be_a_set_is_refused_with_a_remedy_and_nothing_waits(
    settings: Settings, lines: list[str], arguments: list[str], words: str
) -> None:
    path = town_list(settings.workspace, *lines)
    printed = told(settings, "import", str(path), *arguments, code=1)
    assert words in printed and "Traceback" not in printed and "0000015" not in printed
    assert waiting(settings) == []


def test_an_older_list_does_not_take_the_place_of_a_newer_one(settings: Settings) -> None:
    path = town_list(settings.workspace, "行政区コード,小学校区", "01,甲小")
    figures(settings, "import", str(path), *TOWN, "--date", "2025-04-01")
    path = town_list(settings.workspace, "行政区コード,小学校区", "01,乙小")
    assert "いまの版（2025-04-01）より前" in told(settings, "import", str(path), *TOWN, "--date", "2024-04-01", code=1)


def test_before_anything_is_published_codes_are_taken_and_names_wait(unpublished: Settings) -> None:
    names = town_list(unpublished.workspace, "町字名,小学校区", "石動,甲小")
    assert "もう一度取り込んでください" in told(unpublished, "import", str(names), *TOWN, code=1)
    codes = town_list(unpublished.workspace, "行政区コード,小学校区", "01,甲小")
    assert "公表された資格がまだありません" in told(unpublished, "import", str(codes), *TOWN)


def test_a_list_taken_before_the_names_were_known_is_the_same_list_afterwards(settings: Settings) -> None:
    site, path = settings.site("16"), town_list(settings.workspace, "行政区コード,小学校区", "01,甲小")
    nobody = pl.DataFrame(schema=dict.fromkeys(("municipality_code", "district_code", "district_name"), pl.String()))
    day = date(2025, 4, 1)
    district_sets.import_list(site, KeyRing(site), path, "16209", None, day, nobody)
    assert not figures(settings, "import", str(path), *TOWN)["is_new"]


def test_the_members_are_those_at_the_end_of_the_month_of_reference(settings: Settings) -> None:
    found = members(settings, "16", KeyRing(settings.site("16")), ["16209"])
    counted = {(scheme, code): count for scheme, _, code, count in found.counts.iter_rows()}
    assert counted == {(scheme, code): count for scheme, code, count in LIVES}
    assert dict(found.places.select("district_code", "district_name").iter_rows()) == PLACES


def test_no_row_of_a_list_is_lost_on_the_way_to_the_batch(settings: Settings) -> None:
    path = town_list(settings.workspace, "行政区コード,小学校区", "01,甲小", "02,乙小", "09,丙小")
    figures(settings, "import", str(path), *TOWN)
    done = extract(settings, "16", silent)
    assert (done["rows_read"], done["rows_sealed"]) == (3, 3)
    with Ledger(settings.site("16").ledger) as ledger:
        (row,) = ledger.rows("SELECT insurer_number, stream, rows FROM arrival")
    assert (row["insurer_number"], row["stream"], row["rows"]) == ("16209", "district_set", 3)


def test_a_town_without_members_is_told_without_counts() -> None:
    places = pl.DataFrame({"district_code": ["01"], "district_name": [None], "set_district_name": ["甲小"]},
                          schema_overrides={"district_name": pl.String()})  # fmt: skip
    stands = district_sets.NamedSet("16209", "小学校区", date(2025, 4, 1), 1, district_sets.TAKEN, False, places)
    nobody = Members(
        pl.DataFrame(schema={"scheme_code": pl.String(), "municipality_code": pl.String(),
                             "district_code": pl.String(), "members_count": pl.Int64()}),
        pl.DataFrame(schema={"municipality_code": pl.String(), "district_code": pl.String(),
                             "district_name": pl.String()}),
    )  # fmt: skip
    (entry,) = report([stands], nobody)
    assert (entry["schemes"], entry["members_without_row"], len(entry["rows_without_member"])) == ([], [], 1)
