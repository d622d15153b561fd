"""FastAPI below a prefix."""

import os
import sys
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request, WebSocket


@asynccontextmanager
async def lifespan(app):
    yield {"opened": os.getpid()}


app = FastAPI(title="Several", lifespan=lifespan)


@app.get("/about", name="about")
async def about(request: Request):
    return {
        "name": "api",
        "pid": os.getpid(),
        "uid": os.getuid(),
        "directory": os.getcwd(),
        "python": sys.prefix,
        "variables": {key: value for key, value in os.environ.items() if key.startswith("SEVERAL_")},
        "root": request.scope["root_path"],
        "path": request.scope["path"],
        "links": {"page": request.url_for("about").path, "whole": str(request.url_for("about"))},
    }


@app.post("/count")
async def count(request: Request):
    return len(await request.body())


@app.websocket("/echo")
async def echo(socket: WebSocket):
    await socket.accept()
    await socket.send_text("%s %s" % (socket.scope["root_path"], socket.url_for("echo").path))
    async for text in socket.iter_text():
        await socket.send_text(text)
