"""The paper of a report: a page of HTML that needs nothing else, tables and bars drawn by hand."""

from __future__ import annotations

from html import escape
from typing import Any

_STYLE = """
:root{color-scheme:light dark;--ink:#1d2733;--soft:#5b6775;--line:#d5dbe2;--paper:#fff;--band:#f3f6f9;--bar:#2f6db0;
--mark:#a8440f}
@media (prefers-color-scheme:dark){:root{--ink:#e8edf2;--soft:#a3afbc;--line:#3a4552;--paper:#161c23;--band:#1f2730;
--bar:#7db0e8;--mark:#f0a070}}
body{font:15px/1.7 "Noto Sans CJK JP","Hiragino Sans","Yu Gothic",Meiryo,sans-serif;color:var(--ink);
background:var(--paper);max-width:68rem;margin:2rem auto;padding:0 1.5rem}
h1{font-size:1.5rem;line-height:1.4;margin:.2rem 0 1rem;overflow-wrap:anywhere}
h2{font-size:1.1rem;margin:2rem 0 .5rem;break-after:avoid}
.site{color:var(--soft);margin:0}.invented{border:1px solid var(--mark);color:var(--mark);padding:.2rem .7rem;
border-radius:4px;display:inline-block;margin:0 0 1rem}
table{border-collapse:collapse;width:100%;font-size:.93rem}
th,td{border-bottom:1px solid var(--line);padding:.35rem .6rem;text-align:left;vertical-align:top;
overflow-wrap:anywhere}
thead th{background:var(--band);white-space:nowrap}tbody th{width:8rem;font-weight:600;color:var(--soft)}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}tr{break-inside:avoid}
.z{color:var(--soft)}
blockquote{user-select:all;margin:0;padding:.8rem 1.1rem;background:var(--band);border-left:4px solid var(--bar)}
a{color:var(--bar)}.bar{display:block;height:1rem;margin:.3rem 0;min-width:1px;background:var(--bar);
print-color-adjust:exact}td:has(>.bar){width:14rem}
@page{size:A4;margin:15mm}@media print{body{margin:0;padding:0;max-width:none;font-size:10.5pt}}
"""
NO_FIGURE = ("―", "判別せず")  # where a figure stands in other rows
_INVENTED = "架空のデータです。実在の人・保険者の記録ではありません。"


def page(title: str, site: str, body: str, is_invented: bool) -> str:
    """A whole page; ``body`` is HTML, the rest is text."""
    mark = f'<p class="invented">{_INVENTED}</p>' if is_invented else ""
    return (
        '<!doctype html><html lang="ja"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>"
        f'<p class="site">紡 Tsumugi {escape(site)}</p><h1>{escape(title)}</h1>{mark}{body}</body></html>\n'
    )


def table(columns: list[str] | None, rows: list[list[Any]]) -> str:
    """A table of cells that are HTML or whole numbers; without ``columns`` the first cell is the row's heading."""
    head = ""
    if columns is not None:
        numeric = [bool(rows) and _is_figure(rows[0][place]) for place in range(len(columns))]
        cells = "".join(
            f"<th{' class=n' if is_number else ''}>{escape(name)}</th>"
            for name, is_number in zip(columns, numeric, strict=True)
        )
        head = f"<thead><tr>{cells}</tr></thead>"
    body = "".join("<tr>" + "".join(_cells(row, heads=columns is None)) + "</tr>" for row in rows)
    return f"<table>{head}<tbody>{body}</tbody></table>"


def _cells(row: list[Any], *, heads: bool) -> list[str]:
    found = []
    for place, cell in enumerate(row):
        if isinstance(cell, int):
            found.append(f'<td class="n{" z" if cell == 0 else ""}">{cell:,}</td>')
        elif _is_figure(cell):
            found.append(f'<td class="n">{cell}</td>')
        else:
            tag = "th" if heads and place == 0 else "td"
            found.append(f"<{tag}>{cell}</{tag}>")
    return found


def _is_figure(cell: Any) -> bool:
    return isinstance(cell, int) or str(cell) in NO_FIGURE or str(cell).endswith("%")


class Html(str):
    """Text that is HTML already."""


def cells(columns: list[str] | None, rows: list[list[Any]]) -> str:
    """``table`` of plain texts, which are escaped, whole numbers and ``Html``."""

    def cell(value: Any) -> Any:
        return value if isinstance(value, int | Html) else escape(str(value))

    return table(columns, [[cell(value) for value in row] for row in rows])


def bar(value: int, largest: int) -> str:
    """A horizontal bar whose full length is ``largest``."""
    return f'<span class="bar" style="width:{100 * value / (largest or 1):.1f}%"></span>'
