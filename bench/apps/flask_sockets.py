"""Messages of WebSockets that are sent back, from WSGI: flask-sock, which is simple-websocket."""

from flask import Flask
from flask_sock import Sock

app = Flask(__name__)
sock = Sock(app)


@sock.route("/")
def echo(ws):
    while True:
        ws.send(ws.receive())


@app.get("/hello")
def hello():
    return "hello"
