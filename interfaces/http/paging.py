"""Lists in pages: a Link header leads to the next page."""

from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import Request
from pydantic import Field
from starlette.responses import Response

from interfaces.http.api import answer_json

MAX_ROWS = 10_000
"""How many rows one answer has at most."""

Limit = Annotated[
    int, Field(ge=1, le=MAX_ROWS, description="Return at most this many rows; the Link header leads to the next.")
]


def answer_page(request: Request, rows: Sequence[Any], next_after: str | None) -> Response:
    """Return the rows, with a Link header to the page after `next_after` if there is one."""
    if next_after is None:
        return answer_json(rows)
    parameters = {**request.query_params, "after": next_after}
    return answer_json(rows, {"Link": f'<{quote(request.scope["path"])}?{urlencode(parameters)}>; rel="next"'})
