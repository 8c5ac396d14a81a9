"""A small report of one load: what came, where its rows went, what was wrong; counts only.

Written by ourselves because the data docs of Great Expectations fetch parts from the network and
show values. Markdown for people and logs, HTML for a browser; both made from the ledger.
"""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

from ingest.formats.reading import reasons
from ingest.ledger import Ledger

OUTCOMES = ("read", "sealed", "set_aside", "refused", "out_of_area")


def is_written(sequence: int, folder: Path) -> bool:
    """Whether the report of this batch is there."""
    return (folder / f"{sequence:06d}.html").is_file()


def write(ledger: Ledger, sequence: int, folder: Path, site_name: str) -> list[Path]:
    """Write ``<sequence>.md`` and ``<sequence>.html`` of the load that the batch carries."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    title = f"サイト {site_name} 取込 {sequence:06d}"
    sections = _sections(ledger, sequence)
    written = []
    for suffix, text in ((".md", _markdown(title, sections)), (".html", _html(title, sections))):
        path = folder / f"{sequence:06d}{suffix}"
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)
        written.append(path)
    return written


def _sections(ledger: Ledger, sequence: int) -> list[tuple[str, list[str], list[list[Any]]]]:
    """Headings, column names and rows of the report."""
    files = ledger.rows(
        "SELECT file_name, stream, format, state, reason_code, message FROM delivery WHERE sequence = ? "
        "ORDER BY delivery_id",
        (sequence,),
    )
    counted = ledger.rows(
        "SELECT table_name, outcome, sum(value) AS value FROM control_total JOIN delivery USING (delivery_id) "
        "WHERE sequence = ? AND measure = 'rows' GROUP BY table_name, outcome",
        (sequence,),
    )
    by_table: dict[str, dict[str, int]] = {}
    for row in counted:
        by_table.setdefault(row["table_name"], {})[row["outcome"]] = row["value"]
    problems = ledger.rows(
        "SELECT file_name, table_name, field, problem.reason_code, problem.message, rows, first_line "
        "FROM problem JOIN delivery USING (delivery_id) WHERE sequence = ? "
        "ORDER BY delivery_id, table_name, field, problem.reason_code",
        (sequence,),
    )
    known = reasons()
    return [
        (
            "ファイル",
            ["ファイル", "種類", "様式", "結果", "理由"],
            [[f["file_name"], f["stream"] or "", f["format"] or "", f["state"], f["message"] or ""] for f in files],
        ),
        (
            "行数",
            ["表", "読込", "送付", "保留", "拒否", "地域外"],
            [[name, *(by_table[name].get(o, 0) for o in OUTCOMES)] for name in sorted(by_table)],
        ),
        (
            "問題",
            ["ファイル", "表", "項目", "理由", "内容", "行数", "最初の行", "対応"],
            [
                [
                    p["file_name"],
                    p["table_name"],
                    p["field"],
                    known[p["reason_code"]].ja,
                    p["message"],
                    p["rows"],
                    p["first_line"] if p["first_line"] is not None else "",
                    known[p["reason_code"]].remedy_ja,
                ]
                for p in problems
            ],
        ),
    ]


def _markdown(title: str, sections: list[tuple[str, list[str], list[list[Any]]]]) -> str:
    lines = [f"# {title}", ""]
    for heading, columns, rows in sections:
        lines += [f"## {heading}", ""]
        lines.append("| " + " | ".join(columns) + " |")
        lines.append("|" + " --- |" * len(columns))
        lines += ["| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |" for row in rows]
        lines.append("")
    return "\n".join(lines)


def _html(title: str, sections: list[tuple[str, list[str], list[list[Any]]]]) -> str:
    parts = [
        "<!doctype html><html lang=ja><meta charset=utf-8>",
        f"<title>{html.escape(title)}</title>",
        "<style>body{font-family:sans-serif}table{border-collapse:collapse}td,th{border:1px solid #999;"
        "padding:2px 8px;text-align:left}</style>",
        f"<h1>{html.escape(title)}</h1>",
    ]
    for heading, columns, rows in sections:
        parts.append(f"<h2>{html.escape(heading)}</h2><table><tr>")
        parts += [f"<th>{html.escape(column)}</th>" for column in columns]
        parts.append("</tr>")
        for row in rows:
            parts.append("<tr>" + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in row) + "</tr>")
        parts.append("</table>")
    return "\n".join(parts) + "</html>\n"
