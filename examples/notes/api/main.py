"""The API of the notes: JSON, a WebSocket that tells every window of a change, and attachments that Jumak sends."""

import asyncio
import itertools
import time
from typing import Dict, Optional, Set

from fastapi import FastAPI, HTTPException, Response, WebSocket, WebSocketDisconnect
from pydantic import BaseModel, Field

MAX_NOTES = 200
# A window that reads no messages is told to come back.
MAX_WAITING = 32

app = FastAPI(title="Notes", docs_url=None, redoc_url=None)


class Text(BaseModel):
    title: str = Field(max_length=200)
    text: str = Field(max_length=20_000)


class Note(Text):
    id: int
    changed: float
    attachment: Optional[str] = None


def _first_notes() -> Dict[int, Note]:
    texts = [
        (
            "Before the guests come",
            "Light the floor by four: the stones need an hour.\nTwo kettles on, barley tea in the big one.\n\n"
            "The map for those who go on to the pass is attached.",
            "map.svg",
        ),
        (
            "Soup for twelve",
            "3 radishes, a hand of dried pollack, spring onions\n2 spoons of soybean paste, later than you think\n\n"
            "Salt at the table, not in the pot.",
            "recipe.txt",
        ),
        ("Horses", "The grey one is from the post station and leaves at dawn.\nThe brown mare eats alone.", None),
        ("Mend this week", "Hinge of the gate\nThird step of the stairs\nThe paper of the south window", None),
    ]
    now = time.time()
    return {
        number: Note(id=number, title=title, text=text, changed=now - 5400 * number, attachment=attachment)
        for number, (title, text, attachment) in enumerate(texts, 1)
    }


notes = _first_notes()
numbers = itertools.count(len(notes) + 1)
windows: Set["asyncio.Queue[dict]"] = set()


def tell(message: dict) -> None:
    for queue in list(windows):
        if queue.full():
            windows.discard(queue)
        else:
            queue.put_nowait(message)


def find(number: int) -> Note:
    if number not in notes:
        raise HTTPException(404, "There is no such note")
    return notes[number]


@app.get("/api/notes")
async def all_notes() -> list:
    return sorted(notes.values(), key=lambda note: -note.changed)


@app.post("/api/notes", status_code=201)
async def add(text: Text) -> Note:
    if len(notes) >= MAX_NOTES:
        raise HTTPException(409, f"{MAX_NOTES} notes are enough: remove one first")
    number = next(numbers)
    return _keep(Note(id=number, title=text.title, text=text.text, changed=time.time()))


@app.put("/api/notes/{number}")
async def change(number: int, text: Text) -> Note:
    before = find(number)
    return _keep(Note(id=number, title=text.title, text=text.text, changed=time.time(), attachment=before.attachment))


def _keep(note: Note) -> Note:
    notes[note.id] = note
    tell({"kind": "saved", "note": {"id": note.id, "title": note.title, "text": note.text, "changed": note.changed,
                                    "attachment": note.attachment}})
    return note


@app.delete("/api/notes/{number}", status_code=204)
async def remove(number: int) -> None:
    del notes[find(number).id]
    tell({"kind": "removed", "id": number})


@app.get("/api/notes/{number}/attachment")
async def attachment(number: int) -> Response:
    """The API decides who may have it, and Jumak sends the file."""
    name = find(number).attachment
    if name is None:
        raise HTTPException(404, "This note has no attachment")
    order = {"X-Accel-Redirect": f"/attachments/{name}", "Content-Disposition": f'attachment; filename="{name}"'}
    media_type = "image/svg+xml" if name.endswith(".svg") else "text/plain; charset=utf-8"
    return Response(headers=order, media_type=media_type)


@app.websocket("/api/live")
async def live(socket: WebSocket) -> None:
    await socket.accept()
    queue: "asyncio.Queue[dict]" = asyncio.Queue(MAX_WAITING)
    windows.add(queue)
    tell({"kind": "windows", "count": len(windows)})
    sender = asyncio.create_task(_deliver(socket, queue))
    try:
        while True:
            await socket.receive_text()
    except WebSocketDisconnect:
        pass
    finally:
        sender.cancel()
        windows.discard(queue)
        tell({"kind": "windows", "count": len(windows)})


async def _deliver(socket: WebSocket, queue: "asyncio.Queue[dict]") -> None:
    while queue in windows or not queue.empty():
        await socket.send_json(await queue.get())
    await socket.close(1013)
