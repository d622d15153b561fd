"""Flask-SocketIO with threads: polls are requests, a WebSocket holds a thread."""

import os

from flask import Flask, request
from flask_socketio import SocketIO

app = Flask(__name__)
socketio = SocketIO(app, async_mode="threading", ping_interval=2)


@socketio.on("who")
def who(word):
    return [word, request.sid, os.getpid()]


@app.get("/")
def hello():
    return "hello"
