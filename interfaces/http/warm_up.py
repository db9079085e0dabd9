"""What a process does once: it is done before the server takes requests, so that nobody waits for it."""

import asyncio
from contextlib import suppress
from typing import Any

import psycopg
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.types import Message

from domain.errors import SojournError
from infrastructure.loggers import get_logger
from interfaces.http.api import Api
from interfaces.http.cuttable_work import run_cuttable
from interfaces.page.home import show_home
from interfaces.page.question import Question
from interfaces.page.templating import load_templates

log = get_logger("page")

WARM_SECONDS = 2.0
"""How long the database may take to answer the first page, before the server goes on without it."""


async def warm_up(app: FastAPI) -> None:
    """Compile the templates, complete the routes, and read the first page, as far as the database answers."""
    await asyncio.to_thread(load_templates)
    await _find_route(app)
    try:
        await run_cuttable(_read_first_page, app.state.api, seconds=WARM_SECONDS)
    except (SojournError, psycopg.Error) as error:
        log.info("the first page was not read before the start: %s", error)


async def _find_route(app: FastAPI) -> None:
    """Look for a route that does not exist: FastAPI completes each route when it is compared with a path first."""

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(_: Message) -> None:
        pass

    scope: dict[str, Any] = {
        "type": "http", "method": "GET", "path": "/no/such/page", "root_path": "", "query_string": b"", "headers": [],
        "app": app, "state": {},
    }  # fmt: skip
    with suppress(HTTPException):  # its answer is that there is none
        await app.router(scope, receive, send)


def _read_first_page(api: Api) -> None:
    """Open a connection, and load what pages import, read and draw."""
    show_home(Question(api.service, "/", {}).after_log())
