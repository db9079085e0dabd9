"""The routes of tokens, for scope admin. Only `sojourn token create` creates one."""

from typing import Annotated

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from application.maintain import tokens
from application.maintain.tokens import Token
from interfaces.http.api import answer_json, get_api
from interfaces.http.models import Id, model_of
from interfaces.http.problems import document_responses

LISTED = {"name": "dashboard", "scope": "read", "created_at": "2026-01-31T08:00:00Z", "revoked_at": None}
UNKNOWN = {
    "type": "unknown-entity", "detail": "no token 'dashbord'", "kind": "token", "id": "dashbord", "nearest": [],
}  # fmt: skip

router = APIRouter()
TokenModel = model_of(Token)


@router.get(
    "/tokens",
    response_model=list[TokenModel],  # type: ignore[valid-type]  # made of a TypedDict
    responses=document_responses([LISTED]),
)
def list_tokens(request: Request) -> Response:
    """List the tokens. Secret values are never shown."""
    return answer_json(tokens.list_tokens(get_api(request).store))


@router.delete(
    "/tokens/{name:id}",
    response_model=TokenModel,
    responses=document_responses({**LISTED, "revoked_at": "2026-01-31T09:00:00Z"}, 404, 422, examples={404: UNKNOWN}),
)
def revoke_token(request: Request, name: Annotated[Id, Path(examples=["dashboard"])]) -> Response:
    """Revoke a token; every server refuses it within a second."""
    return answer_json(tokens.revoke_token(get_api(request).store, name))
