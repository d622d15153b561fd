"""What ASGI applications do, with FastAPI and Starlette, for the end-to-end tests."""

import asyncio
import hashlib
import os
import sys
import tempfile
import time
from contextlib import asynccontextmanager

from fastapi import BackgroundTasks, Depends, FastAPI, Request, UploadFile, WebSocket, WebSocketDisconnect
from fastapi.responses import FileResponse, StreamingResponse

EVENTS = []
CLIENTS = set()


@asynccontextmanager
async def lifespan(app):
    print("started up", flush=True)
    yield {"opened": os.getpid()}
    print("shut down", flush=True)


app = FastAPI(lifespan=lifespan)


def opened(request: Request):
    return request.state.opened


@app.get("/json")
async def json(who: str = "you", opened: int = Depends(opened)):
    return {"hello": who, "pid": os.getpid(), "opened": opened}


@app.get("/scope")
async def scope(request: Request):
    keys = ("type", "http_version", "scheme", "path", "root_path", "client", "server")
    return {**{key: request.scope[key] for key in keys}, "id": request.headers["x-request-id"]}


@app.post("/upload")
async def upload(file: UploadFile):
    digest = hashlib.sha256()
    while chunk := await file.read(1 << 20):
        digest.update(chunk)
    return {"sha256": digest.hexdigest(), "name": file.filename}


@app.post("/count")
async def count(request: Request):
    """Counts the content as it comes, and keeps nothing of it."""
    size, pieces = 0, 0
    async for chunk in request.stream():
        size += len(chunk)
        pieces += 1
    return {"bytes": size, "pieces": pieces}


@app.get("/pour")
async def pour(megabytes: int):
    async def chunks():
        for _ in range(megabytes):
            yield b"x" * (1 << 20)

    return StreamingResponse(chunks(), media_type="application/octet-stream")


@app.get("/events")
async def events():
    async def lines():
        try:
            for number in range(10**6):
                yield "data: %d\n\n" % number
                # wait: an event stream that says something now and then
                await asyncio.sleep(0.05)
        finally:
            print("events are over", flush=True)

    return StreamingResponse(lines(), media_type="text/event-stream")


@app.get("/background")
async def background(tasks: BackgroundTasks):
    async def later():
        # wait: a task that takes longer than the response
        await asyncio.sleep(0.1)
        print("done in the background", flush=True)

    tasks.add_task(later)
    return {}


@app.get("/file")
async def file():
    path = os.path.join(tempfile.gettempdir(), "jumak-test-file.bin")
    return FileResponse(path)


@app.get("/crash")
async def crash():
    raise RuntimeError("on purpose")


@app.post("/die")
async def die():
    os._exit(9)


@app.get("/hang")
async def hang():
    print("hanging", flush=True)
    await asyncio.sleep(600)


@app.get("/block")
def block_answer():
    return {}


@app.get("/blocked")
async def blocked(release: str):
    """Blocks its event loop until there is such a file."""
    print("blocking", file=sys.stderr, flush=True)
    while not os.path.exists(release):
        # wait: a view that blocks its event loop
        time.sleep(0.05)
    return {}


@app.websocket("/echo")
async def echo(socket: WebSocket):
    await socket.accept()
    try:
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                print("left with", message["code"], message.get("reason"), flush=True)
                return
            if message.get("text") is not None:
                await socket.send_text(message["text"])
            else:
                await socket.send_bytes(message["bytes"])
    except WebSocketDisconnect:
        pass


@app.websocket("/broadcast")
async def broadcast(socket: WebSocket):
    await socket.accept()
    CLIENTS.add(socket)
    try:
        while True:
            text = await socket.receive_text()
            await asyncio.gather(*(client.send_text(text) for client in CLIENTS))
    except WebSocketDisconnect:
        CLIENTS.discard(socket)


@app.websocket("/choose")
async def choose(socket: WebSocket):
    await socket.accept(subprotocol="v2", headers=[(b"x-room", b"hearth")])
    await socket.close(4001, "enough")


@app.websocket("/deny")
async def deny(socket: WebSocket):
    await socket.close()
