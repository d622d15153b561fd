"""Imports well and has no application."""

settings = {"DEBUG": False}
