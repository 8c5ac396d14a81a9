"""What the sites took in: rows as the readers of the real formats yield them, each with the person who is behind it.

The files come out of the archives of the sites, so they are the bytes that the center's figures rest on; who is who
comes from ``truth/``, which no step of the road reads. Nothing of the center is read here.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from pathlib import Path

import polars as pl

from ingest.formats import read
from ingest.formats.enrolment_profile import with_profiles
from ingest.ledger import Ledger
from ingest.sealing.keys import KeyRing
from ingest.settings import Settings, SiteSettings
from ingest.site import archive
from ingest.site.profiles import confirmed_profiles

Tables = dict[str, pl.DataFrame]
LINES = {
    "claim_diagnosis": "claim", "checkup_result": "checkup", "care_service": "care_claim",
}  # fmt: skip
"""Tables of lines that are needed, and the table whose rows they belong to."""
FILE = ["site", "file"]
IN_ENROLMENT = ["insurer_number", "symbol", "number", "branch"]
ON_OTHER_ROWS = ["insurer_number", "symbol", "number", "birth_date", "sex_code"]


def taken_in(settings: Settings) -> Tables:
    """The rows that stand, by contract table: of its own prefecture, possible, the newest version, not taken back.

    Tables that speak of people have ``person``. Lines have the place of the row that they belong to (``site``,
    ``file``, ``parent_source_row``); lines of rows that do not stand are left out.
    """
    read_from: dict[str, list[pl.DataFrame]] = defaultdict(list)
    for name, site in settings.sites.items():
        for table, frame in _read(name, site):
            read_from[table].append(frame)
    rows = {table: pl.concat(frames) for table, frames in read_from.items()}
    people = Truth(settings.workspace / "truth")
    found = {
        "enrolment": people.by_number(_enrolments(rows["enrolment"])),
        "claim": people.by_search_number(_claims(rows["claim"])),
        "checkup": people.by_examination(_checkups(rows["checkup"])),
        "guidance": people.by_birth(_guidance(rows["guidance"])),
        "care_claim": people.by_care_number(_care_claims(rows["care_claim"])),
        "care_certification": people.by_care_number(_certifications(rows["care_certification"])),
        "care_insured_count": _care_insured(rows["care_insured_count"]),
        "district_set": _district_sets(rows["district_set"]),
    }
    for lines, parent in LINES.items():
        standing = found[parent].select(*FILE, parent_source_row="source_row")
        found[lines] = rows[lines].join(standing, on=[*FILE, "parent_source_row"], how="semi")
    return found


def _read(name: str, site: SiteSettings) -> list[tuple[str, pl.DataFrame]]:
    """Every table of every file that the site took, its rows marked with ``site`` and ``file``."""
    key = KeyRing(site).secret("at-rest")
    with Ledger(site.ledger) as ledger:
        files = [row["file_id"] for row in ledger.rows("SELECT DISTINCT file_id FROM delivery WHERE state = 'taken'")]
    found = []
    with tempfile.TemporaryDirectory() as folder, with_profiles(confirmed_profiles(site)):
        for file_id in files:
            path = Path(folder) / file_id
            archive.restore(site.archive, file_id, key, path)
            reading = read(path)
            for table, frame in reading.tables.items():
                marks = {"site": pl.lit(name), "file": pl.lit(file_id)}
                found.append((table, _in_one_width(frame.with_columns(**marks))))
    return found


def _in_one_width(frame: pl.DataFrame) -> pl.DataFrame:
    """記号 and 番号 in one width: an insurer writes １２３ and 123 of one person."""
    return frame.with_columns(pl.col(c).str.normalize("NFKC") for c in ("symbol", "number") if c in frame.columns)


def _own(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of insurers of the site's prefecture: digits 1-2 of the number, of 後期 digits 3-4."""
    number = pl.col("insurer_number")
    prefecture = pl.when(pl.col("scheme_code") == "koki").then(number.str.slice(2, 2)).otherwise(number.str.slice(0, 2))
    return rows.filter(prefecture == pl.col("site"))


def _possible_sex(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.filter(pl.col("sex_code").is_in(["1", "2"]))


def _newest(rows: pl.DataFrame, record: list[str], version: list[str]) -> pl.DataFrame:
    """Of each record the version that was written last."""
    return rows.sort([*version, *FILE, "source_row"]).unique(record, keep="last", maintain_order=True)


def _enrolments(rows: pl.DataFrame) -> pl.DataFrame:
    rows = _newest(
        _possible_sex(_own(rows)), [*IN_ENROLMENT, "applied_start_date"], ["processed_date", "record_number"]
    )
    assert rows["full_as_of_date"].null_count() == rows.height, "a full delivery ends whom it does not name"
    return rows.filter(~pl.col("is_deleted"))


def _claims(rows: pl.DataFrame) -> pl.DataFrame:
    rows = _possible_sex(_own(rows)).filter(pl.col("days_count").fill_null(0) <= 31)
    rows = _newest(rows, ["insurer_number", "search_number"], ["adjudication_month", "version_number"])
    return rows.filter(~pl.col("is_withdrawn"))


def _checkups(rows: pl.DataFrame) -> pl.DataFrame:
    rows = _newest(_possible_sex(_own(rows)), [*ON_OTHER_ROWS, "exam_date"], ["created_date", "data_number"])
    return rows.filter(~pl.col("is_deleted"))


def _guidance(rows: pl.DataFrame) -> pl.DataFrame:
    rows = _newest(_possible_sex(_own(rows)), [*ON_OTHER_ROWS, "guidance_fiscal_year"], ["created_date", "data_number"])
    return rows.filter(~pl.col("is_deleted"))


def _care_claims(rows: pl.DataFrame) -> pl.DataFrame:
    """給付実績; a 請求明細書 stands only where no 給付実績 of the same person, provider, month and form ever came."""
    rows = _possible_sex(_own(rows))
    form = ["insurer_number", "number", "service_month", "provider_code", "input_form_code"]
    as_claimed = rows.filter(~pl.col("is_adjudicated")).join(rows.filter("is_adjudicated"), on=form, how="semi")
    rows = rows.join(as_claimed, on=[*FILE, "source_row"], how="anti")
    record = ["insurer_number", "number", "service_month", "provider_code", "reference_number"]
    rows = _newest(rows, record, ["adjudication_month", "adjustment_count", "creation_code"])
    return rows.filter(pl.col("creation_code") != "3")  # 取消


def _certifications(rows: pl.DataFrame) -> pl.DataFrame:
    record = ["insurer_number", "number", "event_date", "event_code", "event_reason_code"]
    rows = _newest(_possible_sex(_own(rows)), record, ["corrected_date", "correction_code"])
    return rows.filter(pl.col("correction_code") != "3")  # 削除


def _care_insured(rows: pl.DataFrame) -> pl.DataFrame:
    """The newest count of each insurer, town and month, which is whole."""
    of_table = ["insurer_number", "municipality_code", "month"]
    return _newest(_own(rows), [*of_table, "sex_code", "age_band_code"], ["created_date"])


def _district_sets(rows: pl.DataFrame) -> pl.DataFrame:
    """The lists of districts, each of which came once."""
    of_set = rows.group_by("municipality_code", "district_set_name").agg(pl.col("created_date").n_unique())
    assert of_set["created_date"].max() == 1 and not rows["is_deleted"].any(), "a later list takes the place of one"
    return rows.unique(["municipality_code", "district_set_name", "district_code", "district_name"])


class Truth:
    """Who is behind a number or record, and when that person was born."""

    def __init__(self, folder: Path) -> None:
        self._people = pl.read_parquet(folder / "people.parquet").select("person", "birth_date", "sex_code")
        self._numbers = pl.read_parquet(folder / "numbers.parquet").select("person", *IN_ENROLMENT).unique()
        self._care_numbers = pl.read_parquet(folder / "care_numbers.parquet")
        self._checkups = pl.read_parquet(folder / "checkups.parquet")
        self._claims = pl.read_parquet(folder / "claims" / "*.parquet")

    def by_number(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Rows that name the number whole, as the ledger of 資格 does."""
        return self._known(rows.join(self._numbers, on=IN_ENROLMENT, how="left", nulls_equal=True))

    def by_search_number(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Receipts, by 検索番号; the few without one as other rows."""
        numbered = self._claims.filter("has_search_number").select("search_number", "person").unique()
        found = rows.filter("has_search_number").join(numbered, on="search_number", how="left")
        return pl.concat([self._known(found), self.by_birth(rows.filter(~pl.col("has_search_number")))])

    def by_birth(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Rows whose 番号 a household may share: who of it was born on that day and is of that sex."""
        born = self._numbers.drop("branch").unique().join(self._people, on="person")
        return self._known(rows.join(born, on=ON_OTHER_ROWS, how="left", nulls_equal=True))

    def by_examination(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Examinations: who went on that day; of a household that went together, who is as the row says."""
        household = ["insurer_number", "symbol", "number", "exam_date"]
        went = _in_one_width(self._checkups).select("person", *household).unique()
        real = self._people.select("person", is_born="birth_date", is_of_sex="sex_code")
        found = rows.join(went, on=household, how="left", nulls_equal=True).join(real, on="person", how="left")
        is_alone = pl.len().over(*FILE, "source_row") == 1
        is_as_told = (pl.col("birth_date") == pl.col("is_born")) & (pl.col("sex_code") == pl.col("is_of_sex"))
        return self._known(found.filter(is_alone | is_as_told).drop("is_born", "is_of_sex"))

    def by_care_number(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Rows of 介護."""
        return self._known(rows.join(self._care_numbers, on=["insurer_number", "number"], how="left"))

    def _known(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows with the real day of birth (``born``) and sex (``sex``) of the person, who is one and known."""
        assert rows["person"].null_count() == 0, "a row of nobody"
        assert not rows.select(*FILE, "source_row").is_duplicated().any(), "a row of two people"
        real = self._people.rename({"birth_date": "born", "sex_code": "sex"})
        return rows.join(real, on="person", how="left", maintain_order="left")
