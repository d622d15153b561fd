"""Applications that a call makes."""

import plain


def create_app():
    return plain.application


def create_broken():
    raise RuntimeError("the factory failed")


def needs_an_argument(settings):
    return plain.application
