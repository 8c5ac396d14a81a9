"""Contract tables: what every reader yields, what every batch carries, what staging reads.

A contract table is the one place that states a column's name, type, unit, allowed codes and
*class*. The class decides what leaves the site:

* ``clear``      sealed as it is
* ``identity``   goes into the identity token and the site's directory, never sealed
* ``key``        one number, tokenised alone under its purpose; sealed as ``<name>_tag``
* ``site_only``  stays at the site (free text, names of staff, addresses)

A reader yields the *plain* form (every column, plus ``source_row``). The site turns it into the
*sealed* form: ``clear`` columns, one ``<name>_tag`` per ``key`` column and, where the table has
identity columns, ``identity_tag``, ``birth_month`` and ``is_born_on_first``. A table with a business
key gets ``record_key_tag``: the token of its business key under the purpose ``record/<table>``, so
that versions of one record meet at the center without its number. Tables without a business key
are lines of their ``parent``: they stand and fall with the row (source file, ``parent_source_row``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import polars as pl

ColumnClass = Literal["clear", "identity", "key", "site_only"]

TYPES: dict[str, pl.DataType] = {
    "string": pl.String(),
    "integer": pl.Int64(),
    "decimal": pl.Decimal(18, 4),
    "boolean": pl.Boolean(),
    "date": pl.Date(),
}


@dataclass(frozen=True)
class Column:
    """One column: name, type (a key of ``TYPES``), class and what a reader of the docs must know."""

    name: str
    dtype: str
    column_class: ColumnClass
    description: str
    unit: str | None = None
    codes: tuple[str, ...] | None = None
    pattern: str | None = None
    minimum: int | None = None
    maximum: int | None = None
    required: bool = False


@dataclass(frozen=True)
class Contract:
    """One table: its columns, what makes a record the same, what makes it newer.

    ``business_key``  columns (plain names) that name one record of the real world
    ``version_key``   columns whose order decides which version stands (content, never arrival)
    ``control_columns`` numeric columns whose sums are signed into the control totals
    ``partition_month`` column whose month places the row in the change set (None: see staging)
    ``parent``        table whose rows these lines belong to (they follow the parent's fate)
    """

    name: str
    description: str
    columns: tuple[Column, ...]
    business_key: tuple[str, ...]
    version_key: tuple[str, ...]
    delivery: Literal["full", "delta"]
    stream: str
    control_columns: tuple[str, ...] = ()
    partition_month: str | None = None
    parent: str | None = None
    formats: tuple[str, ...] = field(default=())

    def column(self, name: str) -> Column:
        """The column called ``name``; KeyError names the table."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"{self.name} has no column {name}")

    def names(self, *classes: ColumnClass) -> list[str]:
        """Names of the columns of the given classes (all columns when none is given)."""
        return [c.name for c in self.columns if not classes or c.column_class in classes]

    def has_identity(self) -> bool:
        """Whether rows of this table speak of one person."""
        return bool(self.names("identity"))

    def plain_schema(self) -> dict[str, pl.DataType]:
        """Polars schema of the plain form, ``source_row`` first."""
        return {"source_row": pl.Int64()} | {c.name: TYPES[c.dtype] for c in self.columns}

    def sealed_schema(self) -> dict[str, pl.DataType]:
        """Polars schema of the sealed form, without the batch's own columns."""
        schema: dict[str, pl.DataType] = {
            "source_file_id": pl.String(),
            "source_row": pl.Int64(),
        }
        if self.business_key:
            schema["record_key_tag"] = pl.Binary()
        if self.has_identity():
            schema |= {
                "identity_tag": pl.Binary(),
                "birth_month": pl.Date(),
                "is_born_on_first": pl.Boolean(),
            }
        for column in self.columns:
            if column.column_class == "clear":
                schema[column.name] = TYPES[column.dtype]
            elif column.column_class == "key":
                schema[f"{column.name}_tag"] = pl.Binary()
        return schema


def _c(name: str, dtype: str, cls: ColumnClass, description: str, **extra: object) -> Column:
    return Column(name, dtype, cls, description, **extra)  # type: ignore[arg-type]


SCHEME_CODES = ("kokuho", "kumiai", "koki", "care")
SEX_CODES = ("1", "2")
CLAIM_KIND_CODES = ("medical", "dpc", "dental", "pharmacy")
ITEM_KIND_CODES = ("SI", "IY", "TO", "CD", "SS", "CZ", "KI")
CARE_LEVEL_CODES = ("01", "06", "11", "12", "13", "21", "22", "23", "24", "25")

_INSURER = _c(
    "insurer_number",
    "string",
    "clear",
    "保険者番号: 国保・国保組合・介護 6 digits, 後期 8 digits (39 + prefecture + 3 + check)",
    pattern=r"^([0-9]{6}|[0-9]{8})$",
    required=True,
)
_SCHEME = _c("scheme_code", "string", "clear", "制度 liable for the row", codes=SCHEME_CODES, required=True)
_SYMBOL = _c("symbol", "string", "identity", "被保険者証記号, NFKC; blank for 後期 and 介護")
_NUMBER = _c("number", "string", "identity", "被保険者証番号, NFKC", required=True)
_BRANCH = _c("branch", "string", "identity", "枝番, 2 digits; null where missing")
_KANJI = _c("name_kanji", "string", "identity", "氏名(漢字)")
_KANA = _c("name_kana", "string", "identity", "氏名(カナ)")
_BIRTH = _c("birth_date", "date", "identity", "生年月日", required=True)
_SEX = _c("sex_code", "string", "clear", "性別 1 男 2 女", codes=SEX_CODES, required=True)

_PARENT = _c(
    "parent_source_row",
    "integer",
    "clear",
    "source_row of the parent record in the same source file",
    required=True,
)

ENROLMENT = Contract(
    name="enrolment",
    description="資格: one person's 適用 at one insurer, from start to (exclusive) end.",
    stream="enrolment",
    delivery="delta",
    formats=("enrolment_kokuho_csv", "enrolment_koki_csv", "enrolment_profile_csv"),
    business_key=("scheme_code", "insurer_number", "symbol", "number", "branch", "applied_start_date"),
    version_key=("processed_date", "record_number"),
    columns=(
        _SCHEME,
        _INSURER,
        _SYMBOL,
        _NUMBER,
        _BRANCH,
        _c("address_number", "string", "identity", "宛名番号, the municipality's own number of a resident"),
        _KANJI,
        _KANA,
        _BIRTH,
        _SEX,
        _c("address", "string", "site_only", "住所"),
        _c(
            "municipality_code",
            "string",
            "clear",
            "資格を管理する市町村 (5 digits); null for 国保組合",
            pattern=r"^[0-9]{5}$",
        ),
        _c("district_code", "string", "clear", "行政区コード within the municipality"),
        _c("district_name", "string", "clear", "行政区名"),
        _c("acquired_date", "date", "clear", "資格取得年月日", required=True),
        _c("acquired_reason_code", "string", "clear", "資格取得事由"),
        _c("lost_date", "date", "clear", "資格喪失年月日, exclusive; null while insured"),
        _c("lost_reason_code", "string", "clear", "資格喪失事由"),
        _c("applied_start_date", "date", "clear", "適用開始年月日 at this insurer", required=True),
        _c("applied_end_date", "date", "clear", "適用終了年月日, exclusive; null while applied"),
        _c(
            "previous_scheme_code",
            "string",
            "clear",
            "制度 of the previous number, where the ledger names one",
            codes=SCHEME_CODES,
        ),
        _c("previous_insurer_number", "string", "identity", "保険者番号 before a move or re-joining"),
        _c("previous_symbol", "string", "identity", "記号 before"),
        _c("previous_number", "string", "identity", "番号 before"),
        _c("is_deleted", "boolean", "clear", "削除区分: the record is withdrawn", required=True),
        _c("processed_date", "date", "clear", "異動処理年月日; of a full delivery its 基準日", required=True),
        _c("record_number", "integer", "clear", "履歴番号 within the person's record", required=True, minimum=1),
        _c(
            "full_as_of_date",
            "date",
            "clear",
            "基準日 of the full delivery (全件) that told the row; null where the delivery tells changes only",
        ),
    ),
)

CLAIM = Contract(
    name="claim",
    description="レセプト(医科・DPC・歯科・調剤): one receipt as adjudicated.",
    stream="medical",
    delivery="delta",
    formats=("uke",),
    business_key=("insurer_number", "search_number"),
    version_key=("adjudication_month", "version_number"),
    partition_month="service_month",
    control_columns=("points", "meal_yen"),
    columns=(
        _SCHEME,
        _INSURER,
        _SYMBOL,
        _NUMBER,
        _BRANCH,
        _KANJI,
        _KANA,
        _BIRTH,
        _SEX,
        _c(
            "search_number",
            "string",
            "key",
            "検索番号 (30 digits at most); where a receipt has none, institution + 請求年月 + レセプト番号 stands in",
            required=True,
        ),
        _c("has_search_number", "boolean", "clear", "false where the search number was stood in for", required=True),
        _c("receipt_number", "integer", "clear", "レセプト番号 within its file", required=True),
        _c(
            "claim_kind_code",
            "string",
            "clear",
            "medical 医科, dpc DPC, dental 歯科, pharmacy 調剤",
            codes=CLAIM_KIND_CODES,
            required=True,
        ),
        _c(
            "claim_type_code",
            "string",
            "clear",
            "レセプト種別 4 digits",
            pattern=r"^[134][1-4][1-5][0-9]$",
            required=True,
        ),
        _c("is_inpatient", "boolean", "clear", "入院 (odd last digit)", required=True),
        _c("service_month", "date", "clear", "診療年月 (first day)", required=True),
        _c("adjudication_month", "date", "clear", "審査年月 = 請求年月 of the file (first day)", required=True),
        _c("version_number", "integer", "clear", "order within one 審査年月: 1 submitted, 2 returned", required=True),
        _c("is_withdrawn", "boolean", "clear", "返戻・取下げ: the receipt is taken back", required=True),
        _c(
            "institution_code",
            "string",
            "clear",
            "医療機関 or 薬局: prefecture 2 + 点数表 1 + 7 digits",
            pattern=r"^[0-9]{10}$",
            required=True,
        ),
        _c(
            "prescribing_institution_code",
            "string",
            "clear",
            "処方箋を発行した医療機関 of a 調剤 receipt: prefecture 2 + 点数表 1 + 7 digits",
            pattern=r"^[0-9]{10}$",
        ),
        _c("admission_date", "date", "clear", "入院年月日"),
        _c("benefit_rate", "integer", "clear", "給付割合", unit="percent"),
        _c("days_count", "integer", "clear", "診療実日数; null for 調剤", unit="days", minimum=0, maximum=31),
        _c("prescription_count", "integer", "clear", "処方箋受付回数 of 調剤, else null", unit="times", minimum=0),
        _c(
            "visit_days_code",
            "integer",
            "clear",
            "受診日 (JD): the sum of 2^(day-1) over the days counted; null without JD",
        ),
        _c(
            "points",
            "integer",
            "clear",
            "合計点数 as adjudicated (last HO, of a child of a 総括 the last of its own; KO where 公費単独)",
            unit="points",
            minimum=0,
            required=True,
        ),
        _c("original_points", "integer", "clear", "合計点数 as submitted (first HO)", unit="points", minimum=0),
        _c("line_points", "integer", "clear", "点数 recomputed from the lines", unit="points"),
        _c("meal_count", "integer", "clear", "食事療養・生活療養回数", unit="meals", minimum=0),
        _c("meal_yen", "integer", "clear", "食事療養・生活療養合計金額", unit="yen", minimum=0),
        _c("is_summary", "boolean", "clear", "総括 (DPC): its children repeat the money", required=True),
        _c(
            "summary_code",
            "string",
            "clear",
            "DPC レセプト総括区分 0 単独 1 総括 2 総括対象DPC 3 総括対象医科入院",
            codes=("0", "1", "2", "3"),
        ),
        _c("is_public_only", "boolean", "clear", "公費単独: no insurer record", required=True),
        _c("special_note_codes", "string", "clear", "特記事項, 2 digits each, joined"),
    ),
)

CLAIM_DIAGNOSIS = Contract(
    name="claim_diagnosis",
    description="傷病名: one SY (医科), SB (DPC) or HS (歯科) record of a receipt; 調剤 has none.",
    stream="medical",
    delivery="delta",
    formats=("uke",),
    parent="claim",
    business_key=(),
    version_key=(),
    partition_month="service_month",
    columns=(
        _SCHEME,
        _INSURER,
        _PARENT,
        _c("service_month", "date", "clear", "診療年月", required=True),
        _c("sequence_number", "integer", "clear", "order of the record in the receipt", required=True),
        _c(
            "disease_code",
            "string",
            "clear",
            "傷病名コード 7 digits; 0000999 未コード化",
            pattern=r"^[0-9]{7}$",
            required=True,
        ),
        _c("disease_name", "string", "site_only", "傷病名称 of an uncoded disease (free text)"),
        _c(
            "icd10_code",
            "string",
            "clear",
            "ICD-10 as the record itself gives it (DPC), without a dot",
            pattern=r"^[A-Z][0-9]{2}[0-9A-Z]{0,2}$",
        ),
        _c(
            "disease_class_code",
            "string",
            "clear",
            "DPC 傷病名区分 01 最資源 02 副 11 主 21 契機 31 資源2番目 41-44 入院時併存 51-54 入院後発症",
            pattern=r"^[0-9]{2}$",
        ),
        _c("start_date", "date", "clear", "診療開始日"),
        _c("outcome_code", "string", "clear", "転帰区分"),
        _c("modifier_codes", "string", "clear", "修飾語コード, 4 digits each, joined"),
        _c("is_main", "boolean", "clear", "主傷病 (SY 01; SB 傷病名区分 11; HS 主傷病 01)", required=True),
        _c("is_suspected", "boolean", "clear", "疑い (修飾語 8002)", required=True),
    ),
)

CLAIM_ITEM = Contract(
    name="claim_item",
    description="摘要: one procedure, drug, material or fee of a receipt; the receipt's points are their sum.",
    stream="medical",
    delivery="delta",
    formats=("uke",),
    parent="claim",
    business_key=(),
    version_key=(),
    partition_month="service_month",
    columns=(
        _SCHEME,
        _INSURER,
        _PARENT,
        _c("service_month", "date", "clear", "診療年月", required=True),
        _c("sequence_number", "integer", "clear", "order of the line in the receipt", required=True),
        _c(
            "item_kind_code",
            "string",
            "clear",
            "SI 診療行為, IY 医薬品, TO 特定器材, CD DPC コーディングデータ (no points), SS 歯科診療行為, "
            "CZ 調剤料 of a 調剤情報, KI 調剤基本料・薬学管理料",
            codes=ITEM_KIND_CODES,
            required=True,
        ),
        _c("item_code", "string", "clear", "9-digit code", pattern=r"^[0-9]{9}$", required=True),
        _c("category_code", "string", "clear", "診療識別, inherited where blank", pattern=r"^[0-9]{2}$"),
        _c("burden_code", "string", "clear", "負担区分"),
        _c("quantity", "decimal", "clear", "数量データ / 使用量"),
        _c(
            "points",
            "integer",
            "clear",
            "点数 on this line (yen where 診療識別 is 97); null inside a group",
            unit="points",
        ),
        _c("times_count", "integer", "clear", "回数", minimum=0),
        _c(
            "days_code",
            "integer",
            "clear",
            "算定日: the sum of 2^(day-1) over the days of the month; null without days",
        ),
    ),
)

CHECKUP = Contract(
    name="checkup",
    description="特定健診・後期高齢者健診: one examination.",
    stream="checkup",
    delivery="delta",
    formats=("fkac167_csv", "checkup_xml"),
    business_key=("insurer_number", "symbol", "number", "birth_date", "sex_code", "exam_date"),
    version_key=("created_date", "data_number"),
    partition_month="exam_month",
    columns=(
        _SCHEME,
        _INSURER,
        _SYMBOL,
        _NUMBER,
        _BRANCH,
        _c("address_number", "string", "identity", "個人番号 column: the municipality's own number, not マイナンバー"),
        _BIRTH,
        _SEX,
        _c("exam_date", "date", "clear", "健診実施年月日", required=True),
        _c("exam_month", "date", "clear", "month of exam_date (first day)", required=True),
        _c("institution_code", "string", "clear", "健診機関コード 10 digits", pattern=r"^[0-9]{10}$"),
        _c("ticket_number", "string", "key", "受診券整理番号 11 digits"),
        _c("data_number", "integer", "clear", "データ管理番号1", required=True),
        _c("created_date", "date", "clear", "作成年月日 of the file", required=True),
        _c("is_deleted", "boolean", "clear", "the result is withdrawn", required=True),
        _c("doctor_name", "string", "site_only", "医師氏名"),
        _c("doctor_opinion", "string", "site_only", "医師の診断 (free text)"),
    ),
)

CHECKUP_RESULT = Contract(
    name="checkup_result",
    description="健診の結果: one examination item or question of one examination.",
    stream="checkup",
    delivery="delta",
    formats=("fkac167_csv", "checkup_xml"),
    parent="checkup",
    business_key=(),
    version_key=(),
    partition_month="exam_month",
    columns=(
        _SCHEME,
        _INSURER,
        _PARENT,
        _c("exam_month", "date", "clear", "month of the examination", required=True),
        _c("item_id", "string", "clear", "canonical item (seed checkup_items)", required=True),
        _c("numeric_value", "decimal", "clear", "measured value in the item's unit"),
        _c("code_value", "string", "clear", "coded value of a question or judgement"),
        _c(
            "status_code",
            "string",
            "clear",
            "measured, not_done 未実施, not_measurable 測定不可能, high, low",
            codes=("measured", "not_done", "not_measurable", "high", "low"),
            required=True,
        ),
        _c(
            "method_code",
            "string",
            "clear",
            "17-digit item code: the item with its method, as the file gives it or its heading names it",
            pattern=r"^[0-9A-Z]{17}$",
        ),
        _c(
            "unit_code",
            "string",
            "clear",
            "unit of numeric_value as the file gives it, one that the layout allows (FKAC167: that of the layout)",
        ),
        _c(
            "interpretation_code",
            "string",
            "clear",
            "against the reference range as the file gives it: L below, N within, H above; not the status",
            codes=("L", "N", "H"),
        ),
    ),
)

GUIDANCE = Contract(
    name="guidance",
    description="特定保健指導: the guidance of one person in the fiscal year of the usage ticket, as last reported.",
    stream="checkup",
    delivery="delta",
    formats=("checkup_xml",),
    business_key=("insurer_number", "symbol", "number", "birth_date", "sex_code", "guidance_fiscal_year"),
    version_key=("created_date", "data_number"),
    partition_month="guidance_month",
    columns=(
        _SCHEME,
        _INSURER,
        _SYMBOL,
        _NUMBER,
        _BRANCH,
        _BIRTH,
        _SEX,
        _c(
            "guidance_fiscal_year",
            "integer",
            "clear",
            "fiscal year of the usage ticket (its first two digits); without a ticket that of the first interview",
            required=True,
            minimum=2008,
        ),
        _c("guidance_month", "date", "clear", "month of the first interview (first day)", required=True),
        _c("ticket_number", "string", "key", "利用券整理番号 11 digits"),
        _c("institution_code", "string", "clear", "保健指導機関コード 10 digits", pattern=r"^[0-9]{10}$"),
        _c(
            "report_code",
            "string",
            "clear",
            "報告区分: 21 開始時 22 実績評価時 23 途中終了 24 その他 25 初回未完了",
            codes=("21", "22", "23", "24", "25"),
            required=True,
        ),
        _c(
            "support_level_code",
            "string",
            "clear",
            "支援レベル: 1 積極的支援 2 動機付け支援 3 なし 4 判定不能",
            codes=("1", "2", "3", "4"),
            required=True,
        ),
        _c("first_interview_date", "date", "clear", "初回面接の実施日; null where only its first part was held"),
        _c("interim_evaluation_date", "date", "clear", "中間評価の実施日"),
        _c("final_evaluation_date", "date", "clear", "実績評価の実施日"),
        _c("support_end_date", "date", "clear", "継続的支援の終了日"),
        _c("planned_points", "integer", "clear", "支援ポイント合計 of the plan", unit="ポイント", minimum=0),
        _c("points", "integer", "clear", "支援ポイント合計 as carried out", unit="ポイント", minimum=0),
        _c("waist", "decimal", "clear", "腹囲 at the final evaluation", unit="cm", minimum=0),
        _c("weight", "decimal", "clear", "体重 at the final evaluation", unit="kg", minimum=0),
        _c("data_number", "integer", "clear", "same-day serial and number of the document", required=True),
        _c("created_date", "date", "clear", "作成年月日 of the document", required=True),
        _c("is_deleted", "boolean", "clear", "the report is withdrawn", required=True),
    ),
)

GUIDANCE_SESSION = Contract(
    name="guidance_session",
    description="特定保健指導の支援: one contact of a guidance, from the first interview to the final evaluation.",
    stream="checkup",
    delivery="delta",
    formats=("checkup_xml",),
    parent="guidance",
    business_key=(),
    version_key=(),
    partition_month="guidance_month",
    columns=(
        _SCHEME,
        _INSURER,
        _PARENT,
        _c("guidance_month", "date", "clear", "month of the first interview (first day)", required=True),
        _c("sequence_number", "integer", "clear", "place of the contact in its document, from 1", required=True),
        _c(
            "session_kind_code",
            "string",
            "clear",
            "first 初回面接, support 継続的支援, interim 中間評価, final 実績評価",
            codes=("first", "support", "interim", "final"),
            required=True,
        ),
        _c("session_date", "date", "clear", "実施日"),
        _c(
            "support_form_code",
            "string",
            "clear",
            "支援形態 as the file gives it; support: 1 個別A 2 個別B 3 グループ 4 電話A 5 電話B 6 e-mail A 7 e-mail B; "
            "others: 1 個別 2 グループ 3 電話 4 e-mail",
            pattern=r"^[0-9]{1,2}$",
        ),
        _c(
            "staff_kind_code",
            "string",
            "clear",
            "実施者: 1 医師 2 保健師 3 管理栄養士 4 その他",
            pattern=r"^[0-9]{1,2}$",
        ),
        _c("minute_count", "integer", "clear", "実施時間", unit="分", minimum=0),
        _c("points", "integer", "clear", "支援ポイント", unit="ポイント", minimum=0),
        _c("waist", "decimal", "clear", "腹囲 at an evaluation", unit="cm", minimum=0),
        _c("weight", "decimal", "clear", "体重 at an evaluation", unit="kg", minimum=0),
    ),
)

CARE_LINE_KIND_CODES = ("D1", "DD", "D2", "DC", "D3", "D4", "D5", "D6", "D7", "D9", "DA", "DB")
CARE_HIGH_COST_KIND_CODES = ("D8", "DE")

CARE_CLAIM = Contract(
    name="care_claim",
    description=(
        "介護給付実績 H1: one person, provider and month, as adjudicated; or the 請求明細書 of it, as claimed "
        "(`is_adjudicated` false), which stands only"
        " where no 給付実績 of the same person, provider, month and form does."
    ),
    stream="care_claim",
    delivery="delta",
    formats=("care_1111", "care_7131"),
    business_key=("insurer_number", "number", "service_month", "provider_code", "reference_number"),
    version_key=("adjudication_month", "adjustment_count", "creation_code"),
    partition_month="service_month",
    control_columns=("units", "benefit_yen", "user_yen"),
    columns=(
        _SCHEME,
        _INSURER,
        _NUMBER,
        _BIRTH,
        _SEX,
        _c("service_month", "date", "clear", "サービス提供年月", required=True),
        _c(
            "adjudication_month",
            "date",
            "clear",
            "審査年月; 処理対象年月 of the file where the row is as claimed",
            required=True,
        ),
        _c(
            "is_adjudicated",
            "boolean",
            "clear",
            "審査済み: from 給付実績; false where read from a 請求明細書",
            required=True,
        ),
        _c(
            "adjustment_count",
            "integer",
            "clear",
            "再審査回数 + 過誤回数, the largest of the claim's T1; 0 where it has none",
            minimum=0,
            required=True,
        ),
        _c(
            "is_purchase",
            "boolean",
            "clear",
            "福祉用具販売 or 住宅改修 (D6, D7) is among its lines: in no cost or count of recipients",
            required=True,
        ),
        _c("benefit_kind_code", "string", "clear", "給付実績区分 1 現物 2 償還; null as claimed", codes=("1", "2")),
        _c(
            "creation_code",
            "string",
            "clear",
            "給付実績情報作成区分 1 新規 2 修正 3 取消",
            codes=("1", "2", "3"),
            required=True,
        ),
        _c("provider_code", "string", "clear", "事業所番号 10 digits", pattern=r"^[0-9A-Z]{10}$", required=True),
        _c(
            "reference_number",
            "string",
            "key",
            "整理番号; of a 請求明細書, which has none, its 交換情報識別番号",
            required=True,
        ),
        _c("input_form_code", "string", "clear", "入力識別番号 of the original form", pattern=r"^[0-9A-Z]{4}$"),
        _c("care_level_code", "string", "clear", "要介護状態区分", codes=CARE_LEVEL_CODES),
        _c("certified_start_date", "date", "clear", "認定有効期間開始"),
        _c("certified_end_date", "date", "clear", "認定有効期間終了, inclusive as printed"),
        _c("benefit_rate", "integer", "clear", "保険給付率", unit="percent"),
        _c("units", "integer", "clear", "単位数合計 (後)", unit="units", minimum=0, required=True),
        _c("benefit_yen", "integer", "clear", "保険請求額 (後)", unit="yen", minimum=0, required=True),
        _c("user_yen", "integer", "clear", "利用者負担額 (後)", unit="yen", minimum=0, required=True),
    ),
)

CARE_SERVICE = Contract(
    name="care_service",
    description="介護給付実績 T1, 請求明細書 10: the same by kind of service.",
    stream="care_claim",
    delivery="delta",
    formats=("care_1111", "care_7131"),
    parent="care_claim",
    business_key=(),
    version_key=(),
    partition_month="service_month",
    columns=(
        _SCHEME,
        _INSURER,
        _PARENT,
        _c("service_month", "date", "clear", "サービス提供年月", required=True),
        _c(
            "service_type_code", "string", "clear", "サービス種類 2 characters", pattern=r"^[0-9A-Z]{2}$", required=True
        ),
        _c("days_count", "integer", "clear", "サービス実日数", unit="days", minimum=0),
        _c("units", "integer", "clear", "単位数合計 (後)", unit="units", minimum=0, required=True),
        _c("benefit_yen", "integer", "clear", "保険請求額 (後)", unit="yen", minimum=0, required=True),
        _c("user_yen", "integer", "clear", "利用者負担額", unit="yen", minimum=0),
        _c("unit_price", "integer", "site_only", "単位数単価, to check the amount", unit="1/100 yen", minimum=0),
        _c(
            "benefit_rate",
            "integer",
            "site_only",
            "保険給付率 of the claim, to check the amount",
            unit="percent",
        ),
    ),
)

CARE_LINE = Contract(
    name="care_line",
    description=(
        "The lines of a care claim: services by item (D1, DD), emergencies and diseases (D2, DC, D3), meals "
        "(D4), plans (D5, DB), 福祉用具販売 and 住宅改修 (D6, D7), 特定入所者 (D9), 社福軽減 (DA); lines of a "
        "請求明細書 under the code of the same kind."
    ),
    stream="care_claim",
    delivery="delta",
    formats=("care_1111", "care_7131"),
    parent="care_claim",
    business_key=(),
    version_key=(),
    partition_month="service_month",
    columns=(
        _SCHEME,
        _INSURER,
        _PARENT,
        _c("service_month", "date", "clear", "サービス提供年月", required=True),
        _c(
            "line_kind_code",
            "string",
            "clear",
            "給付実績 レコード種別コード",
            codes=CARE_LINE_KIND_CODES,
            required=True,
        ),
        _c("service_type_code", "string", "clear", "サービス種類 2 characters", pattern=r"^[0-9A-Z]{2}$"),
        _c("item_code", "string", "clear", "サービス項目 4 characters", pattern=r"^[0-9A-Z]{4}$"),
        _c("times_count", "integer", "clear", "日数・回数 (後)", unit="days or times", minimum=0),
        _c("public_times_count", "integer", "clear", "公費1 対象日数・回数 (後)", unit="days or times", minimum=0),
        _c("public2_times_count", "integer", "clear", "公費2 対象日数・回数 (後)", unit="days or times", minimum=0),
        _c("public3_times_count", "integer", "clear", "公費3 対象日数・回数 (後)", unit="days or times", minimum=0),
        _c("units", "integer", "clear", "サービス単位数 of the line (後)", unit="units", minimum=0),
        _c(
            "amount_yen",
            "integer",
            "clear",
            "費用 or 請求金額 of a kind told in yen (後): D4 to D7, D9, DB; DA 軽減額",
            unit="yen",
            minimum=0,
        ),
        _c("user_yen", "integer", "clear", "利用者負担額 of a kind told in yen", unit="yen", minimum=0),
        _c("event_date", "date", "clear", "D6 販売年月日, D7 着工年月日"),
        _c(
            "facility_insurer_code",
            "string",
            "clear",
            "DD 施設所在保険者番号",
            pattern=r"^([0-9]{6}|[0-9]{8})$",
        ),
    ),
)

CARE_HIGH_COST = Contract(
    name="care_high_cost",
    description="高額介護サービス費 (D8) and 高額医療合算 (DE): what was paid back to one person for a month.",
    stream="care_claim",
    delivery="delta",
    formats=("care_1111",),
    business_key=("insurer_number", "number", "service_month", "line_kind_code", "reference_number"),
    version_key=("adjudication_month", "creation_code"),
    partition_month="service_month",
    control_columns=("benefit_yen",),
    columns=(
        _SCHEME,
        _INSURER,
        _NUMBER,
        _c(
            "birth_date",
            "date",
            "identity",
            "生年月日 of the person's H1 in the same file (the record has none); null where there is no such H1",
        ),
        _c("sex_code", "string", "clear", "性別 of the same H1", codes=SEX_CODES),
        _c("service_month", "date", "clear", "サービス提供年月", required=True),
        _c("adjudication_month", "date", "clear", "審査年月", required=True),
        _c(
            "line_kind_code",
            "string",
            "clear",
            "D8 高額介護サービス費 DE 高額医療合算介護サービス費",
            codes=CARE_HIGH_COST_KIND_CODES,
            required=True,
        ),
        _c(
            "creation_code",
            "string",
            "clear",
            "給付実績情報作成区分 1 新規 2 修正 3 取消",
            codes=("1", "2", "3"),
            required=True,
        ),
        _c("reference_number", "string", "key", "整理番号", required=True),
        _c("decided_date", "date", "clear", "決定年月日"),
        _c("user_yen", "integer", "clear", "利用者負担額 counted", unit="yen", minimum=0),
        _c("benefit_yen", "integer", "clear", "支給額", unit="yen", minimum=0, required=True),
    ),
)

CARE_CERTIFICATION = Contract(
    name="care_certification",
    description="受給者異動連絡票 5311: what an insured's certification became on a day.",
    stream="care_certification",
    delivery="delta",
    formats=("care_5311",),
    business_key=("insurer_number", "number", "event_date", "event_code", "event_reason_code"),
    version_key=("corrected_date", "correction_code"),
    columns=(
        _SCHEME,
        _INSURER,
        _NUMBER,
        _KANA,
        _BIRTH,
        _SEX,
        _c(
            "municipality_code",
            "string",
            "clear",
            "municipality of a care union's insured, where the file names one",
            pattern=r"^[0-9]{5}$",
        ),
        _c("event_date", "date", "clear", "異動年月日", required=True),
        _c("event_code", "string", "clear", "異動区分 1 新規 2 変更 3 終了", codes=("1", "2", "3"), required=True),
        _c("event_reason_code", "string", "clear", "異動事由", required=True),
        _c("corrected_date", "date", "clear", "訂正年月日; the 異動年月日 where never corrected", required=True),
        _c("correction_code", "string", "clear", "訂正区分 0 none 2 修正 3 削除", codes=("0", "2", "3"), required=True),
        _c("insured_start_date", "date", "clear", "資格取得年月日"),
        _c("insured_end_date", "date", "clear", "資格喪失年月日, exclusive"),
        _c("care_level_code", "string", "clear", "要介護状態区分", codes=CARE_LEVEL_CODES),
        _c("certified_start_date", "date", "clear", "認定有効期間開始"),
        _c("certified_end_date", "date", "clear", "認定有効期間終了, inclusive as printed"),
        _c(
            "related_scheme_code",
            "string",
            "clear",
            "scheme of the number that ties to a medical insurer",
            codes=("kokuho", "koki"),
        ),
        _c("related_insurer_number", "string", "identity", "国保 or 後期 保険者番号"),
        _c("related_symbol", "string", "identity", "国保 記号 (joined with the number in the file)"),
        _c("related_number", "string", "identity", "国保 or 後期 被保険者番号"),
        _c("is_address_exception", "boolean", "clear", "住所地特例", required=True),
        _c(
            "facility_insurer_code",
            "string",
            "clear",
            "施設所在保険者番号 (住所地特例)",
            pattern=r"^([0-9]{6}|[0-9]{8})$",
        ),
        _c("exception_start_date", "date", "clear", "住所地特例適用開始年月日"),
        _c("exception_end_date", "date", "clear", "住所地特例適用終了年月日, inclusive as printed"),
        _c("benefit_rate", "integer", "clear", "給付率 of 減免", unit="percent", minimum=0, maximum=100),
        _c("share_start_date", "date", "clear", "二割(負担割合)適用開始年月日"),
        _c("share_end_date", "date", "clear", "二割(負担割合)適用終了年月日, inclusive as printed"),
        _c("applied_date", "date", "clear", "要介護認定の申請年月日"),
        _c("application_code", "string", "clear", "申請種別"),
        _c("plan_provider_code", "string", "clear", "居宅介護支援事業所番号"),
    ),
)

CARE_INSURED_COUNT = Contract(
    name="care_insured_count",
    description="介護被保険者数: insured at month's end by insurer, municipality, sex and age.",
    stream="care_insured_count",
    delivery="full",
    formats=("care_insured_count_csv",),
    business_key=("insurer_number", "municipality_code", "month", "sex_code", "age_band_code"),
    version_key=("created_date",),
    partition_month="month",
    control_columns=("insured_count",),
    columns=(
        _SCHEME,
        _INSURER,
        _c("municipality_code", "string", "clear", "municipality", pattern=r"^[0-9]{5}$", required=True),
        _c("month", "date", "clear", "month's end counted (first day of the month)", required=True),
        _SEX,
        _c("age_band_code", "string", "clear", "5-year band, 40-44 … 90-94, 95+ (seed age_bands)", required=True),
        _c("insured_class_code", "string", "clear", "1 第1号 (65+) 2 第2号 (40-64)", codes=("1", "2"), required=True),
        _c("insured_count", "integer", "clear", "被保険者数", unit="persons", minimum=0, required=True),
        _c("created_date", "date", "clear", "作成年月日", required=True),
    ),
)

POPULATION = Contract(
    name="population",
    description="住民基本台帳人口 of the municipalities of this site, by sex and age on 1 January.",
    stream="population",
    delivery="full",
    formats=("population_csv",),
    business_key=("municipality_code", "year", "sex_code", "age_band_code"),
    version_key=("created_date",),
    control_columns=("population_count",),
    columns=(
        _c("municipality_code", "string", "clear", "municipality", pattern=r"^[0-9]{5}$", required=True),
        _c("year", "integer", "clear", "year of the 1 January counted", required=True),
        _SEX,
        _c("age_band_code", "string", "clear", "5-year band (seed age_bands)", required=True),
        _c("population_count", "integer", "clear", "人口", unit="persons", minimum=0, required=True),
        _c("created_date", "date", "clear", "作成年月日", required=True),
    ),
)

DISTRICT_SET = Contract(
    name="district_set",
    description=(
        "地区割: one 行政区 of a municipality and the 地区 it belongs to in one named set (小学校区, 日常生活圏域); a "
        "delivery holds the whole set and takes the place of the one before."
    ),
    stream="district_set",
    delivery="full",
    formats=("district_set_csv",),
    business_key=("municipality_code", "district_set_name", "district_code", "district_name"),
    version_key=("created_date", "version_number"),
    columns=(
        _c("municipality_code", "string", "clear", "municipality", pattern=r"^[0-9]{5}$", required=True),
        _c(
            "district_set_name",
            "string",
            "clear",
            "地区割: name of the set within the municipality",
            pattern=r"^[^/]{1,40}$",
            required=True,
        ),
        _c(
            "district_code", "string", "clear", "行政区コード as in the 資格 rows; null where the list's key is of none"
        ),
        _c("district_name", "string", "clear", "行政区名, or the key of the list where it is a name"),
        _c(
            "set_district_name",
            "string",
            "clear",
            "地区 within the set; null where the set is given up",
            pattern=r"^[^,]{1,60}$",
        ),
        _c("created_date", "date", "clear", "作成年月日", required=True),
        _c("version_number", "integer", "clear", "版 within one 作成年月日", minimum=1, required=True),
        _c("is_deleted", "boolean", "clear", "削除区分: the set is given up", required=True),
    ),
)

CONTRACTS: dict[str, Contract] = {
    contract.name: contract
    for contract in (
        ENROLMENT,
        CLAIM,
        CLAIM_DIAGNOSIS,
        CLAIM_ITEM,
        CHECKUP,
        CHECKUP_RESULT,
        GUIDANCE,
        GUIDANCE_SESSION,
        CARE_CLAIM,
        CARE_SERVICE,
        CARE_LINE,
        CARE_HIGH_COST,
        CARE_CERTIFICATION,
        CARE_INSURED_COUNT,
        POPULATION,
        DISTRICT_SET,
    )
}

STREAMS: tuple[str, ...] = tuple(dict.fromkeys(c.stream for c in CONTRACTS.values()))
