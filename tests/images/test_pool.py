"""The processes that read pictures: what they may take, and what happens when they are lost."""

import os
import random
import signal
import struct
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from PIL import Image

from percov2_demo.errors import ImageError
from percov2_demo.images import DamagedImage, ImageTooLarge, load_image, pool
from percov2_demo.images.limits import WORKERS
from tests.images.files import (
    HEIGHT,
    RED,
    WIDTH,
    assert_refused,
    encode,
    halves,
    orientation,
    palette,
    picture,
    png,
    swapped_profile,
)


ROOT = Path(__file__).parents[2]
PICTURE = encode(picture(), "PNG")


@pytest.fixture
def workers() -> Iterator[pool.WorkerPool]:
    own = pool.WorkerPool()
    yield own
    own.close()


def children() -> list[psutil.Process]:
    return psutil.Process().children()


def scans_without_end() -> bytes:
    """A JPEG file of 2000 scans, each of which is work for a whole picture."""
    file = encode(Image.new("L", (2000, 2000)), "JPEG", progressive=True)
    last = file.rindex(b"\xff\xda")
    return file[:last] + file[last:-2] * 2000 + file[-2:]


def test_a_process_is_used_again(workers: pool.WorkerPool) -> None:
    before = set(children())
    for _ in range(3):
        assert workers.read(PICTURE).getpixel((0, 0)) == RED
        with pytest.raises(DamagedImage):
            workers.read(PICTURE[:60])
    assert len(set(children()) - before) == 1


def test_a_process_that_was_ended_is_replaced(workers: pool.WorkerPool) -> None:
    before = set(children())
    workers.read(PICTURE)
    (first,) = set(children()) - before
    first.kill()
    first.wait()
    assert workers.read(PICTURE).getpixel((0, 0)) == RED


def test_a_process_that_is_ended_while_it_reads_is_replaced(workers: pool.WorkerPool) -> None:
    """Somebody else's doing, so the file is read once more."""
    before = set(children())
    workers.read(PICTURE)
    (first,) = set(children()) - before
    os.kill(first.pid, signal.SIGSTOP)
    with ThreadPoolExecutor(1) as threads:
        reading = threads.submit(workers.read, PICTURE)
        time.sleep(0.2)
        first.kill()
        assert reading.result(timeout=60).getpixel((0, 0)) == RED


def test_a_file_that_ends_two_processes_is_refused(workers: pool.WorkerPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "_PROGRAM", READY_ONCE + "sys.stdin.buffer.read(8); os._exit(9)")
    with pytest.raises(ImageError, match="could not be read"):
        workers.read(PICTURE)


READY_ONCE = (
    "import os, sys, struct\nsys.stdout.buffer.write(struct.pack('<cQQ', b'R', 0, 0)); sys.stdout.buffer.flush()\n"
)
"""A process that says that it is ready, as ours does."""


def test_a_process_that_does_not_start_is_no_fault_of_the_picture(
    workers: pool.WorkerPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "_PROGRAM", "raise SystemExit(1)")
    with pytest.raises(RuntimeError, match="did not start"):
        workers.read(PICTURE)


def test_time_of_the_processor_is_limited(workers: pool.WorkerPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "MAX_DECODING_SECONDS", 0.3)
    with pytest.raises(ImageTooLarge, match="takes too long"):
        workers.read(scans_without_end())
    monkeypatch.undo()
    assert workers.read(PICTURE).getpixel((0, 0)) == RED


def test_waiting_is_limited(workers: pool.WorkerPool, monkeypatch: pytest.MonkeyPatch) -> None:
    """As of a decoder that waits for ever."""
    monkeypatch.setattr(pool, "MAX_WAITING_SECONDS", 0.3)
    monkeypatch.setattr(pool, "_PROGRAM", READY_ONCE + "import time; time.sleep(100)")
    with pytest.raises(ImageTooLarge, match="takes too long"):
        workers.read(PICTURE)


@pytest.mark.parametrize(
    "greedy",
    ["data = bytearray(2**20) * 900; time.sleep(100)", "data = [bytearray(b'1' * 2**20) for _ in range(900)]"],
    ids=["at once", "by and by"],
)
def test_memory_is_limited_from_outside(
    workers: pool.WorkerPool, monkeypatch: pytest.MonkeyPatch, greedy: str
) -> None:
    """Where the operating system does not do it: the process has no limits of its own."""
    monkeypatch.setattr(pool, "_PROGRAM", READY_ONCE + f"import time; time.sleep(0.2); {greedy}; time.sleep(100)")
    with pytest.raises(ImageTooLarge, match="of memory"):
        workers.read(PICTURE)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not count what a process allocates")
def test_memory_is_limited_from_inside() -> None:
    program = (
        "from percov2_demo.images import worker\n"
        "worker._Limits()\n"
        "bytearray(300 * 2**20)\n"
        "try: bytearray(600 * 2**20)\n"
        "except MemoryError: print('refused')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "refused\n"


def test_many_at_a_time(workers: pool.WorkerPool) -> None:
    """More visitors than processes: everybody gets his own picture, and few processes are started."""
    before = set(children())
    colours = [(17 * number % 256, number, 200) for number in range(24)]
    files = [encode(Image.new("RGB", (64, 64), colour), "PNG") for colour in colours]
    with ThreadPoolExecutor(12) as threads:
        read = list(threads.map(workers.read, files))
    assert [image.getpixel((5, 5)) for image in read] == colours
    assert len(set(children()) - before) <= WORKERS


def test_one_slow_file_does_not_keep_others_waiting(workers: pool.WorkerPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "MAX_DECODING_SECONDS", 1)
    slow_is_done = threading.Event()

    def read_slow() -> None:
        with suppress(ImageError):
            workers.read(scans_without_end())
        slow_is_done.set()

    thread = threading.Thread(target=read_slow)
    thread.start()
    for _ in range(5):
        workers.read(PICTURE)
    assert not slow_is_done.is_set()
    thread.join()


def test_closing_ends_the_processes(workers: pool.WorkerPool) -> None:
    before = set(children())
    workers.read(PICTURE)
    (own,) = set(children()) - before
    workers.close()
    assert not own.is_running()
    assert workers.read(PICTURE).getpixel((0, 0)) == RED


def test_memory_stays_within_bounds() -> None:
    """25 megapixels took up to 24 bytes each when pictures were decoded and converted at their full size."""
    wide = Image.linear_gradient("L").resize((5000, 5000))
    files = {
        "WebP": encode(wide.convert("RGB"), "WEBP", quality=5, method=0, exif=orientation(6)),
        "PNG": encode(Image.merge("RGBA", [wide] * 4), "PNG", compress_level=1, icc_profile=swapped_profile()),
        "TIFF": encode(wide.convert("F"), "TIFF", compression="tiff_lzw"),
        "JPEG": encode(wide.convert("RGB"), "JPEG", quality=50, progressive=True),
    }
    del wide
    load_image(PICTURE)
    for name, data in files.items():
        with _Peak() as peak:
            assert load_image(data).size == (2500, 2500)
        assert peak.bytes < 400 * 2**20, f"{name} took {peak.bytes / 2**20:.0f} MB"


class _Peak:
    """Measures by how much the memory of this process and its children grows."""

    bytes = 0

    def __enter__(self) -> "_Peak":
        self._start = self._now()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._done.wait(0.01):
            with suppress(psutil.Error):
                self.bytes = max(self.bytes, self._now() - self._start)

    @staticmethod
    def _now() -> int:
        own = psutil.Process()
        return sum(process.memory_info().rss for process in [own, *own.children()])


# Hostile files that are small


def tags_of_the_same_bytes(count: int, size: int) -> bytes:
    """A directory of EXIF or TIFF."""
    place = 8 + 2 + 12 * count + 4
    tags = b"".join(struct.pack("<HHII", 40_000 + number, 7, size, place) for number in range(count))
    return b"II*\0" + struct.pack("<IH", 8, count) + tags + bytes(4 + size)


TAGS = tags_of_the_same_bytes(5000, 10**5)

HOSTILE = {
    "TIFF": TAGS,
    "PNG": png(WIDTH, HEIGHT, 8, 0, halves(b"\1", b"\2"), (b"eXIf", TAGS)),
    "PNG, as text": png(
        WIDTH,
        HEIGHT,
        8,
        0,
        halves(b"\1", b"\2"),
        (b"tEXt", b"Raw profile type exif\0\nexif\n9\n" + TAGS.hex().encode()),
    ),
    "WebP": encode(picture(), "WEBP", exif=TAGS),
    "JPEG": encode(picture(), "JPEG").replace(
        b"\xff\xdb",
        b"".join(
            b"\xff\xe1" + struct.pack(">H", 8 + len(part)) + b"Exif\0\0" + part
            for part in (TAGS[start : start + 60_000] for start in range(0, len(TAGS), 60_000))
        )
        + b"\xff\xdb",
        1,
    ),
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_tags_of_the_same_bytes_are_not_copied_for_each(data: bytes) -> None:
    """They would be 500 MB."""
    load_image(PICTURE)
    with _Peak() as peak, suppress(ImageError):
        load_image(data)
    assert peak.bytes < 100 * 2**20


def test_bits_that_flip_take_no_process(workers: pool.WorkerPool) -> None:
    rng = random.Random(4)
    original = encode(picture(), "TIFF", compression="tiff_lzw")
    for _ in range(40):
        data = bytearray(original)
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        with suppress(ImageError):
            workers.read(bytes(data))
    assert workers.read(PICTURE).getpixel((0, 0)) == RED


# Whatever program asks


def run(program: str, **options: object) -> str:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, **options)
    assert done.stderr == ""
    return done.stdout


LOAD = "from percov2_demo.images import load_image; print(load_image({path!r}).size)"


@pytest.fixture
def path(tmp_path: Path) -> str:
    file = tmp_path / "picture.png"
    file.write_bytes(PICTURE)
    return str(file)


def test_a_program_of_one_line(path: str) -> None:
    assert run(LOAD.format(path=path), cwd=ROOT) == f"({WIDTH}, {HEIGHT})\n"


def test_importing_starts_nothing() -> None:
    program = "import percov2_demo.images, psutil; print(psutil.Process().children())"
    assert run(program, cwd=ROOT) == "[]\n"


def test_a_folder_that_is_gone(path: str, tmp_path: Path) -> None:
    """Of the program, after it was started."""
    gone = tmp_path / "gone"
    program = f"import os; os.mkdir({str(gone)!r}); os.chdir({str(gone)!r}); os.rmdir({str(gone)!r}); "
    output = run("import percov2_demo.images; " + program + LOAD.format(path=path), cwd=ROOT)
    assert output == f"({WIDTH}, {HEIGHT})\n"


def test_a_script_without_a_guard_for_its_main_program(path: str, tmp_path: Path) -> None:
    """`multiprocessing` would run it again in each process."""
    script = tmp_path / "script.py"
    script.write_text(f"import sys; sys.path.insert(0, {str(ROOT)!r})\nprint('once')\n" + LOAD.format(path=path))
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=120, cwd=tmp_path)
    assert (done.stdout, done.stderr) == (f"once\n({WIDTH}, {HEIGHT})\n", "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_process_that_was_forked_has_workers_of_its_own(path: str) -> None:
    program = (
        f"import os, sys, psutil; {LOAD.format(path=path)}; sys.stdout.flush()\n"
        "if (child := os.fork()) == 0:\n"
        f"    print(load_image({path!r}).size, len(psutil.Process().children())); sys.stdout.flush(); os._exit(0)\n"
        "os.waitpid(child, 0); print(len(psutil.Process().children()))\n"
    )
    size = f"({WIDTH}, {HEIGHT})"
    assert run(program, cwd=ROOT) == f"{size}\n{size} 1\n1\n"


def test_nothing_is_left_after_the_program(path: str) -> None:
    program = LOAD.format(path=path) + "; import psutil; print(psutil.Process().children()[0].pid)"
    pid = int(run(program, cwd=ROOT).split()[-1])
    assert not psutil.pid_exists(pid)


@pytest.mark.skipif(os.name == "nt", reason="needs signals")
def test_nothing_is_left_after_the_program_was_killed(path: str) -> None:
    program = (
        LOAD.format(path=path)
        + "; import os, psutil, signal; print(psutil.Process().children()[0].pid, flush=True)"
        + "; os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, timeout=120)
    pid = int(done.stdout.split()[-1])
    end = time.monotonic() + 30
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < end
        time.sleep(0.05)


def test_warnings_of_the_program_are_its_own() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        filters = list(warnings.filters)
        assert_refused(png(100_000, 100_000, 8, 2, b"\0"), "too large")
        assert load_image(palette(transparency=b"\xff\x80")).mode == "RGB"
        assert warnings.filters == filters
