"""Runs CGI programs (RFC 3875) for the gateway, in a process of its own: never in an application's."""
