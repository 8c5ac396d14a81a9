"""Layouts that a site has corrected: CSV files in its own ``layouts/`` folder, each in place of the packaged one.

A correction that cannot be used stops the step that would read by it: a file read by a wrong position loads wrong
numbers, and nobody sees it.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from ingest.formats.layout_files import LAYOUTS, LayoutError, Rows, facts, load
from ingest.settings import Settings, SiteSettings
from ingest.site.errors import SiteError


def corrected_files(site: SiteSettings) -> list[Path]:
    """The corrected layouts of a site, by name; whether they can be used is not looked at."""
    return sorted(site.layouts.glob("*.csv"))


def corrected_layouts(site: SiteSettings) -> dict[str, Rows]:
    """The corrected layouts of a site by name; raises SiteError naming file, line and column of a bad one."""
    try:
        return {path.stem: load(path) for path in corrected_files(site)}
    except LayoutError as error:
        raise SiteError(str(error)) from None


def faults(site: SiteSettings) -> dict[str, str]:
    """What is wrong with each corrected layout of a site that cannot be used, by file name."""
    found = {}
    for path in corrected_files(site):
        try:
            load(path)
        except LayoutError as error:
            found[path.name] = str(error)
    return found


def layouts_for(settings: Settings, files: list[Path], site_name: str | None) -> Mapping[str, Rows]:
    """The corrected layouts to look at files with: of the named site, else of the site in whose home they lie, else of
    the only site that has any. Raises SiteError where several sites have corrected layouts and none is meant."""
    if site_name is not None:
        return corrected_layouts(settings.site(site_name))
    for site in settings.sites.values():
        if files and all(file.resolve().is_relative_to(site.home.resolve()) for file in files):
            return corrected_layouts(site)
    having = [name for name, site in settings.sites.items() if corrected_files(site)]
    if len(having) > 1:
        raise SiteError(f"様式定義を直したサイトが複数あります（{'、'.join(having)}）。--site で指定してください")
    return corrected_layouts(settings.site(having[0])) if having else {}


def copy(site: SiteSettings, name: str) -> Path:
    """Put the packaged layout into the site's folder to be corrected; raises SiteError where that is there already."""
    if name not in facts():
        raise SiteError(f"{name} という様式定義はありません。`tsumugi layouts list` で確かめてください")
    target = site.layouts / f"{name}.csv"
    if target.exists():
        raise SiteError(f"{target} がすでにあります。製品の定義に戻すときは消してください")
    site.layouts.mkdir(parents=True, exist_ok=True, mode=0o700)
    # With a mark of UTF-8, so that a spreadsheet opens it as such.
    half = target.with_suffix(".tmp")
    half.write_bytes(b"\xef\xbb\xbf" + (LAYOUTS / f"{name}.csv").read_bytes())
    shutil.move(half, target)
    return target
