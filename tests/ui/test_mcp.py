"""The endpoints as tools of assistants, asked by the protocol's own client."""

import ast
import asyncio
import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from percov2_demo.ui.demo import build_demo, launch_options
from tests.conftest import tiny_pipeline
from tests.scene import draw_scene


mcp = pytest.importorskip("mcp", reason="the extra mcp is not installed")
streamable_http = pytest.importorskip("mcp.client.streamable_http")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    demo = build_demo(tiny_pipeline())
    _, url, _ = demo.launch(prevent_thread_lock=True, quiet=True, **launch_options())
    yield url
    demo.close()


def as_data(data: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def call(server: str, tool: str, **arguments: Any) -> list[Any]:
    """The contents of a tool's answer."""

    async def ask() -> Any:
        address = f"{server}gradio_api/mcp/"
        async with (
            streamable_http.streamablehttp_client(address) as (reading, writing, _),
            mcp.ClientSession(reading, writing) as session,
        ):
            await session.initialize()
            return await session.call_tool(tool, arguments)

    answer = asyncio.run(ask())
    assert not answer.isError, answer.content
    return answer.content


@pytest.fixture(scope="module")
def photo(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("mcp") / "photo.png"
    draw_scene(128, 64).save(path)
    return as_data(path.read_bytes(), "image/png")


@pytest.fixture(scope="module")
def stream(server, photo) -> bytes:
    file, rates = call(server, "compress", photo=photo, preset="ultra-low", caption="a house", fit="native")
    data = httpx.get(file.text).raise_for_status().content
    assert ast.literal_eval(rates.text)["bytes"]["total"] == len(data)
    return data


def test_compress_gives_the_codecs_own_file(stream):
    read = tiny_pipeline().read(stream)
    assert (read.caption, read.preset) == ("a house", "ultra-low")


def test_decompress_gives_the_picture(server, stream, tmp_path):
    sent = as_data(stream, "application/octet-stream")
    picture, *_ = call(server, "decompress", stream=sent, steps=1, strength=0)
    (tmp_path / "picture.png").write_bytes(base64.b64decode(picture.data))
    with Image.open(Path(tmp_path / "picture.png")) as image:
        read = tiny_pipeline().read(stream)
        assert image.size == (read.width, read.height)


def test_info_says_what_the_file_says(server, stream):
    (fields,) = call(server, "info", stream=as_data(stream, "application/octet-stream"))
    assert ast.literal_eval(fields.text)["indices"] == tiny_pipeline().read(stream).indices.tolist()


def test_caption_describes_the_photo(server, photo):
    (caption,) = call(server, "caption", photo=photo)
    assert caption.text == tiny_pipeline().caption(draw_scene(128, 64))
