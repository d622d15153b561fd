"""An ASGI 2 application. The program must say that it is one."""


class application:
    def __init__(self, scope):
        pass

    async def __call__(self, receive, send):
        pass
