"""Allows requests only from the server's own page, at an address of this machine."""

import asyncio
import functools
import ipaddress
import socket
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse

# The page loads only its own files, and no other page may embed or read it.
HEADERS = {"Content-Security-Policy": "default-src 'self'; img-src 'self' data: blob:; "
                                      "frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
           "Cross-Origin-Resource-Policy": "same-origin", "Cross-Origin-Opener-Policy":
           "same-origin", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
           "Cache-Control": "no-store"}


class HostCheck:
    """Refuses requests of other pages.

    Another page can make a browser send requests to this machine: from a host name that the page's
    owner points here (then `Host` is that name), or from its own origin (then `Origin` is that).

    Args:
        app: the application that receives allowed requests.
        host: the value of `--host`.
        outer: the value of `--url`, such as https://faces.example.org; None if it is not given.
    """

    def __init__(self, app, host, outer=None):
        name = socket.gethostname().lower()
        self.app, self.outer = app, outer
        # The last name is the one that mDNS announces in the local network.
        self.names = {"localhost", host.lower(), name, f"{name.partition('.')[0]}.local"}
        if outer:
            self.names.add(urlsplit(outer).hostname)

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        host, origin = headers.get("host", ""), headers.get("origin")
        if not await self.is_here(host):
            refused = (f"{host}: not a known name of this machine; open the page by IP address, or "
                       f"start it with --url http://{host}")
        elif origin not in (None, self.outer, f"http://{host}"):
            refused = (f"{origin}: other pages may not use this server; if this is its own page "
                       f"behind a proxy, start it with --url {origin}")
        elif headers.get("sec-fetch-site") == "cross-site" and scope["path"] != "/":
            refused = "other pages may not use this server"
        else:
            refused = None

        async def send_guarded(message):
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *(
                    (name.lower().encode(), value.encode()) for name, value in HEADERS.items())]
            await send(message)

        app = self.app if refused is None else JSONResponse({"error": refused}, 403)
        await app(scope, receive, send_guarded)

    async def is_here(self, host):
        """Whether a `Host` belongs to this machine. An IP address does, because nobody else can let
        one point here."""
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host
        name = name.strip("[]").lower().rstrip(".")
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return name in self.names or name == await asyncio.to_thread(full_name)
        return True


@functools.cache
def full_name():
    """This machine's name with its domain. The lookup may take seconds."""
    return socket.getfqdn().lower()
