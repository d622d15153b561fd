"""Needs a module that is not there."""

import a_module_that_is_not_there


def application(environ, start_response):
    return a_module_that_is_not_there.respond(environ, start_response)
