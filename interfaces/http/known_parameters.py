"""Refuse query parameters that a route does not have: with a misspelt filter it would answer another question."""

from collections.abc import Iterator
from inspect import isclass
from typing import Any, get_args, get_origin

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel

from domain.nearest import nearest_names


async def refuse_unknown_parameters(request: Request) -> None:
    """Compare the query parameters of a request with those of its route.

    Raises:
        RequestValidationError: the route has no such parameter, or takes one value of it and several came.
    """
    if not request.url.query:
        return
    known, sent = _parameters_of(request.scope["route"]), request.query_params
    errors = [_unknown_parameter(name, known) for name in sent if name not in known]
    errors += [_repeated(name) for name in sent if known.get(name) is False and len(sent.getlist(name)) > 1]
    if errors:
        raise RequestValidationError(errors)


def _unknown_parameter(name: str, known: dict[str, bool]) -> dict[str, Any]:
    nearest = nearest_names(name, known)
    hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
    return {"type": "unknown_parameter", "loc": ("query", name), "ctx": {"hint": hint}}


def _repeated(name: str) -> dict[str, Any]:
    return {"type": "repeated_parameter", "loc": ("query", name)}


def _parameters_of(route: APIRoute) -> dict[str, bool]:
    """Return the names of a route's query parameters, and whether each takes several values."""
    return dict(_find_parameters(route.dependant))


def _find_parameters(dependant: Dependant) -> Iterator[tuple[str, bool]]:
    for field in dependant.query_params:
        shape = field.field_info.annotation
        if isclass(shape) and issubclass(shape, BaseModel):
            yield from ((name, _takes_several(part.annotation)) for name, part in shape.model_fields.items())
        else:
            yield field.alias, _takes_several(shape)
    for other in dependant.dependencies:
        yield from _find_parameters(other)


def _takes_several(shape: Any) -> bool:
    return any(get_origin(part) is list for part in (shape, *get_args(shape)))
