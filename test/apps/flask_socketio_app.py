"""Flask-SocketIO: polls are requests, a WebSocket holds a thread, or a greenlet where ASYNC_MODE is gevent."""

import os

from flask import Flask, request
from flask_socketio import SocketIO

app = Flask(__name__)
socketio = SocketIO(app, async_mode=os.environ.get("ASYNC_MODE", "threading"), ping_interval=2)


@socketio.on("who")
def who(word):
    return [word, request.sid, os.getpid()]


@app.get("/")
def hello():
    return "hello"
