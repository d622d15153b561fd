"""
The Python package `h2` at the other end of a connection: streams that are open in both directions, trailers, a WebSocket (RFC 8441), a reset
of each side. Run by a test: the port, the authority's file. Prints what it got, as JSON.
"""

import json
import socket
import ssl
import sys

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import DataReceived, ResponseReceived, StreamEnded, StreamReset, TrailersReceived

# RFC6455§5.2: a final frame of text, masked by zeros, which change nothing.
TEXT = b"\x81\x84\0\0\0\0soup"
CLOSE = b"\x88\x82\0\0\0\0\x03\xe9"


class Client:
    def __init__(self, port, authority):
        context = ssl.create_default_context(cafile=authority)
        context.set_alpn_protocols(["h2"])
        self.socket = context.wrap_socket(socket.create_connection(("127.0.0.1", port)), server_hostname="127.0.0.1")
        self.h2 = H2Connection(H2Configuration(header_encoding="utf-8"))
        self.h2.initiate_connection()
        self.events = []
        self.data = {}

    def request(self, method, path, more=(), end=False):
        stream = self.h2.get_next_available_stream_id()
        fields = [(":method", method), (":scheme", "https"), (":authority", "t"), (":path", path), *more]
        self.h2.send_headers(stream, fields, end_stream=end)
        self.data[stream] = b""
        self.flush()
        return stream

    def send(self, stream, data):
        self.h2.send_data(stream, data)
        self.flush()

    def flush(self):
        self.socket.sendall(self.h2.data_to_send())

    def read(self):
        received = self.socket.recv(65536)
        assert received, "the server has ended the connection"
        for event in self.h2.receive_data(received):
            if isinstance(event, DataReceived):
                self.data[event.stream_id] += event.data
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            self.events.append(event)
        self.flush()

    def until_data(self, stream, data):
        while data not in self.data[stream]:
            self.read()

    def event(self, stream, kind):
        """The first one of this kind, which may be still to come."""
        while True:
            for event in self.events:
                if isinstance(event, kind) and event.stream_id == stream:
                    return event
            self.read()


def main():
    client = Client(int(sys.argv[1]), sys.argv[2])
    found = {}

    echo = client.request("POST", "/echo", [("te", "trailers"), ("trailer", "x-sent")])
    for piece in (b"first", b"second"):
        client.send(echo, piece)
        # It is here before the request has ended.
        client.until_data(echo, piece)
    client.h2.send_headers(echo, [("x-sent", "2")], end_stream=True)
    client.flush()
    found["trailers"] = client.event(echo, TrailersReceived).headers
    client.event(echo, StreamEnded)

    web_socket = client.request("CONNECT", "/", [(":protocol", "websocket"), ("sec-websocket-version", "13")])
    found["socket"] = dict(client.event(web_socket, ResponseReceived).headers)[":status"]
    client.send(web_socket, TEXT)
    client.until_data(web_socket, b"2 soup")
    client.send(web_socket, CLOSE)
    client.event(web_socket, StreamEnded)
    found["frames"] = client.data[web_socket].hex()

    gone = client.request("GET", "/listen", end=True)
    client.until_data(gone, b"listening")
    client.h2.reset_stream(gone, ErrorCodes.CANCEL)
    client.flush()

    cut = client.request("GET", "/listen", end=True)
    client.until_data(cut, b"listening")
    client.request("POST", "/kill", end=True)
    found["cut"] = client.event(cut, StreamReset).error_code
    found["data"] = client.data[cut].decode()
    # The connection goes on.
    after = client.request("GET", "/", end=True)
    client.event(after, StreamEnded)
    found["after"] = client.data[after].decode()
    print(json.dumps(found))


main()
