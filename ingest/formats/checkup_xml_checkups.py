"""hc08 documents of one archive as rows of ``checkup`` and ``checkup_result``, a block of documents at a time.

Goes in: documents as bytes, of which the plain ones are read (``checkup_xml_plain``), the others as trees. Comes out:
one ``checkup`` a document and at most one ``checkup_result`` an item; what cannot be read is set aside.
"""

from __future__ import annotations

from collections import Counter
from typing import Any
from xml.etree import ElementTree as ET  # noqa: S405  (trees only: parsing is in checkup_xml_document.parse)

import numpy as np
import polars as pl

from ingest.formats import cells
from ingest.formats.bits import Array
from ingest.formats.cells import Cell, derived
from ingest.formats.checkup_xml_document import DOCUMENT
from ingest.formats.checkup_xml_header import Texts, header_columns, header_fields, header_texts
from ingest.formats.checkup_xml_items import text_columns, unknown_problem, variant_numbers, variants
from ingest.formats.checkup_xml_plain import PlainBlock, PlainDocuments
from ingest.formats.checkup_xml_results import Results, Sayings
from ingest.formats.checkup_xml_said import OBSERVATION, told_of
from ingest.formats.contracts import CHECKUP
from ingest.formats.csvlayout import cell
from ingest.formats.layout_files import layout_cache
from ingest.formats.reading import Problem, empty_set_aside

MOST_SAYINGS = 500_000
"""So much of what observations say is kept: an archive in which nothing repeats shall not fill the memory."""
AT_ONCE = 8192
"""Documents whose fields are typed together; each time costs a document's reading a hundred times."""
_NOTHING_SAID = np.empty(0, np.int64), np.empty(0, np.int64)


class Checkups:
    """Puts the checkups of one archive together."""

    def __init__(self) -> None:
        self._unknown: Counter[str] = Counter()
        self._tables = [pl.DataFrame(schema=CHECKUP.plain_schema())]
        self._asides = [empty_set_aside()]
        self._results = Results()
        self._trees: list[Texts] = []
        self._trees_said: list[tuple[int, int]] = []  # row of the document, number of what is said
        self._waiting: list[pl.DataFrame] = []
        self._said: list[tuple[Array, Array]] = []
        self._forget()

    def _forget(self) -> None:
        self._sayings = Sayings()
        self._plain = PlainDocuments(self._sayings, self._unknown)

    def plain(self, documents: list[bytes]) -> PlainBlock:
        """What those of some documents say that are plain; ``put`` takes it in."""
        return self._plain.read(documents)

    def take(self, root: ET.Element, source_row: int, serial: int | None) -> None:
        """Adds one document as a tree to what the next ``put`` takes in."""
        namespace = root.tag.removesuffix(DOCUMENT)
        found = header_texts(root, namespace)
        found |= self._observations(root, namespace, source_row)
        self._trees.append(found | {"source_row": source_row, "serial": serial})

    def put(self, block: PlainBlock, source_rows: list[int], serials: list[int | None]) -> None:
        """Takes in the plain documents of a block, by their rows, and the trees since the last."""
        self._waiting.append(
            pl.DataFrame({"source_row": source_rows, "serial": serials} | block.texts, schema=_schema())
        )
        self._said.append((np.array(source_rows, np.int64)[block.document], block.said))
        if self._trees:
            columns = {name: [texts.get(name) for texts in self._trees] for name in _schema()}
            self._waiting.append(pl.DataFrame(columns, schema=_schema()))
            rows, said = np.array(self._trees_said, np.int64).reshape(-1, 2).T
            self._said.append((rows, said))
            self._trees, self._trees_said = [], []
        if sum(frame.height for frame in self._waiting) >= AT_ONCE:
            self._finish()

    def _finish(self) -> None:
        """Makes tables of what waits."""
        documents = pl.concat([pl.DataFrame(schema=_schema()), *self._waiting]).sort("source_row")
        rows, said = (np.concatenate(part) for part in zip(_NOTHING_SAID, *self._said, strict=True))
        order = np.argsort(rows, kind="stable")  # trees stand behind the plain ones of their block
        checkup, aside = cells.typed(documents.with_columns(text=pl.lit(None, pl.String)), CHECKUP, _cells())
        self._results.take(rows[order], said[order], self._sayings, checkup)
        self._tables.append(checkup)
        self._asides.append(aside)
        self._waiting, self._said = [], []
        if max(len(self._sayings), len(self._plain)) > MOST_SAYINGS:
            self._forget()

    def tables(self) -> tuple[dict[str, pl.DataFrame], pl.DataFrame, list[Problem]]:
        """(``checkup`` and ``checkup_result``, rows set aside, problems of what was put in)."""
        self._finish()
        table, aside, problems = self._results.tables()
        tables = {"checkup": pl.concat(self._tables), "checkup_result": table}
        return tables, pl.concat([*self._asides, aside]), [*problems, *unknown_problem(self._unknown)]

    def _observations(self, root: ET.Element, namespace: str, source_row: int) -> Texts:
        """Notes what the observations of a document say; gives the free texts among them."""
        texts: Texts = {}
        for observation in root.iter(namespace + OBSERVATION):
            coded = observation.find(namespace + "code")
            code = None if coded is None else coded.get("code")
            if code is None:
                continue  # a group: its parts are observations of their own
            number = variant_numbers().get(code)
            if number is None:
                self._unknown[code] += 1
            elif variants()[number].item is not None:
                told = told_of(observation, namespace, number)
                self._trees_said += [(source_row, self._sayings.number(one)) for one in told]
            elif variants()[number].checkup_column:
                value = observation.find(namespace + "value")
                if value is not None:
                    texts.setdefault(variants()[number].checkup_column, value.text)
        return texts


@layout_cache
def _schema() -> dict[str, Any]:
    """The columns of text that make ``checkup``, and which document they are of."""
    texts = dict.fromkeys([*header_columns(), *text_columns()], pl.String)
    return {"source_row": pl.Int64, "serial": pl.Int64} | texts


@layout_cache
def _cells() -> list[Cell]:
    """The cells of ``checkup``, of text columns of the same names."""
    own: dict[str, Cell] = {}
    for field in header_fields():
        text = pl.col(field.contract_column)
        if field.kind == "date":  # a time of day, as HL7 allows, is no part of the date
            text = text.str.strip_chars().str.replace(r"^(\d{8})\d{1,6}(?:[.+-].*)?$", "$1")
        own.setdefault(field.contract_column, cell(field.contract_column, field.kind, text, field.column_name))
    for variant in variants():
        if variant.checkup_column:
            column = variant.checkup_column
            own[column] = cell(column, "printed", pl.col(column), variant.item_name)
    own["scheme_code"] = derived("scheme_code", cells.scheme_value(own["insurer_number"].value))
    own["exam_month"] = derived("exam_month", own["exam_date"].value.dt.truncate("1mo"))
    own["data_number"] = derived("data_number", pl.coalesce("serial", "source_row"))
    own["is_deleted"] = derived("is_deleted", pl.lit(False))
    return list(own.values())
