"""The tutorial's app, with a second route beside it."""

from __future__ import annotations

from tests.tutorial.programs.fastapi_endpoint import app

__all__ = ["app"]


@app.get("/ping")
async def ping() -> str:
    """Answer at once, if the loop is free."""
    return "pong"
