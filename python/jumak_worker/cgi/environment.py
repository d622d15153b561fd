"""The environment of a program (RFC3875§4.1): what the gateway says of the request, what the file that was found adds, and what the configuration names.

Invariant: nothing of the spawner's own environment is passed on. Pure.
"""

from __future__ import annotations

from typing import Dict

from .programs import Found, Program

#: Between gateway and spawner.
OURS = (b"JUMAK_PROGRAM", b"JUMAK_BELOW")
#: By which a successor finds what a spawner that died has left.
TOKEN = b"JUMAK_CGI"


def variables_of(parameters: Dict[bytes, bytes], program: Program, found: Found, token: bytes) -> Dict[bytes, bytes]:
    result = dict(program.variables)
    result.update(parameters)
    for name in OURS:
        result.pop(name, None)
    result[b"SCRIPT_NAME"] = parameters.get(b"SCRIPT_NAME", b"") + found.name
    result.setdefault(b"SCRIPT_FILENAME", found.path)
    if found.info:
        result[b"PATH_INFO"] = found.info
        root = parameters.get(b"DOCUMENT_ROOT", b"")
        # Without a directory of files the path means no file.
        if root:
            result[b"PATH_TRANSLATED"] = root + found.info
    # A shell reads more of a name than a request may say.
    result.pop(b"HTTP_PROXY", None)
    result[TOKEN] = token
    return result
