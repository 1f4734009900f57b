"""The proxy's configuration, in front of two replicas that say nothing but their names."""

import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest


CONFIGURATION = Path(__file__).parent.parent / "spaces_config" / "replicas" / "haproxy.cfg"
HAPROXY = shutil.which("haproxy") or "/usr/sbin/haproxy"
REPLICAS = ("one", "two")
CHECK = "/gradio_api/app_id"

pytestmark = pytest.mark.skipif(not Path(HAPROXY).is_file(), reason="no haproxy")


class Replica(ThreadingHTTPServer):
    """Answers with its name until it is stopped, the proxy's checks so many seconds later as `delay` says."""

    def __init__(self, name: str):
        self.delay = 0.0

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path == CHECK:
                    time.sleep(self.server.delay)
                self.send_response(200)
                self.send_header("Content-Length", str(len(name)))
                self.end_headers()
                self.wfile.write(name.encode())

            def log_message(self, *_: object) -> None:
                """Silent."""

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self.shutdown()
        self.server_close()


@pytest.fixture
def replicas() -> Iterator[dict[str, Replica]]:
    running = {name: Replica(name) for name in REPLICAS}
    yield running
    for replica in running.values():
        replica.stop()


@pytest.fixture
def address(replicas, tmp_path) -> Iterator[str]:
    """The proxy's, with the configuration's ports exchanged for free ones, and checks in quick succession."""
    ports = {7861: replicas["one"].server_port, 7862: replicas["two"].server_port}
    ports |= {port: free_port() for port in (7858, 7859, 7860)}
    text = re.sub(r":(78\d\d)\b", lambda match: f":{ports[int(match[1])]}", CONFIGURATION.read_text())
    text = text.replace("inter 2s", "inter 50ms")
    path = tmp_path / "haproxy.cfg"
    path.write_text(text)
    process = subprocess.Popen([HAPROXY, "-f", path], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{ports[7860]}/"
    try:
        wait_until_served(url)
        yield url
    finally:
        process.kill()
        process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_served(url: str) -> None:
    for _ in range(200):
        with suppress(httpx.TransportError):
            httpx.get(url)
            return
        time.sleep(0.05)
    raise AssertionError("the proxy does not answer")


def test_the_configuration_is_valid():
    checked = subprocess.run([HAPROXY, "-c", "-f", CONFIGURATION], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr
    assert "WARNING" not in checked.stderr


def test_visitors_are_shared_out_and_each_stays(address):
    visitors = [httpx.Client(base_url=address) for _ in range(4)]
    replicas = [visitor.get("/").text for visitor in visitors]
    assert sorted(replicas) == ["one", "one", "two", "two"]
    for _ in range(3):
        assert [visitor.get("/gradio_api/queue/data").text for visitor in visitors] == replicas


def test_a_program_without_cookies_stays(address):
    assert len({httpx.get(f"{address}gradio_api/call/{number}").text for number in range(6)}) == 1


def test_visitors_of_a_replica_that_is_gone_go_to_the_other_one(address, replicas):
    with httpx.Client(base_url=address, timeout=30) as visitor:
        first = visitor.get("/").text
        (other,) = set(REPLICAS) - {first}
        replicas[first].stop()
        assert {visitor.get("/gradio_api/heartbeat").text for _ in range(3)} == {other}


def test_a_slow_replica_keeps_its_visitors(address, replicas):
    visitors = [httpx.Client(base_url=address) for _ in range(2)]
    served = [visitor.get("/").text for visitor in visitors]
    assert set(served) == set(REPLICAS)
    for replica in replicas.values():
        replica.delay = 0.3
    time.sleep(1.5)
    assert [visitor.get("/").text for visitor in visitors] == served
