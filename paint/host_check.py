"""Who may ask the page's server for something: its own page, under an address of this machine."""

import asyncio
import functools
import ipaddress
import socket
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse

# The page needs nothing but itself, and no other page may show or read it.
HEADERS = {"Content-Security-Policy": "default-src 'self'; img-src 'self' data: blob:; "
                                      "frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
           "Cross-Origin-Resource-Policy": "same-origin", "Cross-Origin-Opener-Policy":
           "same-origin", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
           "Cache-Control": "no-store"}


class HostCheck:
    """Refuses what other pages ask for.

    A page elsewhere can make a browser ask this machine for something: under a name of its own that
    it lets point here (then `Host` is that name), or as what it is (then `Origin` is).

    Args:
        app: the application behind it.
        host: what `--host` says.
        outer: what `--url` says, such as https://faces.example.org; None if nothing.
    """

    def __init__(self, app, host, outer=None):
        name = socket.gethostname().lower()
        self.app, self.outer = app, outer
        # The last one is of mDNS, by which a machine tells others in its network of itself.
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
            refused = (f"{host}: is no name of this machine; use its number, or start the page "
                       f"with --url http://{host}")
        elif origin not in (None, self.outer, f"http://{host}"):
            refused = (f"{origin}: other pages may not use this one; if it is this one behind a "
                       f"proxy, start it with --url {origin}")
        elif headers.get("sec-fetch-site") == "cross-site" and scope["path"] != "/":
            refused = "other pages may not use this one"
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
        """Whether a `Host` is one that only this machine can have. No name that belongs to somebody
        else is a number."""
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host
        name = name.strip("[]").lower().rstrip(".")
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return name in self.names or name == await asyncio.to_thread(full_name)
        return True


@functools.cache
def full_name():
    """This machine's name with its domain. To find it may take seconds."""
    return socket.getfqdn().lower()
