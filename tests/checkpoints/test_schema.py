"""The JSON files of models: what is read, and what is refused."""

import json
from pathlib import Path
from typing import NotRequired

import pytest
from typing_extensions import TypedDict

from percov2_demo.checkpoints.schema import read_json
from percov2_demo.errors import ModelError


class Part(TypedDict):
    n: int


class Shape(TypedDict):
    name: str
    revision: NotRequired[str | None]
    count: int
    share: float
    sizes: list[int]
    by: dict[str, Part]


CONTENT = {"name": "a", "revision": None, "count": 1, "share": 0.5, "sizes": [1, 2], "by": {"x": {"n": 3}}, "more": []}


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "place" / "content.json"


def write(path: Path, content: object) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content), "utf-8")
    return path


def test_what_has_the_shape_is_read(path):
    assert read_json(write(path, CONTENT), "more", shape=Shape) == CONTENT
    without = {name: value for name, value in CONTENT.items() if name != "revision"} | {"share": 2, "by": {}}
    assert read_json(write(path, without), shape=Shape) == without


@pytest.mark.parametrize(
    "change",
    [
        {"name": 7},
        {"revision": ["main"]},
        {"count": 1.5},
        {"count": True},
        {"share": "half"},
        {"sizes": 7},
        {"sizes": ["7"]},
        {"by": [3]},
        {"by": {"x": 3}},
        {"by": {"x": {"n": None}}},
    ],
)
def test_what_has_not_is_one_sentence(path, change):
    with pytest.raises(ModelError, match=r"^the model's file content\.json is damaged: fetch the model again$"):
        read_json(write(path, CONTENT | change), shape=Shape)


@pytest.mark.parametrize("data", [b"", b"[]", b"7", b'"x"', b"null", b'{"a": ', b'{"a": "\xff"}', b"[" * 100_000])
def test_what_is_no_object_is_one_sentence(path, data):
    path.parent.mkdir()
    path.write_bytes(data)
    with pytest.raises(ModelError, match=r"^the model's file part/content\.json is damaged: fetch the model again$"):
        read_json(path, name="part/content.json")


def test_what_is_missing_is_said(path):
    with pytest.raises(ModelError, match=r"^the model's file content\.json is missing: fetch the model again$"):
        read_json(path)
    with pytest.raises(ModelError, match="is damaged"):
        read_json(write(path, {"a": 1}), "a", "b")
