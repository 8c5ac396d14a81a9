"""How the loops over bytes and arrays are compiled: kept on disk, without the interpreter's lock, without counting.

Numba counts the references to an array, by an atomic step, where one loop hands it to another; a loop that calls a
small function for every column spends more time on that than on the bytes. ``_nrt`` leaves the counting out. A loop
compiled so may neither make an array nor return one: it fills those that it is given.

Numba looks only at the file of a loop to know whether what it kept is still right, not at the files of the functions
that the loop calls. What is kept therefore lies in a folder named by all sources of this package: another version of
any of them finds nothing and compiles anew.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

from numba import config, njit


def _folder() -> str:
    """Beside the sources; in the user's own cache where they may not be written to."""
    here = Path(__file__).parent
    digest = hashlib.sha256()
    for source in sorted(here.glob("*.py")):
        digest.update(source.read_bytes())
    kept = here / "__pycache__" if os.access(here, os.W_OK) else Path.home() / ".cache" / "tsumugi"
    return str(kept / f"loops-{digest.hexdigest()[:16]}")


config.CACHE_DIR = _folder()  # type: ignore[attr-defined]
loop: Any = njit(cache=True, nogil=True, _nrt=False)  # type: ignore[call-overload]
part_of_loop: Any = njit(cache=True, nogil=True, forceinline=True, _nrt=False)  # type: ignore[call-overload]
"""For what a loop calls for each line with many arrays: to hand them over costs more than the line, so that it is put
into the loop instead."""
loop_that_counts: Any = njit(cache=True, nogil=True)
"""For the few loops that make arrays."""
