"""A FastAPI application as people start it with uvicorn: a factory, uvicorn's loggers, a WebSocket."""

import asyncio
import logging
import os
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request, WebSocket

# Who makes the application may have set it up: it is logged when the module is read.
logging.getLogger("uvicorn.error").info("imported by %s", __name__)


@asynccontextmanager
async def lifespan(app):
    logging.getLogger("uvicorn.error").info("started up")
    yield


def make():
    app = FastAPI(lifespan=lifespan)

    @app.get("/")
    async def home(request: Request):
        logging.getLogger("uvicorn").debug("not written")
        logging.getLogger("shop").info("asked for home")
        client = request.scope["client"]
        return {"client": client[0], "scheme": request.url.scheme, "greeting": os.environ.get("GREETING")}

    @app.get("/hold")
    async def hold(until: str):
        logging.getLogger("shop").info("asked to hold")
        # wait: until the test makes this file
        while not os.path.exists(until):
            await asyncio.sleep(0.01)
        return {"held": True}

    @app.put("/first")
    async def first(request: Request):
        async for piece in request.stream():
            return {"first": piece.decode()}

    @app.websocket("/echo")
    async def echo(socket: WebSocket):
        await socket.accept()
        async for text in socket.iter_text():
            await socket.send_text(text)

    return app
