"""Return freed heap memory to the system, where the C library is glibc; else do nothing.

glibc gives each thread a heap of its own, up to eight for a processor, and keeps what many pictures of many sizes
leave in pieces there: a server would grow for hours.
"""

import contextlib
import ctypes


_M_ARENA_MAX = -8
"""glibc's name of a setting, from its `malloc.h`."""

_HEAPS = 2


def share_heaps() -> None:
    """Let threads that start from now on share heaps: painting is one thread's work at a time."""
    with contextlib.suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, _HEAPS)


def return_memory() -> None:
    """Return freed heap memory to the system."""
    with contextlib.suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
