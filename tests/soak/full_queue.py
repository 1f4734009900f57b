"""What the server says when nobody more can wait."""

import uuid
from pathlib import Path

import httpx


MAX_REQUESTS = 200


def fill_queue(url: str, stream: Path) -> dict[str, int | str]:
    """Asks for pictures until the server refuses, then takes all requests back.

    Returns:
        How many requests it took, and with which status and words it refused the next.
    """
    api = f"{url}gradio_api"
    dependencies = httpx.get(f"{url}config").json()["dependencies"]
    function = next(entry["id"] for entry in dependencies if entry["api_name"] == "decompress")
    with stream.open("rb") as file:
        (path,) = httpx.post(f"{api}/upload", files={"files": file}).json()
    session = uuid.uuid4().hex
    data = [{"path": path, "meta": {"_type": "gradio.FileData"}}, 100, 3, None, 0, False]
    body = {"data": data, "fn_index": function, "session_hash": session}
    taken = []
    try:
        for _ in range(MAX_REQUESTS):
            answer = httpx.post(f"{api}/queue/join", json=body, timeout=60)
            if not answer.is_success:
                return {"taken": len(taken), "status": answer.status_code, "answer": answer.json()["detail"]}
            taken.append(answer.json()["event_id"])
    finally:
        for event in reversed(taken):
            cancelled = {"session_hash": session, "fn_index": function, "event_id": event}
            httpx.post(f"{api}/cancel", json=cancelled, timeout=60)
    return {"taken": len(taken), "status": 200, "answer": ""}
