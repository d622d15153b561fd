"""Starlette's own responses, for the end-to-end tests. What is to happen next waits for its turn: ``/go/``."""

import asyncio
import os
import tempfile

import starlette
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import ClientDisconnect
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

_turns = {}


def _turns_of(what):
    """Made on its loop, which for Python 3.9 is not that of the import."""
    if what not in _turns:
        _turns[what] = asyncio.Queue()
    return _turns[what]


async def go(request):
    _turns_of(request.path_params["what"]).put_nowait(None)
    return PlainTextResponse("")


async def events(request):
    async def lines():
        try:
            for number in range(1000):
                yield "data: %d\n\n" % number
                await _turns_of("events").get()
        finally:
            print("the events are over", flush=True)

    return StreamingResponse(lines(), media_type="text/event-stream")


def numbers(request):
    """A generator that is not async runs in threads."""
    return StreamingResponse(("%d\n" % number for number in range(10000)), media_type="text/plain")


async def background(request):
    async def later():
        await _turns_of("background").get()
        print("done in the background", flush=True)

    return JSONResponse({"starlette": starlette.__version__}, background=BackgroundTask(later))


async def disconnected(request):
    print("waiting for a client to go", flush=True)
    while not await request.is_disconnected():
        await asyncio.sleep(0.02)
    print("it has gone", flush=True)
    return PlainTextResponse("nobody reads this")


async def stopped(request):
    print("reading", flush=True)
    try:
        await request.body()
    except ClientDisconnect:
        print("the rest never came", flush=True)
    return PlainTextResponse("nobody reads this")


async def file(request):
    path = os.path.join(tempfile.gettempdir(), "jumak-test-file.txt")
    return FileResponse(path, filename="soup.txt")


class Noted:
    """Prints what kinds of messages the file's response is made of."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        async def noted(message):
            print("sent %s" % message["type"], flush=True)
            await send(message)

        await self.app(scope, receive, noted)


app = Starlette(
    routes=[
        Route("/go/{what}", go),
        Route("/events", events),
        Route("/numbers", numbers),
        Route("/background", background),
        Route("/disconnected", disconnected),
        Route("/stopped", stopped, methods=["POST"]),
        Mount("/noted", Noted(Starlette(routes=[Route("/file", file)]))),
        Mount("/static", StaticFiles(directory=os.path.dirname(__file__))),
    ]
)
