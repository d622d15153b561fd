"""Bare ASGI callables for the bench."""

BODY = b"Hello, world!"
TEN_KILOBYTES = b"x" * 10240


def _answer(body):
    headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(body)).encode())]

    async def application(scope, receive, send):
        if scope["type"] == "lifespan":
            return
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return application


hello = _answer(BODY)
ten_kilobytes = _answer(TEN_KILOBYTES)
