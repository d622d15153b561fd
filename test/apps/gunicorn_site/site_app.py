"""Answers with what an application sees: variables, arguments of its factory, the environ as JSON."""

import json
import logging
import os
import time


def create_app(*args, **kwargs):
    def application(environ, start_response):
        if environ["PATH_INFO"] == "/slow":
            # wait: longer than the timeout of the file
            time.sleep(2.5)
        logging.getLogger("site").info("asked for %s", environ["PATH_INFO"])
        told = {name: value for name, value in environ.items() if isinstance(value, (str, bool))}
        told.update(args=args, kwargs=kwargs, greeting=os.environ.get("GREETING"), directory=os.getcwd())
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(told).encode()]

    return application


application = create_app()
