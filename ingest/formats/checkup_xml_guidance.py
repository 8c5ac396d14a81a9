"""特定保健指導 documents (hg08) of the archive: rows of ``guidance`` and ``guidance_session``.

Goes in: the element trees of documents whose 報告区分 begins with 2. Comes out: one ``guidance`` a document and
one ``guidance_session`` for every act in a section of contacts; what cannot be read is set aside. Sections
and item codes stand in ``layouts/guidance_items.csv`` (seen in public programs; formats.md 2.2 marks them
unverified med), the header in ``layouts/checkup_xml_header.csv``.

A person is guided once in the fiscal year of a usage ticket, and reported on more than once (開始時, 実績評価時):
the reports are versions of one record.
"""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree import ElementTree as ET  # noqa: S405  (trees only: parsing is in checkup_xml_document.parse)

import polars as pl

from ingest.formats import cells
from ingest.formats.cells import Cell, derived
from ingest.formats.checkup_xml_document import DOCUMENT, report_code
from ingest.formats.checkup_xml_header import Texts, header_fields, header_texts
from ingest.formats.contracts import GUIDANCE, GUIDANCE_SESSION
from ingest.formats.csvlayout import cell
from ingest.formats.layout_files import layout_cache, layout_rows
from ingest.formats.reading import Problem

_NUMBERS = ("minute_count", "points", "planned_points")
_DECIMALS = ("waist", "weight")
_LABELS = {
    "report_code": "報告区分",
    "support_level_code": "支援レベル",
    "first_interview_date": "初回面接の実施日",
    "interim_evaluation_date": "中間評価の実施日",
    "final_evaluation_date": "実績評価の実施日",
    "support_end_date": "継続的支援の終了日",
    "planned_points": "計画上の支援ポイント合計",
    "points": "支援ポイント",
    "waist": "腹囲",
    "weight": "体重",
    "session_date": "支援の実施日",
    "support_form_code": "支援形態",
    "staff_kind_code": "実施者",
    "minute_count": "実施時間",
}
_DATED_BY = {"first": "first_interview_date", "interim": "interim_evaluation_date", "final": "final_evaluation_date"}
_OWN = (*_DATED_BY.values(), "report_code", "support_level_code", "support_end_date", "planned_points", "points")
_SESSION = ("session_kind_code", "session_date", "support_form_code", "staff_kind_code", "minute_count", "points")


@dataclass(frozen=True)
class GuidanceItem:
    """One item code: the column that it fills, if any, and where its value stands: value, code, width, text."""

    code: str
    table: str
    column: str
    place: str
    unit: str
    name: str


@layout_cache
def guidance_items() -> dict[str, GuidanceItem]:
    """The item codes of the layout."""
    return {
        row["code"]: GuidanceItem(
            row["code"],
            row["contract_table"],
            row["contract_column"],
            row["value_place"],
            row["unit"],
            row["item_name"],
        )
        for row in _layout()
        if row["element"] == "item"
    }


@layout_cache
def session_kinds() -> dict[str, str]:
    """The kind of contact that each section holds; sections without contacts are left out."""
    return {
        row["code"]: row["session_kind"] for row in _layout() if row["element"] == "section" and row["session_kind"]
    }


@layout_cache
def _layout() -> tuple[dict[str, str], ...]:
    return tuple(layout_rows("guidance_items"))


class GuidanceCollector:
    """What many guidance documents say, gathered as rows of text."""

    def __init__(self) -> None:
        self.unknown: dict[str, int] = {}
        self._documents: list[Texts] = []
        self._sessions: list[Texts] = []

    def take(self, root: ET.Element, source_row: int, member: str, serial: int | None) -> None:
        """Adds one ClinicalDocument."""
        namespace = root.tag.removesuffix(DOCUMENT)
        document = header_texts(root, namespace)
        document |= {"source_row": source_row, "member": member, "serial": serial, "report_code": report_code(root)}
        count = 0
        for section in root.iter(namespace + "section"):
            kind = session_kinds().get(_code(section, namespace) or "")
            for entry in section.findall(namespace + "entry"):
                act = entry.find(namespace + "act")
                if kind is None or act is None:
                    self._items(entry, namespace, document, {})
                    continue
                count += 1
                session = _contact(act, namespace) | {
                    "source_row": source_row, "sequence_number": count, "session_kind_code": kind,
                }  # fmt: skip
                self._items(act, namespace, document, session)
                self._sessions.append(session)
                if kind in _DATED_BY and session["session_date"] is not None:
                    document[_DATED_BY[kind]] = session["session_date"]  # an interview in parts: its last part
                if kind == "final":
                    document |= {name: session[name] for name in _DECIMALS if session.get(name) is not None}
        self._documents.append(document)

    def _items(self, part: ET.Element, namespace: str, document: Texts, session: Texts) -> None:
        for observation in part.iter(namespace + "observation"):
            code = _code(observation, namespace)
            if code is None:
                continue
            item = guidance_items().get(code)
            if item is None:
                self.unknown[code] = self.unknown.get(code, 0) + 1
            elif item.column:
                text = _said(observation, namespace, item)
                if text is not None:
                    (document if item.table == "guidance" else session)[item.column] = text

    def tables(self) -> tuple[dict[str, pl.DataFrame], pl.DataFrame]:
        """(``guidance`` and ``guidance_session``, rows set aside)."""
        columns = dict.fromkeys(
            ["source_row", "serial", *(f.contract_column for f in header_fields()), *_OWN, *_DECIMALS]
        )
        documents = pl.DataFrame(
            [{name: row.get(name) for name in columns} for row in self._documents],
            schema={name: pl.Int64 if name in ("source_row", "serial") else pl.String for name in columns},
        ).with_columns(text=pl.lit(None, pl.String))
        guidance, aside = cells.typed(documents, GUIDANCE, _guidance_cells())
        sessions, sessions_aside = self._session_table(guidance)
        return {"guidance": guidance, "guidance_session": sessions}, pl.concat([aside, sessions_aside])

    def _session_table(self, guidance: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        names = ("source_row", "sequence_number", *_SESSION, *_DECIMALS)
        whole = ("source_row", "sequence_number")
        rows = pl.DataFrame(
            [{name: row.get(name) for name in names} for row in self._sessions],
            schema={name: pl.Int64 if name in whole else pl.String for name in names},
        ).with_columns(
            text=pl.concat_str([pl.col(name).fill_null("") for name in (*_SESSION, *_DECIMALS)], separator=",")
        )
        keys = guidance.select("source_row", "scheme_code", "insurer_number", "guidance_month")
        rows = rows.join(keys, on="source_row", how="inner", maintain_order="left")
        own = [_cell(name) for name in (*_SESSION, *_DECIMALS)]
        for name in ("scheme_code", "insurer_number", "guidance_month", "sequence_number"):
            own.append(derived(name, pl.col(name)))
        own.append(derived("parent_source_row", pl.col("source_row")))
        return cells.typed(rows, GUIDANCE_SESSION, own)

    def unnamed(self) -> list[int]:
        """``source_row`` of the documents whose name holds no serial."""
        return [int(row["source_row"] or 0) for row in self._documents if row["serial"] is None]

    def problems(self) -> list[Problem]:
        """One problem naming the item codes that the layout does not know (they are read past)."""
        if not self.unknown:
            return []
        codes = sorted(code for code in self.unknown if len(code) == 10 and code.isascii() and code.isdigit())
        shown = codes[:20] + (["ほか"] if len(codes) > 20 or len(codes) < len(self.unknown) else [])
        return [
            Problem(
                "guidance",
                None,
                "、".join(shown),
                "unknown_record",
                f"保健指導の項目の表にないコードが{len(self.unknown)}種類、{sum(self.unknown.values())}件あります",
                "必要な項目であれば layouts/guidance_items.csv にコードを足してください",
            )
        ]


def _code(element: ET.Element, namespace: str) -> str | None:
    coded = element.find(namespace + "code")
    return None if coded is None else coded.get("code")


def _contact(act: ET.Element, namespace: str) -> Texts:
    """Form, date and kind of staff of one act."""
    when = act.find(namespace + "effectiveTime")
    low = None if when is None else when.find(namespace + "low")
    staff = act.find("/".join(namespace + name for name in ("performer", "assignedEntity", "code")))
    return {
        "support_form_code": _code(act, namespace),
        "session_date": (None if when is None else when.get("value")) or (None if low is None else low.get("value")),
        "staff_kind_code": None if staff is None else staff.get("code"),
    }


def _said(observation: ET.Element, namespace: str, item: GuidanceItem) -> str | None:
    """The value of an observation as text; with its unit where that is another than the layout's."""
    if observation.get("negationInd") in ("true", "1"):
        return None
    path = "effectiveTime/width" if item.place == "width" else "value"
    value = observation.find("/".join(namespace + name for name in path.split("/")))
    if value is None or value.get("nullFlavor") is not None:
        return None
    if item.place == "code":
        return value.get("code")
    text = value.get("value") or value.text
    unit = value.get("unit")
    is_other = bool(text and item.unit and unit and unit.lower() not in item.unit.lower().split("|"))
    return f"{text} {unit}" if is_other else text


def _cell(name: str) -> Cell:
    """The cell of one column, of the text column of the same name."""
    text = pl.col(name)
    if name in _NUMBERS:
        return cell(name, "integer", text.str.replace(r"\.0+$", ""), _LABELS[name])
    kind = "decimal" if name in _DECIMALS else "date" if name.endswith("_date") else "text"
    return cell(name, kind, _day(text) if kind == "date" else text, _LABELS.get(name, name))


def _day(text: pl.Expr) -> pl.Expr:
    """A date without the time of day that HL7 allows behind it."""
    return text.str.strip_chars().str.replace(r"^(\d{8})\d{1,6}(?:[.+-].*)?$", "$1")


def _guidance_cells() -> list[Cell]:
    own = {name: _cell(name) for name in (*_OWN, *_DECIMALS)}
    for field in header_fields():
        name = field.contract_column
        if name in GUIDANCE.names() and name != "ticket_number":
            text = _day(pl.col(name)) if field.kind == "date" else pl.col(name)
            own.setdefault(name, cell(name, field.kind, text, field.column_name))
    own["ticket_number"] = cell("ticket_number", "text", pl.col("guidance_ticket_number"), "利用券整理番号")
    own["scheme_code"] = derived("scheme_code", cells.scheme_value(own["insurer_number"].value))
    told = cells.date_value(cells.clean(_day(pl.col("exam_date"))))
    first = pl.coalesce(own["first_interview_date"].value, told)
    ticket = cells.text_of("ticket_number")
    year = pl.when(ticket.str.contains(r"^\d{11}$")).then(ticket.str.slice(0, 2).cast(pl.Int64, strict=False) + 2000)
    fiscal = first.dt.offset_by("-3mo").dt.year().cast(pl.Int64)
    none = pl.lit(None, dtype=pl.String)
    own["guidance_month"] = Cell("guidance_month", none, first.dt.truncate("1mo"), "初回面接の実施日")
    own["guidance_fiscal_year"] = Cell("guidance_fiscal_year", none, pl.coalesce(year, fiscal), "利用券整理番号の年度")
    own["data_number"] = derived("data_number", pl.coalesce("serial", "source_row"))
    own["is_deleted"] = derived("is_deleted", pl.lit(False))
    return list(own.values())
