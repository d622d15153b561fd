"""Fails while it is imported, a few frames deep."""


def read_setting(name):
    raise RuntimeError("the setting %s is missing" % name)


def configure():
    read_setting("DATABASE_URL")


configure()


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"never"]
