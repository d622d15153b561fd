"""Two clients of a Socket.IO server: URL, transports, the namespace. With a chat both enter a room and one speaks; `-` waits for one event.

Prints as JSON the transport in the end and what was heard.
"""

import json
import os
import queue
import sys

import socketio

url, transports, event, namespace, cookie = sys.argv[1:6]
heard = queue.Queue()


def connected():
    client = socketio.Client(reconnection=False)
    client.on(event, lambda *words: heard.put([event, *words]), namespace=namespace)
    client.connect(
        url,
        transports=transports.split("+"),
        namespaces=[namespace],
        headers={"Cookie": cookie} if cookie else {},
        wait_timeout=60,
    )
    return client


one = connected()
if namespace == "/":
    other = connected()
    for client in (one, other):
        assert client.call("enter", "tea", timeout=60) == ["tea"], "the room"
    one.emit("say", {"room": "tea", "text": "green"})
    got = [heard.get(timeout=60), heard.get(timeout=60)]
else:
    got = [heard.get(timeout=60)]
print(json.dumps({"transport": one.transport(), "heard": got}), flush=True)
# To disconnect, this client would wait for the end of its last poll.
os._exit(0)
