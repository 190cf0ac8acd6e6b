#!/usr/bin/env python3
"""Serve the page on which to paint a mask."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import dcgan.cli.environment  # first: it names missing packages

import contextlib
import ipaddress
import signal
import socket
import tempfile
import threading
import webbrowser
from argparse import ArgumentTypeError, BooleanOptionalAction
from urllib.parse import urlsplit

from dcgan.cli import running
from dcgan.cli.flags import Parser
from dcgan.machine import signals
from dcgan.messages import UserError
from dcgan.settings import Number, path

SECONDS = 15  # that a search may take to stop when the server ends: an iteration of the largest one


def parse_args(argv=None):
    parser = Parser(prog="serve.py", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1",
                        help="address to listen on. 0.0.0.0 stands for all addresses of this "
                             "machine: everybody who can reach it can then use the page")
    parser.add_argument("--port", type=Number(int, low=0, high=65535), default=8064,
                        metavar="N",
                        help="port to listen on; 0 stands for any free port")
    parser.add_argument("--url", type=outer_address,
                        help="public address of the page, if it is behind a proxy, such as "
                             "https://faces.example.org")
    parser.add_argument("--checkpointDir", "--checkpoint_dir", type=path,
                        default="pretrained", metavar="PATH",
                        help="folder of checkpoints, or one checkpoint without its suffix; "
                             "pretrained is the network that ships with this program")
    parser.add_argument("--open", action=BooleanOptionalAction, default=has_screen(),
                        help="open the page in a browser")
    return parser.parse_args(argv)


def outer_address(text):
    """Parse an address such as https://faces.example.org: in lower case, without its path."""
    try:
        parts = urlsplit(text.lower())
        host, port = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.scheme not in ("http", "https"):
        raise ArgumentTypeError(f"{text}: must be an address such as https://faces.example.org")
    host = f"[{host}]" if ":" in host else host
    usual = {"http": 80, "https": 443}[parts.scheme]  # browsers leave it out
    return f"{parts.scheme}://{host}" + (f":{port}" if port not in (None, usual) else "")


def addresses(host, listening):
    """The addresses of the page on this machine and on others; the second is None if none is known.

    Args:
        host: the value of `--host`.
        listening: the listening socket.
    """
    number, port = listening.getsockname()[:2]
    here, elsewhere = host, None
    if ipaddress.ip_address(number.partition("%")[0]).is_unspecified:  # browsers cannot open it
        here = "::1" if ":" in number else "127.0.0.1"
        elsewhere = own_number(listening.family)
    return [each and f"http://{f'[{each}]' if ':' in each else each}:{port}/"
            for each in (here, elsewhere)]


def own_number(family):
    """The IP address at which other machines reach this one; None without a network."""
    # Nothing is sent: the system only looks up the route to these documentation addresses.
    elsewhere = "2001:db8::1" if family == socket.AF_INET6 else "192.0.2.1"
    with socket.socket(family, socket.SOCK_DGRAM) as looking, contextlib.suppress(OSError):
        looking.connect((elsewhere, 9))
        return looking.getsockname()[0]


def has_screen():
    """Whether a browser would open in a window, not in this terminal."""
    return sys.platform == "darwin" or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


def listen(host, port):
    """A listening socket; UserError if the address or the port cannot be used."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise UserError(f"--host {host} --port {port}: {error.strerror or error}; choose another "
                        "--port, or 0 for any free port") from error


def interrupt(*_):
    """End the server as Ctrl-C does."""
    raise KeyboardInterrupt


def main(argv=None):
    config = parse_args(argv)
    dcgan.cli.environment.require(("starlette", "uvicorn"))
    import uvicorn

    from paint.server import Page

    listening = listen(config.host, config.port)
    address, elsewhere = addresses(config.host, listening)
    signal.signal(signal.SIGTERM, interrupt)  # before the server handles it, and after
    if signal.SIGHUP in signals.that_stop():
        signal.signal(signal.SIGHUP, lambda *_: signal.raise_signal(signal.SIGTERM))
    with tempfile.TemporaryDirectory(prefix="paint-") as folder:
        page = Page(folder, config.checkpointDir)

        class Server(uvicorn.Server):
            async def startup(self, sockets=None):
                await super().startup(sockets)
                if config.open:  # in a thread: some browsers stay in the foreground
                    threading.Thread(target=webbrowser.open, args=[address], daemon=True).start()

            def handle_exit(self, sig, frame):
                page.end()  # or the server would wait for the searches
                super().handle_exit(sig, frame)

        server = Server(uvicorn.Config(
            page.app(config.host, config.url), log_level="warning", lifespan="off",
            timeout_graceful_shutdown=SECONDS, server_header=False))
        page.dcgan.add_done_callback(
            lambda dcgan: dcgan.exception() and setattr(server, "should_exit", True))
        others = config.url or elsewhere
        print(f"{address} (Ctrl-C ends it)"
              + (f"; from other machines: {others}" if others else ""), flush=True)
        try:
            server.run(sockets=[listening])
        except KeyboardInterrupt:
            pass
        finally:
            page.end()
        if page.dcgan.done() and not page.dcgan.cancelled():
            page.dcgan.result()  # raises the checkpoint's error
    print("ended; all uploaded pictures are deleted")


if __name__ == "__main__":
    running.run(main, "serve.py")
