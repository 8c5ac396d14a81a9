"""The figures of ``evaluate`` as tables."""

from __future__ import annotations

from typing import Any

from rich.console import Console, Group
from rich.table import Column, Table


def show(out: Console, figures: dict[str, Any]) -> None:
    """Print the figures of a run."""
    tables = [_whole(figures), _kinds(figures), _ages(figures), _losses(figures)]
    if "referee" in figures:
        tables.append(_referee(figures, figures["referee"]))
    out.print(Group(*tables))


def show_febrl(out: Console, figures: dict[str, Any]) -> None:
    """Print the figures of the FEBRL sets, a row a set."""
    right = [Column(name, justify="right") for name in ("records", "true pairs", "wrong", "precision", "recall")]
    table = Table("", *right, title="FEBRL by encrypted tokens; rules fixed on set 3")
    for name, row in figures.items():
        counts = (f"{row[key]:,}" for key in ("records", "true_pairs", "wrong_pairs"))
        table.add_row(name, *counts, rate(row["precision"]), rate(row["recall"]))
    out.print(table)


def _whole(figures: dict[str, Any]) -> Table:
    table = Table("", Column("pairs of distinct identities", justify="right"), Column("of records", justify="right"))
    table.title = (
        f"{figures['people']:,} insured, {figures['months']} months, seed {figures['seed']}, "
        f"preset {figures.get('preset', 'default')} (架空データ)"
    )
    table.add_row("precision", rate(figures["precision"]), rate(figures["record_precision"]))
    table.add_row("recall", rate(figures["recall"]), rate(figures["record_recall"]))
    for name, what in (
        ("identities", "identities of a person"),
        ("persons", "persons"),
        ("groups", "groups"),
        ("persons_split", "persons split"),
        ("groups_mixed", "groups mixed"),
        ("wrong", "wrong pairs"),
        ("cross_domain_pairs", "pairs across linkage domains (never linked)"),
    ):
        table.add_row(what, f"{figures[name]:,}", f"{figures['records']:,}" if name == "identities" else "")
    followed = f"{figures['followed']:,} of {figures['turned_75']:,} = {rate(figures['followed_rate'])}"
    table.add_row("75th birthdays followed", followed, "")
    return table


def _kinds(figures: dict[str, Any]) -> Table:
    right = [Column(name, justify="right") for name in ("pairs", "lost", "recall")]
    table = Table("pairs that differ in", "", *right, title="by kind of event")
    for row in figures["by_kind"]:
        table.add_row(row["kind"], row["what"], f"{row['pairs']:,}", f"{row['lost']:,}", rate(row["recall"]))
    return table


def _ages(figures: dict[str, Any]) -> Table:
    right = [Column(name, justify="right") for name in ("pairs", "wrong", "precision", "recall")]
    table = Table("age", *right, title="by age in the month of reference")
    for row in figures["by_age"]:
        table.add_row(
            row["age_band"], f"{row['pairs']:,}", f"{row['wrong']:,}", rate(row["precision"]), rate(row["recall"])
        )
    return table


def _losses(figures: dict[str, Any]) -> Table:
    table = Table("", Column("count", justify="right"), title="groups of two persons, and edges refused")
    for row in figures["mixed"]:
        table.add_row(f"mixed: {row['relation']}", f"{row['persons']:,} pairs of persons, {row['pairs']:,} wrong pairs")
    for row in figures["planted"]:
        known = "" if row["is_seen"] or not row["overlaps"] else ", not by the 資格 that came"
        what = (
            f"planted: {row['kind']}, {'insured on the same days' if row['overlaps'] else 'one after the other'}{known}"
        )
        strayed = f", a record strayed in {row['strayed']:,}" if row["strayed"] else ""
        table.add_row(what, f"{row['merged']:,} of {row['pairs']:,} merged{strayed}")
    for reason, edges in figures["refused_edges"].items():
        table.add_row(f"refused: {reason}", f"{edges:,}")
    return table


def _referee(own: dict[str, Any], referee: dict[str, Any]) -> Table:
    """Both linkers beside each other."""
    right = [Column(name, justify="right") for name in ("encrypted", "Splink in clear")]
    table = Table("", *right, title="the same identities, by Splink in clear")
    for name in ("precision", "recall", "record_precision", "record_recall"):
        table.add_row(name, rate(own[name]), rate(referee[name]))
    for name in ("wrong", "persons_split", "groups_mixed"):
        table.add_row(name, f"{own[name]:,}", f"{referee[name]:,}")
    for mine, other in zip(own["by_kind"], referee["by_kind"], strict=True):
        table.add_row(f"lost: {mine['kind']}", f"{mine['lost']:,}", f"{other['lost']:,}")
    return table


def rate(value: float | None) -> str:
    """A rate to six places, '-' where there is nothing to count."""
    return "-" if value is None else f"{value:.6f}"
