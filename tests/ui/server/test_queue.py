"""The queue that none can fill, on a server that is up."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import gradio as gr
import httpx
import pytest

from percov2_demo.ui.events import MODEL_QUEUE
from percov2_demo.ui.server.errors import SHARE_FULL_SENTENCE
from percov2_demo.ui.server.gradio_internals import share_queue_fairly


MOST = 16


@pytest.fixture
def served():
    """A server of one endpoint that waits for a gate and notes who was served; and all these."""
    gate, order = threading.Event(), []

    def work(name: str) -> str:
        gate.wait(20)
        order.append(name)
        return name

    with gr.Blocks(analytics_enabled=False) as demo:
        name = gr.Textbox()
        gr.Button().click(work, name, gr.Textbox(), api_name="work", **MODEL_QUEUE)
    share_queue_fairly(demo, MOST)
    _, url, _ = demo.launch(prevent_thread_lock=True, quiet=True, server_port=None)
    yield url, gate, order
    gate.set()
    demo.close()


def ask(url: str, name: str, page: str, address: str = "127.0.0.1") -> httpx.Response:
    """Join the queue as a page does, from one of this computer's own addresses."""
    body = {"data": [name], "fn_index": 0, "session_hash": page}
    with httpx.Client(transport=httpx.HTTPTransport(local_address=address)) as client:
        return client.post(f"{url}gradio_api/queue/join", json=body)


def wait_for(condition) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_page_gets_a_quarter_of_the_queue_and_an_address_half(served):
    url, _, _ = served
    answers = [ask(url, "a", "page 1") for _ in range(MOST)]
    taken = [answer for answer in answers if answer.is_success]
    # One of them runs, once the queue has got round to it.
    assert MOST // 4 <= len(taken) <= MOST // 4 + 1
    refused = answers[-1]
    assert (refused.status_code, refused.json()["detail"]) == (503, SHARE_FULL_SENTENCE)
    answers += [ask(url, "a", f"page {number}") for number in range(2, 2 + MOST)]
    assert MOST // 2 <= sum(answer.is_success for answer in answers) <= MOST // 2 + 1
    try:
        assert ask(url, "b", "page b", "127.0.0.2").is_success
    except httpx.ConnectError:
        pytest.skip("this computer has one address of its own")


def test_pages_take_turns(served):
    url, gate, order = served
    ask(url, "first", "page 0")
    for name in ("a1", "a2", "a3"):
        assert ask(url, name, "page a").is_success
    for name in ("b1", "c1"):
        assert ask(url, name, f"page {name}").is_success
    gate.set()
    wait_for(lambda: len(order) == 6)
    assert order[:2] == ["first", "a1"]
    assert set(order[2:4]) == {"b1", "c1"}
    assert order[4:] == ["a2", "a3"]


def test_requests_at_once_are_all_served(served):
    url, gate, order = served
    gate.set()
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda number: ask(url, str(number), f"page {number}"), range(6)))
    assert all(answer.is_success for answer in answers)
    wait_for(lambda: sorted(order) == [str(number) for number in range(6)])
