"""An ASGI 2 application, which is told what it is."""


class application:
    def __init__(self, scope):
        pass

    async def __call__(self, receive, send):
        pass
