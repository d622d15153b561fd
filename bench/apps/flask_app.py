"""A small Flask view: routing, a query parameter, a response object."""

from flask import Flask, request

app = Flask(__name__)


@app.get("/<path:page>")
def page(page):
    return f"Page {page}, number {request.args.get('n', '0')}\n"
