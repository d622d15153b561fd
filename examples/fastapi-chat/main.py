"""A chat, a stream and an upload with FastAPI: what ASGI is for. ``jumak main.py`` serves it."""

from __future__ import annotations

import asyncio
import hashlib
import os
import sys
import time
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, AsyncIterator, Dict

import fastapi
from fastapi import BackgroundTasks, FastAPI, Request, UploadFile, WebSocket, WebSocketDisconnect
from fastapi.responses import FileResponse, StreamingResponse
from fastapi.staticfiles import StaticFiles

from room import Room

HERE = Path(__file__).parent
MAX_NAME = 24
MAX_TEXT = 500


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[Dict[str, Any]]:
    room = Room()
    room.open()
    yield {"room": room}
    room.close()


app = FastAPI(title="The hearth", lifespan=lifespan, docs_url=None, redoc_url=None)
app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")


@app.get("/", include_in_schema=False)
async def home() -> FileResponse:
    return FileResponse(HERE / "static/index.html")


@app.get("/about")
async def about(request: Request) -> dict:
    loop = type(asyncio.get_running_loop())
    return {
        "worker": os.getpid(),
        "server": f"HTTP/{request.scope['http_version']}, {loop.__module__.partition('.')[0]}",
        "python": "%d.%d.%d" % sys.version_info[:3],
        "fastapi": fastapi.__version__,
    }


@app.websocket("/chat")
async def chat(socket: WebSocket, name: str = "a stranger") -> None:
    room: Room = socket.state.room
    name = " ".join(name.split())[:MAX_NAME] or "a stranger"
    await socket.accept()
    await socket.send_json({"kind": "welcome", "worker": os.getpid(), "remembered": room.remembered})
    queue = room.enter(name)
    room.say({"kind": "enters", "name": name, "worker": os.getpid(), "at": time.time()})
    sender = asyncio.create_task(_deliver(socket, queue))
    try:
        while True:
            text = (await socket.receive_text()).strip()[:MAX_TEXT]
            if text:
                room.say({"kind": "says", "name": name, "text": text, "worker": os.getpid(), "at": time.time()})
    except WebSocketDisconnect:
        pass
    finally:
        sender.cancel()
        room.leave(queue)
        room.say({"kind": "leaves", "name": name, "worker": os.getpid(), "at": time.time()})


async def _deliver(socket: WebSocket, queue: asyncio.Queue) -> None:
    while True:
        await socket.send_json(await queue.get())


@app.get("/kettle")
async def kettle() -> StreamingResponse:
    """Server-sent events: the water warms up."""

    async def events() -> AsyncIterator[str]:
        for degrees in range(20, 101, 4):
            yield f"data: {degrees}\n\n"
            await asyncio.sleep(0.15)
        yield "event: done\ndata: 100\n\n"

    return StreamingResponse(events(), media_type="text/event-stream", headers={"Cache-Control": "no-store"})


@app.post("/weigh")
async def weigh(parcel: UploadFile, background: BackgroundTasks) -> dict:
    digest = hashlib.sha256()
    size = 0
    while chunk := await parcel.read(64 * 1024):
        digest.update(chunk)
        size += len(chunk)
    background.add_task(print, f"weighed {parcel.filename}: {size} bytes", flush=True)
    return {"name": parcel.filename, "bytes": size, "sha256": digest.hexdigest()}


@app.get("/slow")
async def slow(seconds: float = 1.0) -> dict:
    await asyncio.sleep(min(seconds, 60))
    return {"slept": seconds, "worker": os.getpid()}


@app.post("/crash", status_code=204)
async def crash() -> None:
    """Ends this worker at once. Those who talk through it are told with close code 1011, and come back."""
    os._exit(1)
