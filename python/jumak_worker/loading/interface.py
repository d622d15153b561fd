"""Which interface an application has: ASGI 3, ASGI 2, or else WSGI.

The application is not called to find out. These tell, in this order: marks that libraries set; that a call makes a coroutine; that its
instances can be awaited; the names of its parameters.
"""

from __future__ import annotations

import inspect
from typing import Any, List, Optional

WSGI = "wsgi"
ASGI = "asgi"
ASGI_2 = "asgi 2"


def detect(application: object) -> str:
    # asgiref, which Django and Channels use, marks callables that do not show what they are.
    if getattr(application, "_asgi_single_callable", False) is True:
        return ASGI
    if getattr(application, "_asgi_double_callable", False) is True:
        return ASGI_2
    if inspect.iscoroutinefunction(application):
        return ASGI
    if inspect.isclass(application):
        # A call makes an instance, which is awaited (ASGI 3), or called again (ASGI 2).
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


def single(application: Any) -> Any:
    """An ASGI 3 application that is this one of ASGI 2: called with the scope first, and then with receive and send."""

    async def call(scope: Any, receive: Any, send: Any) -> None:
        scope["asgi"]["version"] = "2.0"
        await application(scope)(receive, send)

    return call


def _parameters(application: object) -> Optional[List[str]]:
    """The names; None for a callable without a signature, such as one written in C."""
    try:
        return list(inspect.signature(application).parameters)  # type: ignore[arg-type]
    except Exception:
        return None


def misfit(application: object) -> str:
    """Why a coroutine function cannot be an ASGI application; empty where nothing speaks against it."""
    try:
        inspect.signature(application).bind(None, None, None)  # type: ignore[arg-type]
    except TypeError:
        names = _parameters(application)
        return "is asynchronous and takes (%s)" % ", ".join(names or ())
    except Exception:
        pass
    return ""
