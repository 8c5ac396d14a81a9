"""Splink on the plaintext of the same identities, side by side: what a fuzzy linker with all fields in clear finds.

An extra: nothing of the product needs it. It sees the normalised fields that go into the identity (number, branch,
name, birth date, sex), not the ledger of numbers before and not the days on which a number is in force.
"""

from __future__ import annotations

import importlib.util

import polars as pl

from ingest.settings import SettingsError

SEED = 1
MATCH_PROBABILITY = 0.99
EXPECTED_RECALL = 0.9  # of the deterministic rules below; Splink asks for a guess to begin with
_SILENT = 50  # logging.CRITICAL


def demand() -> None:
    """Raise SettingsError, with what to do, where Splink is not installed."""
    if importlib.util.find_spec("splink") is None:
        raise SettingsError("--referee needs Splink, which is not installed; add it with: .venv/bin/pip install splink")


def groups(units: pl.DataFrame) -> pl.DataFrame:
    """Distinct identities of ``units`` (``UNIT_SCHEMA``) grouped by Splink: linkage_domain, identity_tag, group.

    Trained on the identities themselves by expectation maximisation, without any truth.
    """
    demand()
    import splink.comparison_library as compare
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on

    told = units.unique(["linkage_domain", "identity_tag"], maintain_order=True).with_row_index("unique_id")
    said = told.select(
        "unique_id", "linkage_domain", "scheme_group", "name_kana", "birth_date", "sex_code", "branch",
        number=pl.concat_str("scheme_group", "insurer_number", "insured_number"),
        birth_month=pl.col("birth_date").str.slice(5),
    )  # fmt: skip
    rules = [
        block_on("linkage_domain", "number"),
        block_on("linkage_domain", "name_kana", "birth_date"),
        block_on("linkage_domain", "name_kana", "birth_month"),
    ]
    wanted = SettingsCreator(
        link_type="dedupe_only",
        comparisons=[
            compare.ExactMatch("number"),
            compare.ExactMatch("branch"),
            compare.JaroWinklerAtThresholds("name_kana", [0.92, 0.8]),
            compare.LevenshteinAtThresholds("birth_date", [1, 2]),
            compare.ExactMatch("sex_code"),
        ],
        blocking_rules_to_generate_predictions=rules,
    )
    database = DuckDBAPI()
    linker = Linker(database.register(said.to_arrow()), wanted, log_level=_SILENT)
    training = linker.training
    training.estimate_probability_two_random_records_match([rules[0], rules[1]], recall=EXPECTED_RECALL)
    training.estimate_u_using_random_sampling(max_pairs=1e6, seed=SEED)
    training.estimate_parameters_using_expectation_maximisation(rules[0])
    training.estimate_parameters_using_expectation_maximisation(rules[1])
    found = linker.inference.predict(threshold_match_probability=MATCH_PROBABILITY)
    clusters = linker.clustering.cluster_pairwise_predictions_at_threshold(
        found, threshold_match_probability=MATCH_PROBABILITY
    )
    by_row = pl.DataFrame(clusters.as_pyarrow_table()).select(
        pl.col("unique_id").cast(pl.UInt32), group=pl.col("cluster_id").cast(pl.UInt32)
    )
    return told.select("unique_id", "linkage_domain", "identity_tag").join(by_row, on="unique_id").drop("unique_id")
