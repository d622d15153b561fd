"""Clients of `socketio_app.py`: URL, transport, number of clients, calls of each. Prints what each was answered, as JSON."""

import json
import os
import sys

import socketio

url, transport, clients, calls = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
opened = []
for _ in range(clients):
    client = socketio.Client(reconnection=False)
    client.connect(url, transports=transport.split("+"))
    opened.append(client)
answers = [[] for _ in opened]
for i in range(calls):
    for answer, client in zip(answers, opened):
        answer.append(client.call("who", "word %d" % i, timeout=30))
print(json.dumps(answers), flush=True)
# To disconnect, this client would wait for the end of its last poll.
os._exit(0)
