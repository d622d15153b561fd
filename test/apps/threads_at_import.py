"""Starts a thread while it is imported: in a forked copy that thread would be missing."""

import os
import threading
import time

beats = 0


def beat():
    global beats
    while True:
        beats += 1
        # wait: a thread that beats, as those of monitoring do
        time.sleep(0.05)


threading.Thread(target=beat, name="heartbeat", daemon=True).start()


def application(environ, start_response):
    """Says whether the thread lives in this process: alive only where the module was imported."""
    alive = any(thread.name == "heartbeat" and thread.is_alive() for thread in threading.enumerate())
    before = beats
    # wait: several beats of a thread that is alive
    time.sleep(0.2)
    body = b"pid %d, heartbeat %s" % (os.getpid(), b"alive" if alive and beats > before else b"missing")
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
