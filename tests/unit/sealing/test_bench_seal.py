"""The measure of the envelope runs and compares the same rows both ways."""

from __future__ import annotations

from ingest.bench_seal import run
from ingest.progress import silent


def test_a_small_measure_compares_sealed_and_plain() -> None:
    figures = run(20_000, silent)
    assert figures["rows"] == 22_500
    for name in ("seal_and_open_to_plain", "cpu_seal_and_open_to_plain", "check_to_sha256", "cpu_check_to_sha256"):
        assert figures[name] > 0
