"""A FastAPI view that answers JSON, for the bench."""

from fastapi import FastAPI

app = FastAPI()


@app.get("/{path:path}")
async def page(path: str, n: int = 0):
    return {"path": path, "number": n, "items": [{"id": i, "name": "soup"} for i in range(5)]}
