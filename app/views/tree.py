"""健診ツリー: eligible persons by whether they were examined and treated, and what the checkup asks for (様式5-5)."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from app import data, state
from app.areas import NATION, level
from app.show import count
from app.views import definitions, filters, marks
from app.views.comparison import Comparison, Row, Values, cell_html, table_csv
from app.views.screen import Indicator, Screen

SCHEMES = ("kokuho", "kumiai")  # whose members the 特定健診 is for


@dataclass(frozen=True)
class Node:
    """One cell of the tree: what it counts, how many lines it spans, and whether a health programme turns to these
    persons first."""

    indicator_id: str
    lines: int = 1
    is_sought: bool = False


# From left to right in each line: examined, treated, what the checkup asks for.
LINES: tuple[tuple[Node, ...], ...] = (
    (Node("tree_examined", 5), Node("tree_examined_treated"), Node("tree_treated_referred")),
    (Node("tree_examined_untreated", 4), Node("tree_untreated_intensive")),
    (Node("tree_untreated_motivational"),),
    (Node("tree_untreated_referred", is_sought=True),),
    (Node("tree_untreated_information"),),
    (Node("tree_unexamined", 2), Node("tree_unexamined_treated")),
    (Node("tree_unexamined_untreated", is_sought=True),),
)
NODES = tuple(node for line in LINES for node in line)


def render(screen: Screen) -> None:
    """Draw the page."""
    text = screen.text
    st.html(f'<h1 class="ts-h">{text("nav.tree")}</h1><p class="ts-note">{text("tree.about")}</p>')
    columns = _columns(screen)
    with filters.row():
        choice = filters.choose(screen, kinds=("fiscal_year",))
    if choice is None:
        st.info(text("overview.no_values"))
        return
    if choice.scheme not in SCHEMES:
        st.info(text("tree.no_scheme"))
        return
    known = {one.indicator_id: one for one in screen.indicators}
    rows = [Row(known[node.indicator_id], choice.scheme) for node in NODES if node.indicator_id in known]
    values = Values(data.values(screen.files, choice.question, columns))
    focus = columns[0]
    base = next((key for key in columns[1:] if level(key) == "prefecture"), columns[-1])
    tree = Comparison(
        screen, rows, columns, focus, base, frozenset(), choice.period_kind, choice.period, choice.trend, values
    )
    if all(tree.cell(row, focus).status == "missing" for row in rows):
        st.info(text("tree.no_values"))
        return
    st.html(_title(tree, filters.printed_period(screen, choice.period_kind, choice.period)))
    st.html(tree_html(tree))
    _below(tree, choice)


def _columns(screen: Screen) -> list[str]:
    """The own area, then its prefecture, its peers and the nation."""
    focus = state.get("area") or screen.home
    focus = focus if focus in screen.ladder else screen.home
    beside = [screen.ladder.at(focus, "prefecture"), screen.ladder.peer(focus), NATION]
    return list(dict.fromkeys([focus, *(key for key in beside if key is not None)]))


def _title(tree: Comparison, period: str) -> str:
    screen = tree.screen
    words = html.escape(screen.text("tree.title", area=screen.area_name(tree.focus), period=period))
    mark = f'<span class="ts-unverified">{screen.text("definition.unverified")}</span>'
    return f'<h2 class="ts-h">{words}{"" if all(row.indicator.is_verified for row in tree.rows) else mark}</h2>'


def tree_html(tree: Comparison) -> str:
    """The tree as a table that reads from left to right, every node with its persons and its share of all eligible."""
    text, screen = tree.screen.text, tree.screen
    rows = {row.indicator.indicator_id: row for row in tree.rows}
    heads = "".join(
        f'<th scope="col" class="l">{text(f"tree.{name}")}</th>'
        for name in ("eligible", "examined", "treated", "result")
    )
    body = []
    for number, line in enumerate(LINES):
        cells = [_node_html(tree, rows[node.indicator_id], node) for node in line if node.indicator_id in rows]
        if number == 0:
            cells.insert(0, _root_html(tree, tree.rows[0], len(LINES)))
        if line[0].indicator_id == "tree_unexamined":
            cells.append(f'<td rowspan="{line[0].lines}" class="none">{text("tree.no_result")}</td>')
        body.append(f"<tr>{''.join(cells)}</tr>")
    statuses = {tree.cell(row, key).status for row in tree.rows for key in tree.columns}
    caption = f"<caption>{html.escape(screen.mark)}</caption>" if screen.mark else ""
    return (
        f'<table class="ts ts-tree" data-testid="tree">{caption}<thead><tr>{heads}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody>{marks.hidden_foot(text, statuses, span=4)}</table>"
    )


def _root_html(tree: Comparison, row: Row, lines: int) -> str:
    text, cell = tree.screen.text, tree.cell(row, tree.focus)
    persons = text("tree.persons", count=count(cell.denominator))
    return f'<td rowspan="{lines}" class="root"><b>{text("tree.eligible")}</b><span class="n">{persons}</span></td>'


def _node_html(tree: Comparison, row: Row, node: Node) -> str:
    screen, text, shape = tree.screen, tree.screen.text, row.indicator.shape
    cell = tree.cell(row, tree.focus)
    sign, direction = tree.judgement(row, tree.focus)
    mark = marks.mark(text, sign, direction, screen.area_name(tree.base)) if sign else ""
    value = cell.value(shape)
    bar = "" if value is None else f'<div class="ts-bar"><b style="width:{min(value, 100):.2f}%"></b></div>'
    persons = "" if value is None else f'<span class="n">{text("tree.persons", count=count(cell.numerator))}</span>'
    share = cell_html(text, shape, cell, False)
    unit = "" if value is None else html.escape(shape.shown_unit)
    beside = " ".join(
        f"<span>{html.escape(_short_name(screen, key))} {cell_html(text, shape, tree.cell(row, key), False)}</span>"
        for key in tree.columns[1:]
    )
    return (
        f'<td rowspan="{node.lines}" class="{"seek" if node.is_sought else ""}" data-node="{node.indicator_id}">'
        f"<b>{html.escape(_name(screen, row.indicator))}</b>{persons}"
        f'<span class="share">{mark}{share}{unit}</span>{bar}<small>{beside}</small></td>'
    )


def _short_name(screen: Screen, area_key: str) -> str:
    """The name of an area above, so short that three of them stand in one line; peers are named in the note below."""
    return screen.text("level.peer_short") if level(area_key) == "peer" else screen.area_name(area_key)


def _name(screen: Screen, indicator: Indicator) -> str:
    """What a node adds to those left of it."""
    return screen.text(f"tree.{indicator.indicator_id}")


def _below(tree: Comparison, choice: filters.Choice) -> None:
    screen, text = tree.screen, tree.screen.text
    peers = [f"{text('level.peer_short')}：{screen.area_name(key)}" for key in tree.columns if level(key) == "peer"]
    legend = "" if tree.base == tree.focus else f"{marks.legend(text, screen.area_name(tree.base))}　"
    st.html(f'<p class="ts-note">{legend}{text("tree.share_note")}　{"".join(peers)}</p>')
    conditions: Sequence[tuple[str, str]] = [
        (text("csv.area"), screen.area_name(tree.focus)), *filters.printed_conditions(screen, choice),
    ]  # fmt: skip
    period = filters.printed_period(screen, choice.period_kind, choice.period)
    with st.container(horizontal=True, gap="small"):
        with st.popover(text("tree.definitions")):
            st.html("".join(_definition(screen, row.indicator) for row in tree.rows))
        st.download_button(
            text("overview.download"), table_csv(tree, conditions),
            file_name=f"{text('tree.file_name', area=screen.area_name(tree.focus), period=period)}.csv",
            mime="text/csv", key="download_tree", on_click=_log_download, args=(screen, tree.focus),
        )  # fmt: skip


def _definition(screen: Screen, indicator: Indicator) -> str:
    heading = f"<h3>{html.escape(indicator.label)}</h3>"
    return f'<div class="ts-def-list">{heading}{definitions.as_list(screen, indicator)}</div>'


def _log_download(screen: Screen, area: str) -> None:
    screen.log("download", object=f"tree {area}", result="done", edition=screen.edition)
