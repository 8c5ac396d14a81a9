"""The names of presets, without what makes them: the command line asks for no more."""

from __future__ import annotations

from enum import StrEnum


class Preset(StrEnum):
    """Names of worlds."""

    DEFAULT = "default"
    DOUBLED = "doubled"
    REISSUE = "reissue"
    MERGER = "merger"
    HALF_WIDTH = "half_width"


WHAT = {
    Preset.DEFAULT: "the named rates as they stand",
    Preset.DOUBLED: "every rate of errors in identities doubled",
    Preset.REISSUE: "the largest municipality's 国保 gives all its members new numbers in one month",
    Preset.MERGER: "the second largest municipality becomes part of the largest of its prefecture in one month",
    Preset.HALF_WIDTH: "the insurers of the largest municipality write every name in half-width kana",
}
