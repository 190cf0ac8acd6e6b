"""The page's server in the tests' own process, with a small network."""

import contextlib
import http.client
import json
import os
import shlex
import socket
import threading
import time
import urllib.parse

from conftest import load_script


@contextlib.contextmanager
def serving(checkpoint, folder, outer=None):
    """Yields `(page, port)`: the `paint.server.Page`, and where it listens."""
    import uvicorn

    from paint.server import Page

    page = Page(str(folder), str(checkpoint))
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(page.app("127.0.0.1", outer), log_level="warning",
                                           lifespan="off", timeout_graceful_shutdown=3))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield page, listening.getsockname()[1]
    finally:
        page.end()
        server.should_exit = True
        thread.join()
        page.searcher.shutdown()


class Client:
    """Asks the server as the page does."""

    def __init__(self, port):
        self.port = port

    def ask(self, method, path, body=None, **headers):
        """`(status, headers, body)` of an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        with contextlib.closing(connection):
            connection.request(method, path, body, {k.replace("_", "-"): v
                                                    for k, v in headers.items()})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()

    def send(self, path):
        """What the server says of a picture that is sent."""
        status, _, body = self.ask("POST", "/pictures", path.read_bytes(),
                                   X_Name=urllib.parse.quote(path.name))
        return status, json.loads(body)

    def begin(self, picture, mask, **asked):
        """The connection of a search, of which lines can be read."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        connection.request("POST", f"/pictures/{picture}/search",
                           json.dumps({"mask": mask} | asked))
        return connection, connection.getresponse()

    def search(self, picture, mask, **asked):
        """All that a search tells, a list of dicts."""
        connection, answer = self.begin(picture, mask, **asked)
        with contextlib.closing(connection):
            return [json.loads(line) for line in answer]


def until(true, seconds=60):
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def repeated(command, picture, folder):
    """What complete.py makes of the command that the page shows, by file name."""
    words = shlex.split(command)
    assert [words[0], os.path.normpath(words[1])] == ["./complete.py", picture.name]
    here = os.getcwd()
    os.chdir(folder)
    try:
        load_script("complete.py").main(words[1:])
    finally:
        os.chdir(here)
    return {path.name: path.read_bytes()
            for path in (folder / "completions" / "photos").iterdir() if path.name[0] != "."}
