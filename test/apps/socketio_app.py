"""Socket.IO, with its sessions in the memory of the process."""

import os

import socketio

# A poll waits for the next ping at most.
server = socketio.AsyncServer(async_mode="asgi", ping_interval=2)
app = socketio.ASGIApp(server)


@server.event
async def who(sid, word):
    return [word, sid, os.getpid()]
