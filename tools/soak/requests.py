"""Requests without gradio's client, which would stay until they are answered."""

import uuid
from pathlib import Path
from typing import Any

import httpx


TIMEOUT_SECONDS = 300


def picture_request(url: str, stream: Path, steps: int) -> dict[str, Any]:
    """What asks the server's queue for the picture of a stream, in a session of its own; the stream is uploaded.

    Args:
        url: The server's address.
        stream: A .pcv2 file.
        steps: Steps of the sampler.
    """
    config = httpx.get(f"{url}config", timeout=TIMEOUT_SECONDS).raise_for_status().json()
    function = next(entry for entry in config["dependencies"] if entry["api_name"] == "decompress")
    defaults = {component["id"]: component["props"].get("value") for component in config["components"]}
    with stream.open("rb") as file:
        answer = httpx.post(f"{url}gradio_api/upload", files={"files": file}, timeout=TIMEOUT_SECONDS)
    (path,) = answer.raise_for_status().json()
    others = [defaults[component] for component in function["inputs"][2:]]
    data = [{"path": path, "meta": {"_type": "gradio.FileData"}}, steps, *others]
    return {"data": data, "fn_index": function["id"], "session_hash": uuid.uuid4().hex}
