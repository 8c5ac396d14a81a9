"""Names as printed: 姓 and 名 with an ideographic blank between."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ingest.synth.calibration import seed


def name_columns(surname: NDArray[np.int64], given: NDArray[np.int64]) -> tuple[pl.Series, pl.Series]:
    """``name_kanji`` and ``name_kana`` of rows of the seeds ``surnames`` and ``given_names``."""
    last, first = seed("surnames"), seed("given_names")
    kanji = last["surname"].gather(surname) + "　" + first["given_name"].gather(given)
    kana = last["kana"].gather(surname) + "　" + first["kana"].gather(given)
    return kanji.alias("name_kanji"), kana.alias("name_kana")
