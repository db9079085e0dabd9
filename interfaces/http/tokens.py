"""The routes of tokens, for those with scope admin. A new one is made with `sojourn token create` only."""

from typing import Annotated

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from application.maintain.tokens import Token, revoke_token, tokens
from interfaces.http.api import answer, api
from interfaces.http.examples import shown
from interfaces.http.models import Id, model_of
from interfaces.http.problems import documented

MADE = {"name": "dashboard", "scope": "read", "created_at": "2026-01-31T08:00:00Z", "revoked_at": None}
UNKNOWN = {
    "type": "unknown-entity", "detail": "no token 'dashbord'", "kind": "token", "id": "dashbord", "nearest": [],
}  # fmt: skip

router = APIRouter()
TokenModel = model_of(Token)


@router.get("/tokens", response_model=list[TokenModel], responses={200: shown([MADE]), **documented()})  # type: ignore[valid-type]  # made of a TypedDict
def list_tokens(request: Request) -> Response:
    """The tokens that were made, without themselves."""
    return answer(tokens(api(request).store))


@router.delete(
    "/tokens/{name:path}",
    response_model=TokenModel,
    responses={
        200: shown({**MADE, "revoked_at": "2026-01-31T09:00:00Z"}),
        **documented(404, 422, further={404: UNKNOWN}),
    },
)
def revoke(request: Request, name: Annotated[Id, Path(examples=["dashboard"])]) -> Response:
    """Let a token be refused: by every server within a second."""
    return answer(revoke_token(api(request).store, name))
