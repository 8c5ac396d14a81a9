"""Write docs/reference/calibration.md: a world like the nation beside the nation's published figures.

Takes some minutes of processor time, so it is not among the pages of tools/reference.py. ``--check`` draws the same
world again and says whether the page is current; ``--people`` and ``--seed`` draw another (the page names its own).
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path

import polars as pl

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from ingest.synth.nation.cells import CELLS, is_judged, verdict, z_scores  # noqa: E402
from ingest.synth.nation.families import FAMILIES, all_cells  # noqa: E402
from ingest.synth.nation.sample import draw  # noqa: E402
from tools.calibration_page import page  # noqa: E402

PAGE = ROOT / "docs" / "reference" / "calibration.md"
PEOPLE, SEED = 100_000, 20250331


def names() -> dict[str, tuple[str, str]]:
    """Japanese and English name of every family and figure."""
    with (ROOT / "tools" / "calibration_names.csv").open(encoding="utf-8") as stream:
        return {row["id"]: (row["ja"], row["en"]) for row in csv.DictReader(stream)}


def main() -> int:
    """Write the page, or with ``--check`` return 1 where it is not current."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--people", type=int, default=PEOPLE)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--cells", type=Path, help="write the cells to a CSV file too")
    asked = parser.parse_args()
    cells = all_cells(draw(asked.people, asked.seed)).select(*CELLS)
    if asked.cells:
        cells.with_columns(z=z_scores(cells), is_judged=cells.select(is_judged()).to_series()).write_csv(asked.cells)
    text = page(cells, names(), asked.people, asked.seed)
    for family in FAMILIES:
        found = verdict(cells.filter(pl.col("family") == family))
        print(f"{family}: {found.cells} cells, {found.beyond_2} beyond 2, {found.beyond_3} beyond 3 errors")
    if asked.check:
        current = PAGE.is_file() and PAGE.read_text(encoding="utf-8") == text
        if not current:
            print("calibration.md is not current; run python tools/calibration.py")
        return 0 if current else 1
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
