"""Hosts, ports and proxies."""

import os

import pytest

from percov2_demo.ui.server.address import address, without_proxies


@pytest.mark.parametrize(
    ("host", "expected"), [(None, None), ("0.0.0.0", "0.0.0.0"), ("::1", "[::1]"), ("[::1]", "[::1]"), ("::", "[::]")]
)
def test_hosts_are_as_gradio_takes_them(host, expected):
    assert address(host, 7860) == (expected, 7860)
    assert address(host, None) == (expected, None)


@pytest.mark.parametrize("host", [None, "127.0.0.1", "::1"])
def test_port_0_is_one_that_is_free(host):
    try:
        _, port = address(host, 0)
    except OSError:
        pytest.skip("this computer has no such address")
    assert 0 < port < 65536


def test_an_address_of_another_computer_is_an_error():
    with pytest.raises(OSError):
        address("192.0.2.1", 0)


def test_proxies_are_hidden_and_come_back(monkeypatch):
    proxies = {"http_proxy": "http://127.0.0.1:9", "HTTPS_PROXY": "http://a", "ALL_PROXY": "gopher://b"}
    for name, value in proxies.items():
        monkeypatch.setenv(name, value)
    with without_proxies():
        assert not proxies.keys() & os.environ.keys()
    assert proxies.items() <= os.environ.items()
