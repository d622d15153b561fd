"""The first steps of CherryPy's tutorial, as a WSGI application: ``jumak app.py`` serves it."""

import random
import string

import cherrypy


class StringGenerator:
    @cherrypy.expose
    def index(self):
        return """<!doctype html><title>CherryPy</title>
            <form action="generate"><input name="length" value="8"> <button>Give it now!</button></form>"""

    @cherrypy.expose
    def generate(self, length=8):
        some_string = "".join(random.sample(string.hexdigits, int(length)))
        cherrypy.session["mystring"] = some_string
        return some_string

    @cherrypy.expose
    def display(self):
        return cherrypy.session.get("mystring", "nothing yet")


# Jumak serves: CherryPy's own server, its autoreload and its signal handlers stay off.
cherrypy.config.update({"environment": "embedded"})
application = cherrypy.Application(StringGenerator(), "", {"/": {"tools.sessions.on": True}})
