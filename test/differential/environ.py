"""Answers with its environ and the content of the request, as JSON. For gunicorn and for Jumak."""

import json
import os
import sys

#: Names that the two have in common.
VARIABLES = ("GREETING", "STAGE")


def application(environ, start_response):
    path = environ["PATH_INFO"]
    status = "204 No Content" if path.endswith("/empty") else "404 Not Found" if path.endswith("/nothing") else "200 OK"
    seen = {name: value for name, value in environ.items() if isinstance(value, (str, int, bool)) and name.isupper()}
    seen.update({name: value for name, value in environ.items() if name.startswith("wsgi.") and isinstance(value, (str, bool))})
    told = {
        "environ": seen,
        "content": environ["wsgi.input"].read().decode("latin-1"),
        "variables": {name: os.environ.get(name) for name in VARIABLES},
        "isBelow": os.path.basename(os.getcwd()) == "below",
        "imports": any(path.endswith("/extra") for path in sys.path),
    }
    body = b"" if status.startswith("204") else json.dumps(told, sort_keys=True).encode()
    start_response(status, [("Content-Type", "application/json"), ("X-Own", "1"), ("X-Own", "2")])
    return [body] if body else []


def paste(global_conf, **local):
    given = {name: value for name, value in global_conf.items() if name not in ("here", "__file__")}
    return make(given, **local)


def make(*args, **kwargs):
    def made(environ, start_response):
        environ["MADE"] = repr((args, sorted(kwargs.items())))
        return application(environ, start_response)

    return made
