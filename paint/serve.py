#!/usr/bin/env python3
"""Serve the page to paint on."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import dcgan.cli.environment  # noqa: E402, F401  (first: it says so where packages are missing)

# isort: split
import signal  # noqa: E402
import socket  # noqa: E402
import tempfile  # noqa: E402
import webbrowser  # noqa: E402
from argparse import BooleanOptionalAction  # noqa: E402

from dcgan.cli import running  # noqa: E402  (the project's root is on the path only now)
from dcgan.cli.flags import Parser  # noqa: E402
from dcgan.messages import UserError  # noqa: E402
from dcgan.settings import Number, path  # noqa: E402

SECONDS = 3  # that a search has to end, when the server does


def parse_args(argv=None):
    parser = Parser(prog="serve.py", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1",
                        help="the address to listen on; 0.0.0.0: all that the machine has, so that "
                             "whoever can reach it can use the page")
    parser.add_argument("--port", type=Number(int, low=0, high=65535), default=8064,
                        help="0: any that is free")
    parser.add_argument("--checkpointDir", "--checkpoint_dir", type=path,
                        default="pretrained", help="as of complete.py")
    parser.add_argument("--open", action=BooleanOptionalAction, default=has_screen(),
                        help="open the page in a browser")
    return parser.parse_args(argv)


def has_screen():
    """Whether a browser would come up in a window, and not in this terminal."""
    return sys.platform == "darwin" or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


def listen(host, port):
    """A socket that listens; UserError if there can be none."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise UserError(f"--host {host} --port {port}: {error.strerror or error}; name another "
                        "port, or 0 for any that is free") from error


def interrupt(*_):
    """Let go of everything, as after Ctrl-C."""
    raise KeyboardInterrupt


def main(argv=None):
    config = parse_args(argv)
    dcgan.cli.environment.require(("starlette", "uvicorn"))
    import uvicorn

    from paint.network import Network
    from paint.server import Page

    listening = listen(config.host, config.port)
    host = f"[{config.host}]" if ":" in config.host else config.host
    address = f"http://{host}:{listening.getsockname()[1]}/"
    signal.signal(signal.SIGTERM, interrupt)  # until the server takes it, and afterwards
    signal.signal(signal.SIGHUP, lambda *_: signal.raise_signal(signal.SIGTERM))
    with tempfile.TemporaryDirectory(prefix="paint-") as folder:
        page = Page(folder, lambda: Network(config.checkpointDir))

        class Server(uvicorn.Server):
            def handle_exit(self, sig, frame):
                page.end()  # or it would wait for their end
                super().handle_exit(sig, frame)

        server = Server(uvicorn.Config(
            page.app(config.host), log_level="warning", timeout_graceful_shutdown=SECONDS,
            lifespan="off", server_header=False))
        page.network.add_done_callback(
            lambda network: network.exception() and setattr(server, "should_exit", True))
        print(f"{address} (Ctrl-C ends it)", flush=True)
        if config.open:
            webbrowser.open(address)
        try:
            server.run(sockets=[listening])
        except KeyboardInterrupt:
            pass
        finally:
            page.end()
        if page.network.done() and not page.network.cancelled():
            page.network.result()  # which raises what was wrong with the checkpoint
    print("ended; no picture that was sent is left")


if __name__ == "__main__":
    running.run(main, "serve.py")
