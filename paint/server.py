"""The page's requests and the server's answers."""

import asyncio
import concurrent.futures
import contextlib
import functools
import json
import os
import urllib.parse

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from dcgan.faces import alignment
from dcgan.files import listing
from dcgan.messages import UserError, first_line, kept_warnings
from paint import searching, uploads
from paint.host_check import HostCheck
from paint.request import USUAL, describe, parse
from paint.searching import Cancelled, Search
from paint.uploads import MOST_BYTES, Uploads

HERE = os.path.dirname(os.path.abspath(__file__))
SAMPLES = os.path.join(os.path.dirname(HERE), "docs", "samples")


class TooLarge(Exception):
    """A request is too large."""


class Page:
    """The server behind the page.

    Args:
        folder: an empty folder for uploads.
        checkpoint: the checkpoint, given as for `--checkpointDir`.
    """

    def __init__(self, folder, checkpoint):
        self.uploads = Uploads(folder)
        # One search runs at a time; faces are found in a second thread.
        self.searcher, self.finder = (
            concurrent.futures.ThreadPoolExecutor(1, name) for name in ("search", "faces"))
        self.dcgan = self.searcher.submit(searching.load, checkpoint)
        self.searcher.submit(lambda: searching.warm_up(self.dcgan.result()))
        self.waiting = []  # unfinished searches, in their order

    def end(self):
        """Stop all searches."""
        for search in self.waiting:
            search.cancelled = True
        for pool in (self.searcher, self.finder):
            pool.shutdown(wait=False, cancel_futures=True)

    def app(self, host, outer=None):
        """The application.

        Args:
            host: the value of `--host`.
            outer: the value of `--url`.
        """
        routes = [
            Route("/", self.page), Route("/about", self.about),
            Route("/samples/{name:path}", self.sample),
            Route("/pictures", self.upload, methods=["POST"]),
            Route("/pictures/{id}", self.leave, methods=["DELETE"]),
            Route("/pictures/{id}/shown.png", self.shown),
            Route("/pictures/{id}/faces", self.faces),
            Route("/pictures/{id}/search", self.search, methods=["POST"]),
            Route("/pictures/{id}/results/{number:int}/stop", self.stop, methods=["POST"]),
            Route("/pictures/{id}/results/{number:int}/{name}", self.result),
            Mount("/page", StaticFiles(directory=os.path.join(HERE, "page")))]
        statuses = {UserError: 400, TooLarge: 413, KeyError: 404, OSError: 507}
        return Starlette(routes=routes, middleware=[Middleware(HostCheck, host=host, outer=outer)],
                         exception_handlers={kind: error_answer(status)
                                             for kind, status in statuses.items()})

    async def page(self, request):
        return FileResponse(os.path.join(HERE, "page", "page.html"))

    async def about(self, request):
        """What the page needs first: settings, limits and samples."""
        return JSONResponse({"settings": describe(), "preset": USUAL["preset"],
                             "most": MOST_BYTES, "samples": samples()})

    async def sample(self, request):
        name = request.path_params["name"]
        if name not in samples():
            raise KeyError(f"{name}: no such sample")
        return FileResponse(os.path.join(SAMPLES, name))

    # A picture

    def picture(self, request):
        """The picture of a request; KeyError if the server no longer has it."""
        picture = self.uploads.get(request.path_params["id"])
        if picture is None:
            raise KeyError("the picture is no longer here; choose it again")
        return picture

    async def upload(self, request):
        name = urllib.parse.unquote(request.headers.get("x-name", ""))
        data = await body(request, MOST_BYTES, name)
        picture = await self.in_background(self.uploads.add, name, data)
        return JSONResponse(picture.describe())

    async def leave(self, request):
        self.uploads.remove(request.path_params["id"])
        return Response(status_code=204)

    async def shown(self, request):
        return FileResponse(self.picture(request).shown_path)

    async def faces(self, request):
        """The three points of each face; their places in the network's frame; and whether the
        picture is already an aligned face."""
        picture = self.picture(request)
        faces = await self.in_background(picture.faces)
        dcgan = await asyncio.wrap_future(self.dcgan)
        size = (dcgan.image_size,) * 2
        template = alignment.template(uploads.POINTS, dcgan.margin).tolist()
        return JSONResponse({"faces": faces, "template": template, "fits": picture.size == size})

    async def in_background(self, function, *values):
        """The result of a function that runs in parallel to the searches."""
        return await asyncio.get_running_loop().run_in_executor(
            self.finder, functools.partial(function, *values))

    # A search

    async def search(self, request):
        """Answer with lines of JSON during the search."""
        picture = self.picture(request)
        message = await body(request, MOST_BYTES, "the mask")
        search = Search(picture, parse(message))
        return StreamingResponse(self.follow(search), media_type="application/x-ndjson",
                                 headers={"X-Accel-Buffering": "no"})  # or nginx would buffer them

    async def follow(self, search):
        """Yield a search's messages; if the page closes the connection, the search stops."""
        loop, messages = asyncio.get_running_loop(), asyncio.Queue()

        def tell(what):
            with contextlib.suppress(RuntimeError):  # the server has ended
                loop.call_soon_threadsafe(messages.put_nowait, what)

        def run():
            try:
                if not search.cancelled:
                    search.run(self.dcgan.result(), tell)
            except Cancelled:
                tell({"error": "the search was cancelled"})
            except (UserError, OSError) as error:
                tell({"error": text_of(error)})
            except Exception as error:  # or the page would wait forever
                tell({"error": f"{type(error).__name__}: {first_line(error)}"})
                raise
            finally:
                tell(None)

        self.waiting.append(search)
        future = self.searcher.submit(run)
        number, before = search.picture.results.index(search), None
        yield json_line({"number": number})
        try:
            while True:
                ahead = self.waiting.index(search)
                if ahead != before and not future.done() and (ahead or before):
                    yield json_line({"ahead": ahead})
                before = ahead
                try:
                    what = await asyncio.wait_for(messages.get(), 0.5)
                except TimeoutError:
                    continue
                if what is None:
                    return
                yield json_line(what)
        finally:
            search.cancelled = True
            self.waiting.remove(search)

    def found(self, request):
        """The search of a request."""
        results, number = self.picture(request).results, request.path_params["number"]
        if number >= len(results):
            raise KeyError("no such result")
        return results[number]

    async def stop(self, request):
        self.found(request).stopped = True
        return Response(status_code=204)

    async def result(self, request):
        """A file of a result: the picture as shown, or a file to download."""
        search, name = self.found(request), request.path_params["name"]
        if name in ("mask.png", "landmarks.txt"):
            return file_answer(os.path.join(search.folder, name), filename=name)
        if search.completion is None:
            raise KeyError("the search is not finished")
        candidate = request.query_params.get("candidate")
        candidate = int(candidate) if (candidate or "").isdecimal() else None
        paths = await self.in_background(search.save, candidate)
        if name == "shown.png":
            return file_answer(search.shown_path(candidate))
        path = next((path for path in paths if path.endswith(f".{name}")), None)
        if path is None:
            raise KeyError(f"{name}: no such file")
        return file_answer(path, filename=os.path.basename(path))


def samples():
    """The pictures in docs/samples, as relative paths; empty if there is no such folder."""
    with kept_warnings():  # skipped files are not the user's concern
        try:
            found = listing.list_images([SAMPLES])
        except UserError:
            return []
    return [os.path.relpath(path, SAMPLES) for path in found]


def file_answer(path, **more):
    """A file of a result; KeyError if it was deleted."""
    if not os.path.exists(path):
        raise KeyError("the result is no longer here; complete the picture again")
    return FileResponse(path, **more)


async def body(request, most, name):
    """The body of a request; TooLarge if it has more than `most` bytes."""
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > most:
            raise TooLarge(f"{name}: is larger than {most >> 20} MB; choose a smaller file")
    return bytes(data)


def json_line(what):
    """An object as a line of JSON."""
    return json.dumps(what) + "\n"


def text_of(error):
    """An error's message, in one line."""
    if isinstance(error, OSError):
        return ("the server cannot keep files in its temporary folder: "
                f"{error.strerror or error}")
    return str(error.args[0] if error.args else error)


def error_answer(status):
    """An error handler that answers with the status and the error's message."""
    async def answer(request, error):
        return JSONResponse({"error": text_of(error)}, status)

    return answer
