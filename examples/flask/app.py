"""A small Flask application: `jumak app` in this directory (or just `jumak`: it finds app.py)."""

import time

from flask import Flask, jsonify, render_template_string, request, stream_with_context

app = Flask(__name__)
# More is refused with 413 before a view runs.
app.config["MAX_CONTENT_LENGTH"] = 64 * 1024 * 1024

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Flask at the inn</title>
<style>body { font: 1.05rem/1.6 system-ui, sans-serif; max-width: 36rem; margin: 3rem auto; padding: 0 1rem }</style>
<h1>Hello, {{ name }}</h1>
<form method="post"><label>Your name <input name="name" required></label> <button>Greet me</button></form>
<h2>Upload</h2>
<form method="post" action="/upload" enctype="multipart/form-data"><input type="file" name="file" required>
  <button>Count its bytes</button></form>
<h2>More</h2>
<ul>
  <li><a href="/json?a=1&amp;b=2">JSON</a></li>
  <li><a href="/stream">A stream</a></li>
  <li><a href="/error">An error</a></li>
</ul>
</html>
"""


@app.route("/", methods=["GET", "POST"])
def hello():
    return render_template_string(PAGE, name=request.form.get("name") or "traveller")


@app.get("/json")
def as_json():
    return jsonify(method=request.method, query=request.args.to_dict(), address=request.remote_addr)


@app.post("/upload")
def upload():
    file = request.files["file"]
    size = sum(len(part) for part in iter(lambda: file.stream.read(65536), b""))
    return jsonify(name=file.filename, size=size)


@app.get("/stream")
def stream():
    @stream_with_context
    def lines():
        for number in range(1, 11):
            yield "line %d\n" % number
            time.sleep(0.3)

    return lines(), {"Content-Type": "text/plain; charset=utf-8"}


@app.get("/error")
def error():
    raise RuntimeError("this view fails on purpose")
