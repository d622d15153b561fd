"""Flask with a host of its own."""

import os
import sys

from flask import Flask, jsonify, request, url_for

app = Flask(__name__)


@app.get("/about")
def about():
    return jsonify(
        name="admin",
        pid=os.getpid(),
        uid=os.getuid(),
        directory=os.getcwd(),
        python=sys.prefix,
        variables={key: value for key, value in os.environ.items() if key.startswith("SEVERAL_")},
        root=request.environ["SCRIPT_NAME"],
        path=request.environ["PATH_INFO"],
        links={
            "page": url_for("about"),
            "whole": url_for("about", _external=True),
            "static": url_for("static", filename="admin.css"),
        },
    )


@app.post("/count")
def count():
    return str(len(request.get_data()))
