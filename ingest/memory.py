"""A process that holds a key leaves no image of its memory behind.

A core dump is a file with every key and every opened row in it. Two switches keep it from being written: the limit of
core files, for those that the kernel writes itself, and the process's own "not dumpable", which also covers a kernel
that pipes dumps to a collector and never asks for the limit (core(5)).
"""

from __future__ import annotations

import ctypes
import resource
import sys

_SET_DUMPABLE = 4  # PR_SET_DUMPABLE of prctl(2)


def forbid_dumps() -> None:
    """Keep the memory of this process, and of the children it starts, out of core dumps."""
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_DUMPABLE, 0, 0, 0, 0)
