"""No framework at all: it says by which path it was reached."""


def application(environ, start_response):
    body = "%s|%s" % (environ["SCRIPT_NAME"], environ["PATH_INFO"])
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [body.encode("latin-1")]
