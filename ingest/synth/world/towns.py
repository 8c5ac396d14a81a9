"""The towns of a world: who insures there, which districts, how large."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ingest.synth.calibration import seed, warehouse_seed
from ingest.synth.settings import SynthSettings
from ingest.synth.world.chance import stream


@dataclass(frozen=True)
class Towns:
    """Arrays by town; ``code`` is sorted. Effects are lasting differences between towns (mean 0)."""

    code: list[str]
    name: list[str]
    insured: NDArray[np.int64]
    prefecture: NDArray[np.int64]
    kokuho: list[str]
    koki: list[str]
    care: list[str]
    kumiai: dict[int, str]  # prefecture -> insurer of its 国保組合
    districts: list[list[tuple[str, str]]]
    metabolic: NDArray[np.float64]  # shift of the metabolic factor, in its standard deviations
    attendance: NDArray[np.float64]  # shift of the log odds of attending a checkup
    use: NDArray[np.float64]  # logarithm of the factor of visits and admissions
    certification: NDArray[np.float64]  # years by which certification comes earlier
    story: dict[str, int]  # story -> town index, -1 where it is not told

    def __len__(self) -> int:
        return len(self.code)

    def of_prefecture(self, prefecture: int) -> NDArray[np.int64]:
        """Indices of the towns of a prefecture."""
        return np.flatnonzero(self.prefecture == prefecture)


def make_towns(settings: SynthSettings) -> Towns:
    """Towns of the settings. KeyError names a town that the seeds do not know."""
    insured = settings.insured()
    codes = list(insured)
    names = dict(warehouse_seed("municipalities").select("municipality_code", "municipality_name").iter_rows())
    of_town = {
        (scheme, town): insurer
        for insurer, scheme, town in warehouse_seed("insurer_municipality")
        .select("insurer_number", "scheme_code", "municipality_code")
        .iter_rows()
    }
    unions = warehouse_seed("insurers").filter(scheme_code="kumiai").sort("insurer_number")
    districts: dict[str, list[tuple[str, str]]] = {code: [] for code in codes}
    for town, district, name in (
        seed("districts").select("municipality_code", "district_code", "district_name").iter_rows()
    ):
        if town in districts:
            districts[town].append((district, name))
    missing = [code for code in codes if ("kokuho", code) not in of_town or not districts[code]]
    if missing:
        raise KeyError(f"no insurer or district in the seeds for {', '.join(missing)}")
    random = stream(settings.seed, "towns")
    effects = random.normal(size=(4, len(codes))) * (0.0 if settings.is_nation else 1.0)
    return Towns(
        code=codes,
        name=[names[code] for code in codes],
        insured=np.array(list(insured.values())),
        prefecture=np.array([int(code[:2]) for code in codes]),
        kokuho=[of_town["kokuho", code] for code in codes],
        koki=[of_town["koki", code] for code in codes],
        care=[of_town["care", code] for code in codes],
        kumiai={
            int(prefecture): number
            for number, prefecture in unions.select("insurer_number", "prefecture_code").iter_rows()
        },
        districts=[districts[code] for code in codes],
        metabolic=0.10 * effects[0],
        attendance=0.22 * effects[1],
        use=0.07 * effects[2],
        certification=0.5 * effects[3],
        story=_story_towns(settings, codes, insured),
    )


def _story_towns(settings: SynthSettings, codes: list[str], insured: dict[str, int]) -> dict[str, int]:
    """Each story at its town, or at the largest town that has none yet (the largest, when all have one)."""
    wanted = settings.stories.model_dump()
    places = {None: -1} | {code: place for place, code in enumerate(codes)}
    result = {story: places[town] for story, town in wanted.items() if town in places}
    by_size = sorted(range(len(codes)), key=lambda i: (-insured[codes[i]], codes[i]))
    for story in wanted:
        if story not in result:
            free = [i for i in by_size if i not in result.values()]
            result[story] = (free or by_size)[0]
    return result
