"""メタボリックシンドローム判定 and 保健指導レベル from the values, as the examining body works them out.

Sources: 厚生労働省 標準的な健診・保健指導プログラム 第4期 (kdb.md 4.2 and 4.3). Note that the two use different
limits for sugar: 110 and 6.0 for the syndrome, 100 and 5.6 for guidance.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Values = dict[str, Floats]


def _wide(values: Values, sex: NDArray[np.int64]) -> Mask:
    return values["waist"] >= np.where(sex == 1, 85.0, 90.0)


def _lipid(values: Values, is_casual: Mask) -> Mask:
    return (values["triglyceride"] >= np.where(is_casual, 175.0, 150.0)) | (values["hdl"] < 40)


def _pressure(values: Values) -> Mask:
    return (values["systolic"] >= 130) | (values["diastolic"] >= 85)


def metabolic_judgement(
    values: Values, sex: NDArray[np.int64], is_casual: Mask, on_sugar: Mask, on_lipid: Mask, on_pressure: Mask
) -> NDArray[np.int64]:
    """1 基準該当, 2 予備群該当, 3 非該当; ``glucose`` is NaN where not measured fasting."""
    sugar = np.where(np.isnan(values["glucose"]), values["hba1c"] >= 6.0, values["glucose"] >= 110) | on_sugar
    risks = sugar.astype(int) + (_lipid(values, is_casual) | on_lipid) + (_pressure(values) | on_pressure)
    return np.where(~_wide(values, sex) | (risks == 0), 3, np.where(risks >= 2, 1, 2))


def guidance_level(
    values: Values, sex: NDArray[np.int64], is_casual: Mask, smokes: Mask, age: NDArray[np.int64], is_treated: Mask
) -> NDArray[np.int64]:
    """1 積極的支援, 2 動機付け支援, 3 なし (情報提供)."""
    wide = _wide(values, sex)
    heavy = ~wide & (values["bmi"] >= 25)
    sugar = (values["glucose"] >= 100) | (values["hba1c"] >= 5.6)
    risks = sugar.astype(int) + _lipid(values, is_casual) + _pressure(values)
    active = (wide & ((risks >= 2) | ((risks == 1) & smokes))) | (heavy & ((risks == 3) | ((risks == 2) & smokes)))
    some = (wide | heavy) & (risks >= 1)
    level = np.where(active & (age < 65), 1, np.where(some, 2, 3))
    return np.where(is_treated | (age > 74), 3, level)
