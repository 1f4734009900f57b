"""The command that serves the app, where others do not start: behind proxies, at an address of IPv6, at any port."""

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.conftest import tiny_pipeline


ROOT = Path(__file__).parents[3]

pytestmark = pytest.mark.server


@pytest.mark.skipif(not socket.has_ipv6, reason="this computer has no IPv6")
def test_a_kiosk_is_served_at_ipv6_at_any_port_behind_proxies_that_lead_nowhere(tmp_path):
    tiny_pipeline().save_pretrained(tmp_path / "model")
    nowhere = {"http_proxy": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9", "ALL_PROXY": "gopher://a:1"}
    command = [sys.executable, "-u", "-m", "percov2_demo", "serve", "--kiosk", "--model", "model"]
    command += ["--host", "::1", "--port", "0"]
    environment = {name: value for name, value in os.environ.items() if name != "GRADIO_TEMP_DIR"}
    environment |= nowhere | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True) as server:
        try:
            url = next(match[0] for line in server.stdout if (match := re.search(r"http://\[::1\]:\d+", line)))
            assert not url.endswith(":0")
            with httpx.Client(trust_env=False) as client:
                page = client.get(url, timeout=60).text
            assert "PerCoV2 Explorer" in page
            assert "percov2-kiosk" in page
        finally:
            server.send_signal(signal.SIGTERM)
            assert server.wait(30) == 0
