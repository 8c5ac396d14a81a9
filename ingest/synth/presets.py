"""Harder worlds by name: what linkage is tried on beside the default one."""

from __future__ import annotations

from ingest.settings import SettingsError
from ingest.synth.preset import Preset
from ingest.synth.settings import NoiseRates, SynthSettings, Upheavals

IDENTITY_RATES = (
    "kana_variant", "half_width_name", "kanji_variant", "blank_in_name", "full_width_number", "missing_branch",
    "wrong_birth_digit", "enrolment_deleted", "late_notice", "ledger_gap",
)  # fmt: skip
"""The rates of ``NoiseRates`` that bear on whom a row is taken to speak of."""


def with_preset(settings: SynthSettings, preset: Preset) -> SynthSettings:
    """The settings with what the preset changes; SettingsError where there is no second town to merge."""
    insured = settings.insured()
    by_size = sorted(insured, key=lambda code: (-insured[code], code))
    if preset is Preset.DOUBLED:
        return settings.model_copy(update={"noise": _doubled(settings.noise)})
    if preset is Preset.REISSUE:
        return settings.model_copy(update={"upheavals": Upheavals(renumbered=by_size[0])})
    if preset is Preset.MERGER:
        near = [code for code in by_size if code[:2] == by_size[0][:2]]
        if len(near) < 2:
            raise SettingsError("a merger needs two municipalities of one prefecture")
        return settings.model_copy(update={"upheavals": Upheavals(merged=near[1], merged_into=near[0])})
    if preset is Preset.HALF_WIDTH:
        return settings.model_copy(update={"upheavals": Upheavals(half_width_office=by_size[0])})
    return settings


def _doubled(rates: NoiseRates) -> NoiseRates:
    return rates.model_copy(update={name: min(2 * getattr(rates, name), 1.0) for name in IDENTITY_RATES})
