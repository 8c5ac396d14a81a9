"""Writes the 特定健診 archive: a ZIP with ix08, su08, one hc08 document a checkup and one hg08 a guidance.

Goes in: plain frames of ``checkup`` and ``checkup_result``, of ``guidance`` and ``guidance_session``. Comes
out: the same bytes for the same frames (members in order of rows, ZIP times fixed), valid against the V08
schemas (hg08: its header). Source: formats.md 2.1, 2.2.
"""

from __future__ import annotations

import zipfile
from functools import cache
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import polars as pl

from ingest.formats.checkup_xml_items import Variant, variants
from ingest.formats.checkup_xml_said import RANGE_SYSTEM
from ingest.synth.writers.checkup_xml_head import DECLARATION, OID, XSI, document_head, ticket
from ingest.synth.writers.guidance_xml import guidance_document

INDEX = "http://tokuteikenshin.jp/checkup/2007"
ZIP_TIME = (1980, 1, 1, 0, 0, 0)

_STATES = {"high": "H", "low": "L"}
_SECTIONS = (("01011", "検査", False), ("01012", "問診", True))
"""Code, title and whether it holds the questions. Which of formats.md 2.2's sections senders use is unverified."""


def document_name(sender: str, row: dict[str, Any], letter: str = "h") -> str:
    """h or g, sender, created date, same-day serial, kind 1, running number; the last two from ``data_number``."""
    serial, number = divmod(int(row["data_number"]), 1_000_000)
    return f"{letter}{sender}{row['created_date']:%Y%m%d}{serial}1{number:06d}.xml"


def write_checkup_archive(
    checkup: pl.DataFrame,
    results: pl.DataFrame,
    path: Path,
    *,
    guidance: tuple[pl.DataFrame, pl.DataFrame] | None = None,
    sender: str = "1610123459",
    receiver: str = "00162024",
    method: int = 0,
) -> None:
    """The archive of ``checkup`` and its ``results`` (``parent_source_row`` = ``source_row`` of its checkup).

    ``guidance`` are frames of ``guidance`` and ``guidance_session``, whose documents follow.

    A result is written with its ``method_code``, without one by ``method`` (0 the first code of the item in the
    layout), always in the unit of the layout. ValueError where the format
    has no place for a value: 宛名番号, withdrawal, a ``data_number`` above 9,999,999 or used twice.
    """
    _check(checkup)
    by_parent = _by_parent(results)
    rows = list(checkup.iter_rows(named=True))
    guided, sessions = ([], {}) if guidance is None else (_guided(guidance[0]), _by_parent(guidance[1]))
    created = max((row["created_date"] for row in [*rows, *guided]), default=None)
    day = f"{created:%Y%m%d}" if created else "20240401"
    top = f"{sender}_{receiver}_{day}0_1"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        _put(archive, f"{top}/ix08_V08.xml", _index(sender, receiver, day, len(rows) + len(guided)))
        _put(archive, f"{top}/su08_V08.xml", _summary(len(rows) + len(guided)))
        for row in rows:
            text = document(row, by_parent.get(row["source_row"], []), sender, method)
            _put(archive, f"{top}/DATA/{document_name(sender, row)}", text)
        for row in guided:
            text = guidance_document(row, sessions.get(row["source_row"], []), sender)
            _put(archive, f"{top}/DATA/{document_name(sender, row, 'g')}", text)


def write_checkup_document(checkup: pl.DataFrame, results: pl.DataFrame, path: Path) -> None:
    """The only row of ``checkup`` as one XML file; ValueError as ``write_checkup_archive``."""
    _check(checkup)
    row = checkup.row(0, named=True)
    path.write_text(document(row, _by_parent(results).get(row["source_row"], []), "1610123459", 0), encoding="utf-8")


def _check(checkup: pl.DataFrame) -> None:
    if checkup["is_deleted"].any() or checkup["address_number"].null_count() < checkup.height:
        raise ValueError("the format has no place for a withdrawal or a 宛名番号")
    if checkup.height and not 0 <= int(checkup["data_number"].max()) <= 9_999_999:  # type: ignore[arg-type]
        raise ValueError("a data_number has at most seven digits")
    if checkup.select("created_date", "data_number").is_duplicated().any():
        raise ValueError("two documents would have one name")


def _guided(guidance: pl.DataFrame) -> list[dict[str, Any]]:
    _check(guidance.with_columns(address_number=pl.lit(None, pl.String)))
    return list(guidance.iter_rows(named=True))


def _by_parent(results: pl.DataFrame) -> dict[int, list[dict[str, Any]]]:
    found: dict[int, list[dict[str, Any]]] = {}
    for row in results.iter_rows(named=True):
        found.setdefault(row["parent_source_row"], []).append(row)
    return found


def _put(archive: zipfile.ZipFile, name: str, text: str) -> None:
    info = zipfile.ZipInfo(name, ZIP_TIME)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o644 << 16
    info.create_system = 3
    archive.writestr(info, text.encode("utf-8"))


def _index(sender: str, receiver: str, day: str, count: int) -> str:
    return (
        f'{DECLARATION}<index xmlns="{INDEX}" xmlns:xsi="{XSI}" xsi:schemaLocation="{INDEX} ./XSD/ix08_V08.xsd">'
        f'<interactionType code="6"/><creationTime value="{day}"/>'
        f'<sender><id root="{OID}.102" extension={quoteattr(sender)}/></sender>'
        f'<receiver><id root="{OID}.101" extension={quoteattr(receiver)}/></receiver>'
        f'<serviceEventType code="1"/><totalRecordCount value="{count}"/></index>\n'
    )


def _summary(count: int) -> str:
    amounts = "".join(
        f'<{name} value="0" currency="JPY"/>' for name in ("totalCostAmount", "totalPaymentAmount", "totalClaimAmount")
    )
    return (
        f'{DECLARATION}<summary xmlns="{INDEX}" xmlns:xsi="{XSI}" xsi:schemaLocation="{INDEX} ./XSD/su08_V08.xsd">'
        f'<serviceEventType code="1"/><totalSubjectCount value="{count}"/>{amounts}</summary>\n'
    )


def document(row: dict[str, Any], results: list[dict[str, Any]], sender: str, method: int) -> str:
    """One hc08 document of one row of ``checkup`` and its results."""
    report, service = ("40", "020") if row["scheme_code"] == "koki" else ("10", "010")
    parts = [
        *document_head(
            row,
            row["exam_date"],
            sender,
            "hc08",
            report,
            service,
            ticket(row["ticket_number"], "209"),
        ),
        "<component><structuredBody>",
    ]
    observations = [_result(result, method) for result in results] + _texts(row)
    for code, title, is_questions in _SECTIONS:
        own = [(told, text) for item, told, text in observations if _is_question(item) == is_questions]
        told = f"<text><list>{''.join(f'<item>{words}</item>' for words, _ in own)}</list></text>" if own else "<text/>"
        entries = "".join(f"<entry>{text}</entry>" for _, text in own)
        parts.append(
            f'<component><section><code code="{code}" codeSystem="{OID}.1010"/><title>{title}</title>{told}{entries}'
            "</section></component>"
        )
    return "".join(parts) + "</structuredBody></component></ClinicalDocument>\n"


def _is_question(code: str) -> bool:
    return "9N701" <= code[:5] <= "9N891" or "9N932" <= code[:5] <= "9N950"


Told = tuple[str, str, str]
"""Item code, what the narrative says, the observation."""


def _texts(row: dict[str, Any]) -> list[Told]:
    return [
        _told(v, escape(row[v.checkup_column]), f'<value xsi:type="ST">{escape(row[v.checkup_column])}</value>')
        for v in variants()
        if v.checkup_column and row[v.checkup_column] is not None
    ]


def _told(variant: Variant, words: str, value: str, *, is_done: bool = True) -> Told:
    negation = "" if is_done else ' negationInd="true"'
    return (
        variant.item_code,
        f"{escape(variant.item_name)} {words}",
        f'<observation classCode="OBS" moodCode="EVN"{negation}>'
        f'<code code="{variant.item_code}" displayName={quoteattr(variant.item_name)}/>{value}</observation>',
    )


@cache
def _variants_of(item_id: str) -> list[Variant]:
    return [v for v in variants() if v.item is not None and v.item.item_id == item_id]


def _result(result: dict[str, Any], method: int) -> Told:
    """The observation of one result."""
    of_item = _variants_of(result["item_id"])
    if not of_item:
        raise ValueError(f"no code for {result['item_id']}")
    named = [v for v in of_item if v.item_code == result["method_code"]]
    variant = named[0] if named else of_item[method % len(of_item)]
    is_numeric = bool(variant.item and variant.item.value_kind == "numeric")
    status = result["status_code"]
    kind = "PQ" if is_numeric else "CD"
    if status == "not_done":
        return _told(variant, "未実施", "", is_done=False)
    if status == "not_measurable":
        return _told(variant, "測定不可能", f'<value xsi:type="{kind}" nullFlavor="NI"/>')
    value, words = "", ""
    if status in _STATES:
        words = _STATES[status]
        value += f'<value xsi:type="CD" code="{words}" codeSystem="{RANGE_SYSTEM}"/>'
    if is_numeric and result["numeric_value"] is not None:
        number = f"{result['numeric_value']:f}"
        number = number.rstrip("0").rstrip(".") if "." in number else number
        value += f'<value xsi:type="PQ" value="{number}" unit={quoteattr(variant.units[0])}/>'
        words += f" {number} {escape(variant.units[0])}"
    elif result["code_value"] is not None:
        value += f'<value xsi:type="CD" code={quoteattr(result["code_value"])}/>'
        words += escape(result["code_value"])
    if result["interpretation_code"] is not None:
        value += f"<interpretationCode code={quoteattr(result['interpretation_code'])}/>"
    return _told(variant, words.strip(), value)
