"""Files of captions: JSON lines with `file` and `caption`, written by one command and read by others.

People write them too, with editors that begin a file with a byte order mark, save UTF-16, end lines with CR LF, leave
lines blank, or leave the last line without an end.
"""

import codecs
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

from percov2_demo.errors import InputError
from percov2_demo.files.atomic import write_text


_UTF_16 = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


class CaptionLine(NamedTuple):
    """A line of a file of captions.

    Attributes:
        record: The JSON object; its `file` and `caption` are texts.
        offset: Where the line begins in the file, in bytes.
        size: How long it is, in bytes.
    """

    record: dict[str, Any]
    offset: int
    size: int


def read_caption_lines(path: Path, drops_cut: bool = False) -> Iterator[CaptionLine]:
    """Read a file of captions in UTF-8 or, with a byte order mark, UTF-16; blank lines are passed over.

    Args:
        path: The file.
        drops_cut: Whether a last line without an end that is no whole JSON object is left out, as a program that was
            killed while it wrote leaves one; else it is an error. What was cut off never is a whole object.

    Raises:
        InputError: A line is no object with texts as `file` and `caption`; names the line.
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        encoding, offset = _encoding(file)
        for number, line in enumerate(_raw_lines(file, encoding), start=1):
            record, is_ended = _record(line, encoding), line.endswith("\n".encode(encoding))
            if record is not None:
                yield CaptionLine(record, offset, len(line))
            elif line.decode(encoding, "replace").strip() and (is_ended or not drops_cut):
                raise InputError(
                    f'{path.name} must hold one JSON object a line, with "file" and "caption": line {number} is none'
                )
            offset += len(line)


def decode_caption_line(line: bytes) -> dict[str, Any]:
    """Decode the bytes of a line that `read_caption_lines` has found good."""
    return json.loads(line)


def caption_line(file: str, caption: str) -> bytes:
    """Encode a line of a file of captions, its end included.

    Args:
        file: What the picture is called; of any bytes, which Python holds as surrogates.
        caption: The caption.
    """
    return _line({"file": file, "caption": caption}).encode("utf-8", "backslashreplace")


def write_caption_lines(path: Path, records: Iterable[dict[str, Any]]) -> None:
    """Write a whole file of captions, or leave the file as it was.

    Raises:
        OSError: The file cannot be written.
    """
    write_text(path, "".join(map(_line, records)))


def _line(record: dict[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False) + "\n"


def _encoding(file: IO[bytes]) -> tuple[str, int]:
    """Read a file's byte order mark, and return the encoding and the mark's length; the file stands behind it."""
    head = file.read(3)
    encoding = _UTF_16.get(head[:2], "utf-8")
    start = 2 if encoding != "utf-8" else 3 if head == codecs.BOM_UTF8 else 0
    file.seek(start)
    return encoding, start


def _raw_lines(file: IO[bytes], encoding: str) -> Iterator[bytes]:
    if encoding == "utf-8":
        yield from file
        return
    end, line = "\n".encode(encoding), b""
    while piece := file.readline():
        # The byte of a line feed may be half of another character.
        line += piece + (file.read(1) if encoding == "utf-16-le" and len(line + piece) % 2 else b"")
        if len(line) % 2 == 0 and line.endswith(end):
            yield line
            line = b""
    if line:
        yield line


def _record(line: bytes, encoding: str) -> dict[str, Any] | None:
    try:
        record = json.loads(line.decode(encoding))
        is_caption = isinstance(record["file"], str) and isinstance(record["caption"], str)
    except (KeyError, TypeError, ValueError, RecursionError):
        return None
    return record if is_caption else None
