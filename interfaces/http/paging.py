"""Lists a page at a time: a Link header leads to the next."""

from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import Request
from pydantic import Field
from starlette.responses import Response

from interfaces.http.api import answer

PAGE = 10_000
"""How many rows one answer has at most."""

Limit = Annotated[int, Field(ge=1, le=PAGE, description="How many rows at most; the Link header leads to the next.")]


def page(request: Request, rows: Sequence[Any], beyond: str | None) -> Response:
    """The rows, with a Link header to those beyond, where there are any."""
    if beyond is None:
        return answer(rows)
    asked = {**request.query_params, "after": beyond}
    return answer(rows, {"Link": f'<{quote(request.scope["path"])}?{urlencode(asked)}>; rel="next"'})
