from __future__ import annotations

from pathlib import Path

import pytest

from ingest import settings, workspace


def test_the_demo_workspace_has_two_sites_a_center_and_an_app(tmp_path: Path) -> None:
    workspace.create(tmp_path, demo=True)
    loaded = settings.load(tmp_path)
    assert list(loaded.sites) == ["16", "31"]
    assert loaded.the_center().home == tmp_path / "center"
    assert loaded.to_center("16") == tmp_path / "exchange" / "16" / "to_center"


def test_a_workspace_is_written_once_and_then_left_alone(tmp_path: Path) -> None:
    path, created = workspace.create(tmp_path, demo=True)
    path.write_text(path.read_text() + "\n# mine\n")
    assert created
    assert workspace.create(tmp_path, demo=False) == (path, False)
    assert path.read_text().endswith("# mine\n")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('reference_month = 2025-03-01\nexchange = "x"\ncolour = "red"\n', "colour"),
        ('reference_month = 2025-03-15\nexchange = "x"\n', "reference_month"),
        ('reference_month = 2025-03-01\nexchange = "x"\n[sites.16]\nhome = "a"\nprefecture_code = "1"\n', "prefecture"),
        ("reference_month = \n", "tsumugi.toml"),
    ],
)
def test_an_unknown_or_wrong_key_is_an_error_that_names_it(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "tsumugi.toml").write_text(text, encoding="utf-8")
    with pytest.raises(settings.SettingsError, match=told):
        settings.load(tmp_path)


def test_a_missing_workspace_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(settings.SettingsError, match="tsumugi init"):
        settings.load(tmp_path)
