"""`tsumugi bench read`: every figure of a small run is there, and its files are read without a row set aside."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ingest import bench_read, formats
from ingest import bench_read_tables as others
from ingest.progress import silent
from ingest.synth.run import synthesise
from ingest.synth.settings import chosen
from ingest.workspace import create


@pytest.mark.long
def test_a_run_tells_every_figure() -> None:
    figures = json.loads(json.dumps(bench_read.read(10, silent)))
    assert figures["megabytes"] == 10
    for name in ("lines", "claims", "rows", "csv_reader_seconds", "reader_seconds", "csv_to_reader_time"):
        assert figures[name] > 0, name
    assert figures["rows"] > figures["claims"]
    assert 0 < figures["peak_megabytes"] < 1000
    for name in others.SAMPLES:
        assert figures[name]["lines"] > 0
        assert figures[name]["csv_to_reader_time"] > 0
    assert figures["checkup_xml"]["reader_seconds"] > 0


@pytest.mark.long
def test_files_repeated_hold_the_rows_of_their_sample_as_often(tmp_path: Path) -> None:
    create(tmp_path, demo=True)
    settings = chosen(people=bench_read.PEOPLE, months=bench_read.MONTHS)
    synthesise(tmp_path, settings.model_copy(update={"noise": bench_read.WHOLE_FILES}), silent)
    for name, pattern in others.SAMPLES.items():
        sample, path = others.largest(tmp_path, pattern), tmp_path / f"{name}.csv"
        turns = others.write_repeated(name, sample, path, 500_000)
        one, many = formats.read(sample), formats.read(path)
        assert path.stat().st_size > 400_000
        assert many.set_aside.height == turns * one.set_aside.height == 0
        for table, rows in one.tables.items():
            assert many.tables[table].height == turns * rows.height, (name, table)
