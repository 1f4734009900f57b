"""What the C library does with freed memory."""

import platform
import subprocess
import sys

import psutil
import pytest

from percov2_demo.ui.server.heap import return_memory


pytestmark = pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="another C library keeps memory in its own way"
)

# Each thread asks for memory while the others live, so that none takes over another's heap.
THREADS = """
import ctypes, sys, threading
from percov2_demo.ui.server.heap import share_heaps

if "share" in sys.argv:
    share_heaps()
together = threading.Barrier(8)

def work():
    piece = bytearray(2000)
    together.wait()

threads = [threading.Thread(target=work) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
ctypes.CDLL(None).malloc_stats()
"""


def heaps(*arguments: str) -> int:
    """How many heaps eight threads have."""
    done = subprocess.run([sys.executable, "-c", THREADS, *arguments], capture_output=True, text=True, check=True)
    return done.stderr.count("Arena ")


@pytest.mark.server
def test_threads_share_heaps():
    assert heaps("share") <= 2 < heaps()


@pytest.mark.server
def test_free_memory_is_given_back():
    """What stays in use lies between what is free, so that the C library by itself gives nothing back."""
    pieces = [bytearray(2000) for _ in range(50_000)]
    pieces = pieces[::100]
    before = psutil.Process().memory_info().rss
    return_memory()
    assert before - psutil.Process().memory_info().rss > 50e6
    assert len(pieces) == 500
