"""What the server answers when its queue is full."""

from pathlib import Path

import httpx

from tools.soak.requests import picture_request


MAX_REQUESTS = 200


def fill_queue(url: str, stream: Path) -> dict[str, int | str]:
    """Asks for pictures until the server refuses, then takes all requests back.

    Returns:
        How many requests it took, and with which status and words it refused the next.
    """
    api = f"{url}gradio_api"
    body = picture_request(url, stream, steps=100)
    taken = []
    try:
        for _ in range(MAX_REQUESTS):
            answer = httpx.post(f"{api}/queue/join", json=body, timeout=60)
            if not answer.is_success:
                return {"taken": len(taken), "status": answer.status_code, "answer": answer.json()["detail"]}
            taken.append(answer.json()["event_id"])
    finally:
        for event in reversed(taken):
            cancelled = {"session_hash": body["session_hash"], "fn_index": body["fn_index"], "event_id": event}
            httpx.post(f"{api}/cancel", json=cancelled, timeout=60)
    return {"taken": len(taken), "status": 200, "answer": ""}
