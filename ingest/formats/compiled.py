"""How the loops over bytes and arrays are compiled: kept on disk, without the interpreter's lock, without counting.

Numba counts the references to an array, by an atomic step, where one loop hands it to another; a loop that calls a
small function for every column spends more time on that than on the bytes. ``_nrt`` leaves the counting out. A loop
compiled so may neither make an array nor return one: it fills those that it is given.
"""

from __future__ import annotations

from typing import Any

from numba import njit

loop: Any = njit(cache=True, nogil=True, _nrt=False)  # type: ignore[call-overload]
