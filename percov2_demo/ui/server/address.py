"""Where the app is served: hosts of both kinds, any free port, and nothing of it through a proxy."""

import contextlib
import os
import socket
from collections.abc import Iterator


_PROXIES = ("http_proxy", "https_proxy", "all_proxy")


def address(host: str | None, port: int | None) -> tuple[str | None, int | None]:
    """Bring host and port to what gradio (6.31) takes: an IPv6 address in brackets, and no port 0.

    Args:
        host: The address to listen on, with or without brackets; None for this computer only.
        port: The port; 0 for any that is free, None for the first free one of the usual ports.

    Raises:
        OSError: No port is free, or the address is not this computer's.
    """
    if host is not None:
        host = host.strip("[]")
    is_ipv6 = host is not None and ":" in host
    if port == 0:
        family = socket.AF_INET6 if is_ipv6 else socket.AF_INET
        with socket.create_server((host or "127.0.0.1", 0), family=family) as probe:
            port = probe.getsockname()[1]
    return f"[{host}]" if is_ipv6 else host, port


@contextlib.contextmanager
def without_proxies() -> Iterator[None]:
    """Hide the environment's proxies: a server asks itself whether it is up, and a proxy cannot know."""
    hidden = {name: os.environ.pop(name) for name in list(os.environ) if name.lower() in _PROXIES}
    try:
        yield
    finally:
        os.environ.update(hidden)
