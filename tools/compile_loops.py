"""Compile the loops over the bytes of the files (decision 0005) before anything needs them: once a version, a minute.

Some invented people go the road as far as the linkage, in a folder that is thrown away: what loops that calls are
compiled, and kept on disk. It takes one processor, so `make` does it beside what leaves another idle; without it two
sites, or two processes of the tests, would each compile the same loops at the same time.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from ingest import settings as settings_module
from ingest import workspace
from ingest.center.link import link
from ingest.center.receive import receive
from ingest.progress import silent
from ingest.sealing.keys import create_keys
from ingest.site.extract import extract
from ingest.synth.run import synthesise
from ingest.synth.settings import tiny


def main() -> None:
    """Walk the road as far as it reads files."""
    with tempfile.TemporaryDirectory() as folder:
        workspace.create(Path(folder), demo=True)
        settings = settings_module.load(Path(folder))
        create_keys(settings)
        synthesise(settings.workspace, tiny(), silent)
        for site in settings.sites:
            extract(settings, site, silent)
        receive(settings, silent)
        link(settings, silent)


if __name__ == "__main__":
    main()
