"""A Flask application for workers of greenlets: views that wait as ordinary code does, and say what they see."""

import os
import subprocess
import sys
import threading
import time

import requests
from flask import Flask, Response, request, send_file

app = Flask(__name__)
local = threading.local()
arrived = 0
all_arrived = threading.Event()
produced = 0


@app.get("/pid")
def pid():
    return str(os.getpid())


@app.get("/flags")
def flags():
    names = ("wsgi.multithread", "wsgi.multiprocess", "wsgi.run_once", "wsgi.input_terminated")
    return {name: request.environ[name] for name in names}


@app.get("/local")
def greenlet_local():
    """What another request has put there, while it runs."""
    seen = getattr(local, "value", "nothing")
    local.value = request.args["value"]
    wait_for(request.args.get("release"))
    return "%s %s" % (seen, local.value)


@app.get("/hold")
def hold():
    print("holding", flush=True)
    wait_for(request.args["release"])
    return str(os.getpid())


def wait_for(path):
    # wait: for the test, which makes the file
    while path and not os.path.exists(path):
        time.sleep(0.01)


@app.get("/together/<int:count>")
def together(count):
    """Answers when so many requests are here."""
    global arrived
    arrived += 1
    if arrived == count:
        all_arrived.set()
    all_arrived.wait()
    # wait: as a view that asks a slow service
    time.sleep(0.1)
    return str(arrived)


@app.get("/self")
def ask_myself():
    url = "%s://127.0.0.1:%s/pid" % (request.scheme, request.environ["SERVER_PORT"])
    return requests.get(url, timeout=30, verify=False).text


@app.get("/child")
def child():
    return subprocess.run([sys.executable, "-c", "print('from a child')"], stdout=subprocess.PIPE).stdout


@app.get("/fork")
def fork():
    pid = os.fork()
    if pid == 0:
        # wait: a child of gevent's may use the hub
        time.sleep(0.01)
        os._exit(7)
    return str(os.waitpid(pid, 0)[1] >> 8)


@app.get("/fork-back")
def fork_back():
    """The child comes back, as no child should."""
    pid = os.fork()
    if pid != 0:
        os.waitpid(pid, 0)
    return str(os.getpid())


@app.get("/lines/<name>")
def lines(name):
    print("%s begins, " % name, end="")
    wait_for(request.args.get("release"))
    print("%s ends" % name, flush=True)
    return name


@app.get("/crash")
def crash():
    raise RuntimeError("on purpose")


@app.post("/count")
def count():
    total = 0
    while True:
        piece = request.stream.read(65536)
        if not piece:
            return str(total)
        total += len(piece)
        # wait: slower than the client
        time.sleep(0.001)


@app.get("/file")
def file():
    return send_file(__file__)


@app.get("/pieces")
def pieces():
    releases = request.args.getlist("release")

    def make():
        for path in ["", *releases]:
            wait_for(path)
            yield "piece\n"

    return Response(make(), content_type="text/plain")


@app.get("/pour/<int:mebibytes>")
def pour(mebibytes):
    def make():
        global produced
        produced = 0
        try:
            for _ in range(mebibytes * 16):
                produced += 65536
                yield b"x" * 65536
        except GeneratorExit:
            print("the client has gone", flush=True)
            raise

    return Response(make())


@app.get("/produced")
def how_much():
    return str(produced)


@app.get("/hang")
def hang():
    threading.Event().wait()


@app.get("/compute")
def compute():
    print("computing", flush=True)
    end = time.perf_counter() + float(request.args["seconds"])
    while time.perf_counter() < end:
        pass
    return "computed"
