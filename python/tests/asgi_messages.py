"""What ASGI applications of the tests send."""

from __future__ import annotations

from typing import Any, Callable

START = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]}
END = {"type": "http.response.body"}


def body(data: bytes, more: bool = False) -> dict:
    return {"type": "http.response.body", "body": data, "more_body": more}


def sends(*messages: Any) -> Callable:
    async def application(scope, receive, send):
        for message in messages:
            await send(message)

    return application
