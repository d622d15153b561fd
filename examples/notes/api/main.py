"""
The API of the notes: JSON, a WebSocket that tells every window of a change, and attachments that Jumak sends.

Several servers of it may run behind one site. What they share is in a database (SQLite), so it does not matter which of them answers a request.
"""

import asyncio
import os
import sqlite3
import time
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import AsyncIterator, Dict, Iterator, Set

from fastapi import FastAPI, HTTPException, Response, WebSocket, WebSocketDisconnect
from pydantic import BaseModel, Field

SERVER = os.environ.get("NOTES_SERVER", f"process {os.getpid()}")
DATABASE = Path(os.environ.get("NOTES_DATABASE", "../run/notes.sqlite3"))
MAX_NOTES = 200
# A window that reads no messages is told to come back.
MAX_WAITING = 32
# How often a server looks what the others have written. It costs 20 µs.
LOOK_SECONDS = 0.1


class Text(BaseModel):
    title: str = Field(max_length=200)
    text: str = Field(max_length=20_000)


FIRST_NOTES = [
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


def connect() -> sqlite3.Connection:
    # Another server may be writing. Each statement is a transaction, unless BEGIN is said.
    connection = sqlite3.connect(DATABASE, timeout=10, isolation_level=None)
    connection.row_factory = sqlite3.Row
    return connection


@contextmanager
def database() -> Iterator[sqlite3.Connection]:
    connection = connect()
    try:
        # Nobody else writes until this is over. What an exception leaves is undone when the connection is closed.
        connection.execute("BEGIN IMMEDIATE")
        yield connection
        connection.execute("COMMIT")
    finally:
        connection.close()


def prepare() -> None:
    with database() as db:
        db.execute(
            "CREATE TABLE IF NOT EXISTS notes "
            "(id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT, text TEXT, changed REAL, attachment TEXT)"
        )
        # The other server may have been first; and notes that were all removed stay so.
        if db.execute("SELECT count(*) FROM sqlite_sequence").fetchone()[0] > 0:
            return
        now = time.time()
        for number, (title, text, attachment) in enumerate(FIRST_NOTES, 1):
            _insert(db, title, text, now - 5400 * number, attachment)


def _insert(db: sqlite3.Connection, title: str, text: str, changed: float, attachment: object = None) -> int:
    values = (title, text, changed, attachment)
    return db.execute("INSERT INTO notes (title, text, changed, attachment) VALUES (?, ?, ?, ?)", values).lastrowid


def _all(db: sqlite3.Connection) -> Dict[int, dict]:
    return {row["id"]: dict(row) for row in db.execute("SELECT * FROM notes ORDER BY changed DESC")}


def _find(db: sqlite3.Connection, number: int) -> dict:
    row = db.execute("SELECT * FROM notes WHERE id = ?", (number,)).fetchone()
    if row is None:
        raise HTTPException(404, "There is no such note")
    return dict(row)


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    prepare()
    watcher = asyncio.create_task(watch())
    yield
    watcher.cancel()


app = FastAPI(title="Notes", docs_url=None, redoc_url=None, lifespan=lifespan)


@app.get("/api/whoami")
async def who_am_i() -> dict:
    return {"server": SERVER}


@app.get("/api/notes")
def all_notes() -> list:
    with database() as db:
        return list(_all(db).values())


@app.post("/api/notes", status_code=201)
def add(text: Text) -> dict:
    with database() as db:
        if len(_all(db)) >= MAX_NOTES:
            raise HTTPException(409, f"{MAX_NOTES} notes are enough: remove one first")
        return _find(db, _insert(db, text.title, text.text, time.time()))


@app.put("/api/notes/{number}")
def change(number: int, text: Text) -> dict:
    with database() as db:
        values = (text.title, text.text, time.time(), number)
        db.execute("UPDATE notes SET title = ?, text = ?, changed = ? WHERE id = ?", values)
        return _find(db, number)


@app.delete("/api/notes/{number}", status_code=204)
def remove(number: int) -> None:
    with database() as db:
        _find(db, number)
        db.execute("DELETE FROM notes WHERE id = ?", (number,))


@app.get("/api/notes/{number}/attachment")
def attachment(number: int) -> Response:
    """The API decides who may have it, and the Jumak in front sends the file."""
    with database() as db:
        name = _find(db, number)["attachment"]
    if name is None:
        raise HTTPException(404, "This note has no attachment")
    order = {"X-Accel-Redirect": f"/attachments/{name}", "Content-Disposition": f'attachment; filename="{name}"'}
    media_type = "image/svg+xml" if name.endswith(".svg") else "text/plain; charset=utf-8"
    return Response(headers=order, media_type=media_type)


windows: Set["asyncio.Queue[dict]"] = set()


async def watch() -> None:
    """Tells the windows of this server what any server has written."""
    db = connect()
    known, seen = _all(db), None
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        # Another number when another connection has written.
        version = db.execute("PRAGMA data_version").fetchone()[0]
        if version == seen:
            continue
        before, known, seen = known, _all(db), version
        for number, note in known.items():
            if before.get(number) != note:
                tell({"kind": "saved", "note": note})
        for number in before.keys() - known.keys():
            tell({"kind": "removed", "id": number})


def tell(message: dict) -> None:
    for queue in list(windows):
        if queue.full():
            windows.discard(queue)
        else:
            queue.put_nowait(message)


@app.websocket("/api/live")
async def live(socket: WebSocket) -> None:
    await socket.accept()
    queue: "asyncio.Queue[dict]" = asyncio.Queue(MAX_WAITING)
    queue.put_nowait({"kind": "hello", "server": SERVER})
    windows.add(queue)
    sender = asyncio.create_task(_deliver(socket, queue))
    try:
        while True:
            await socket.receive_text()
    except WebSocketDisconnect:
        pass
    finally:
        sender.cancel()
        windows.discard(queue)


async def _deliver(socket: WebSocket, queue: "asyncio.Queue[dict]") -> None:
    while queue in windows or not queue.empty():
        await socket.send_json(await queue.get())
    await socket.close(1013)
