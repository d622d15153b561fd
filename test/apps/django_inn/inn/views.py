"""What a Django project does over ASGI: async views, sync ones in their thread, streams, uploads, a client that leaves."""

import asyncio
import hashlib
import threading

from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import render

#: What the stream of ``events`` waits for; made on its loop.
_turns = None


def _about(request):
    return {
        "type": type(request).__name__,
        "query": request.GET.dict(),
        "client": request.META["REMOTE_ADDR"],
        "host": request.get_host(),
        "header": request.headers.get("X-Soup"),
        "main_thread": threading.current_thread() is threading.main_thread(),
    }


async def about_async(request):
    return JsonResponse({**_about(request), "loop": asyncio.get_running_loop().is_running()})


def about_sync(request):
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return JsonResponse({**_about(request), "loop": False})
    return JsonResponse({**_about(request), "loop": True})


async def events(request):
    """The first event at once, each later one when ``go`` is asked for it."""

    async def lines():
        global _turns
        _turns = asyncio.Queue()
        number = 0
        try:
            while True:
                yield "data: %d\n\n" % number
                await _turns.get()
                number += 1
        finally:
            print("the events are over", flush=True)

    return StreamingHttpResponse(lines(), content_type="text/event-stream")


async def go(request):
    _turns.put_nowait(None)
    return HttpResponse()


async def wait(request):
    print("waiting", flush=True)
    try:
        await asyncio.sleep(600)
    except asyncio.CancelledError:
        print("cancelled while waiting", flush=True)
        raise
    return HttpResponse()


async def weigh(request):
    parcel = request.FILES["parcel"]
    digest = hashlib.sha256()
    for chunk in parcel.chunks():
        digest.update(chunk)
    return JsonResponse(
        {"name": parcel.name, "bytes": parcel.size, "sha256": digest.hexdigest(), "note": request.POST["note"]}
    )


async def crash(request):
    raise RuntimeError("on purpose")


async def room(request, room):
    return render(request, "room.html", {"room": room})
