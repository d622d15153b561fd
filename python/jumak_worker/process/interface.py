"""Which interface an application has: ASGI 3, ASGI 2, or WSGI, which is what remains.

It is not called to find out. What tells, in this order: marks that libraries set, that calling it makes a coroutine, that its
instances can be awaited, the names of its parameters.
"""

from __future__ import annotations

import inspect
from typing import List, Optional

WSGI = "wsgi"
ASGI = "asgi"
ASGI_2 = "asgi 2"


def detect(application: object) -> str:
    # By asgiref, which Django and Channels use, for callables that do not look like what they are.
    if getattr(application, "_asgi_single_callable", False) is True:
        return ASGI
    if getattr(application, "_asgi_double_callable", False) is True:
        return ASGI_2
    if inspect.iscoroutinefunction(application):
        return ASGI
    if inspect.isclass(application):
        # To call it is to make an instance: which is awaited, or is called again (ASGI 2).
        names = _parameters(application)
        if names is None:
            return WSGI
        if hasattr(application, "__await__") or names[:3] == ["scope", "receive", "send"]:
            return ASGI
        return ASGI_2 if names == ["scope"] else WSGI
    if inspect.iscoroutinefunction(getattr(application, "__call__", None)):
        return ASGI
    names = _parameters(application)
    if names is not None and names[:3] == ["scope", "receive", "send"]:
        return ASGI
    return ASGI_2 if names == ["scope"] else WSGI


def _parameters(application: object) -> Optional[List[str]]:
    """Names; None for a callable that does not say: made in C, or with a signature of its own."""
    try:
        return list(inspect.signature(application).parameters)  # type: ignore[arg-type]
    except Exception:
        return None


def misfit(application: object) -> str:
    """Why a coroutine function cannot be an ASGI application; empty when it can, as far as one sees."""
    try:
        inspect.signature(application).bind(None, None, None)  # type: ignore[arg-type]
    except TypeError:
        names = _parameters(application)
        return "is asynchronous and takes (%s)" % ", ".join(names or ())
    except Exception:
        pass
    return ""
