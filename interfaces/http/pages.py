"""The routes of the pages. They answer HTML, and problems as pages too."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import parse_qsl, unquote, urlencode

import psycopg
from pydantic_core import to_json
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Match, Route
from starlette.types import Scope as RequestScope

from application.maintain.tokens import Scope, authenticate
from application.shared.retry import is_lost
from domain.entity import TASK, TASK_INSTANCE, Entity, check_id
from domain.errors import SojournError, UnknownEntity
from domain.time import parse_time
from infrastructure.loggers import get_logger
from interfaces.http.api import Api, build_actor
from interfaces.http.live_pages import LivePages, Rendering
from interfaces.http.page_session import close_session, is_same_origin, open_session
from interfaces.http.problems import BUSY, DATABASE_AWAY, PROBLEMS, ProblemError
from interfaces.http.shared_answers import SharedAnswer, SharedAnswers
from interfaces.page.actions import perform, show_end, show_recover, show_reset
from interfaces.page.entity import show_entity
from interfaces.page.frame import NAVIGATION
from interfaces.page.home import show_home
from interfaces.page.lanes import describe_lanes
from interfaces.page.orphans import show_orphans
from interfaces.page.overviews import show_compare, show_lifecycles, show_search
from interfaces.page.question import Question
from interfaces.page.templating import ASSETS, TYPES, asset_address, read_asset, render
from interfaces.page.workflow import show_workflow

log = get_logger("page")

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
"""The Content-Security-Policy of every page: nothing inline, nothing from elsewhere."""

MAX_POSITION_DIGITS = 19

PAST_SECONDS = 60.0
"""How long a page as of a time is kept while the log does not grow: an archive may take its workflow away."""

HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}

Answer = TypeVar("Answer")
Show = Callable[[Question, Mapping[str, str]], str]


def _workflow(question: Question, path: Mapping[str, str]) -> str:
    return show_workflow(question, check_id("workflow", path["id"]))


def _task(question: Question, path: Mapping[str, str]) -> str:
    return show_entity(question, Entity(TASK, check_id("task", path["id"])))


def _instance(question: Question, path: Mapping[str, str]) -> str:
    return show_entity(question, Entity(TASK_INSTANCE, check_id("task instance", path["id"])))


PAGES: dict[str, Show] = {
    "/": lambda question, _: show_home(question),
    "/workflow/{id:id}": _workflow,
    "/task/{id:id}": _task,
    "/ti/{id:id}": _instance,
    "/orphans": lambda question, _: show_orphans(question),
    "/compare": lambda question, _: show_compare(question),
    "/lifecycles": lambda question, _: show_lifecycles(question),
    "/search": lambda question, _: show_search(question),
}
"""The pages by their paths."""


def build_routes() -> list[Route]:
    """Return the routes of all pages."""
    return [
        *(Route(path, _answering(show), methods=["GET"]) for path, show in PAGES.items()),
        Route("/lanes/{id:id}", _page(_send_lanes), methods=["GET"]),
        Route("/live/events", _page(_stream_page), methods=["GET"]),
        Route("/act/{action}", _page(_show_action), methods=["GET"]),
        Route("/act/{action}", _page(_act), methods=["POST"]),
        Route("/step", _page(_step), methods=["GET"]),
        Route("/static/{name}", _send_asset, methods=["GET"]),
        Route("/sign-in", _page(_show_sign_in), methods=["GET"]),
        Route("/sign-in", _page(_sign_in), methods=["POST"]),
        Route("/sign-out", _page(_sign_out), methods=["POST"]),
    ]


def ask(request: Request) -> Question:
    """Return the question that a request of a page asks.

    Raises:
        InvalidTime: `at` is no time.
    """
    api: Api = request.app.state.api
    holder = request.scope.get("holder")
    at = request.query_params.get("at", "").strip()
    query = dict(request.query_params)
    whole = query.pop("whole", "") == "yes"
    return Question(
        api.service,
        request.scope["path"],
        query,
        parse_time(at) if at and at != "now" else None,
        may_write=holder is None or holder.scope >= Scope.WRITE,
        viewer=holder.name if holder else None,
        whole=whole,
    )


def answer_page(html: str, status: int = HTTPStatus.OK) -> Response:
    """Return a page with the headers that every page has."""
    return HTMLResponse(html, status, HEADERS)


def _answering(show: Show) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        if ask(request).at is not None:
            return await _share_past(request, show)
        return await _read(request, lambda: answer_page(show(ask(request).after_log(), request.path_params)))

    return _page(answer)


async def _share_past(request: Request, show: Show) -> Response:
    """Return a page as of a time, which stays the same until the log grows; each viewer has pages of their own."""
    shared: SharedAnswers = request.app.state.shared_answers
    question = await _read(request, lambda: ask(request).after_log())
    position = question.extent.last_position or 0

    def read() -> SharedAnswer:
        return SharedAnswer(show(question, request.path_params).encode(), position)

    asked = urlencode([*sorted(request.query_params.items()), ("viewer", question.viewer or "")])
    key = f"{question.path}?{asked}&may_write={question.may_write}"
    answer = await shared.share(key, position, lambda: _read(request, read), PAST_SECONDS)
    return answer_page(answer.body.decode())


async def _read(request: Request, work: Callable[[], Answer]) -> Answer:
    """Return the answer of reading work, in its turn and in a thread."""
    api: Api = request.app.state.api
    await api.read_throttle.acquire()
    try:
        return await run_in_threadpool(work)
    finally:
        api.read_throttle.release()


def _page(answer: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """Return an endpoint that answers an error with a page."""

    async def endpoint(request: Request) -> Response:
        try:
            return await answer(request)
        except (SojournError, ValueError, ProblemError, psycopg.Error) as error:
            return _answer_error(request, error)
        except Exception as error:
            log.exception("the page %s failed", request.scope["path"])
            detail = f"unexpected {type(error).__name__}; the server's log has the details"
            html = show_without_log(request, "error.html", "Mistake", detail=detail, nearest=[])
            return answer_page(html, HTTPStatus.INTERNAL_SERVER_ERROR)

    return endpoint


def _answer_error(request: Request, error: Exception) -> Response:
    status, detail = _explain(error)
    nearest = []
    if isinstance(error, UnknownEntity):
        kind = {"task": "/task/", "workflow": "/workflow/"}.get(error.kind, "/ti/")
        nearest = [(name, Question(None, "", {}).link(kind + name)) for name in error.nearest]  # type: ignore[arg-type]
    return _answer_problem(request, status, detail, nearest)


def show_denial(scope: RequestScope, status: int, detail: str) -> Response:
    """Return a page that states why a request for one was not let in."""
    return _answer_problem(Request(scope), status, detail, [])


def _answer_problem(request: Request, status: int, detail: str, nearest: Sequence[tuple[str, str]]) -> Response:
    title = "Not found" if status == HTTPStatus.NOT_FOUND else HTTPStatus(status).phrase
    return answer_page(show_without_log(request, "error.html", title, detail=detail, nearest=nearest), status)


def _explain(error: Exception) -> tuple[int, str]:
    """Return the status and the sentence of an error."""
    if isinstance(error, ProblemError):
        return error.status, error.detail
    if isinstance(error, psycopg.Error):
        if is_lost(error) or error.sqlstate in BUSY:
            return HTTPStatus.SERVICE_UNAVAILABLE, DATABASE_AWAY
        return HTTPStatus.INTERNAL_SERVER_ERROR, f"the database refuses: {error.diag.message_primary or error}"
    return next(status for known, status, _ in PROBLEMS if isinstance(error, known)), str(error)


def show_without_log(request: Request, template: str, title: str, **values: Any) -> str:
    """Return a page that reads nothing."""
    api: Api = request.app.state.api
    question = Question(api.service, request.scope["path"], {})
    navigation = () if template == "sign_in.html" else NAVIGATION
    return render(template, title=title, question=question, span=None, navigation=navigation, position=0, **values)


ACTIONS = {"reset": show_reset, "recover": show_recover, "end": show_end}
"""The actions, and what shows before each what it would record."""


async def _show_action(request: Request) -> Response:
    """Show what an action would record."""
    show = _find_action(request)
    return await _read(request, lambda: answer_page(show(ask(request).after_log())))


async def _act(request: Request) -> Response:
    """Carry an action out that was shown before."""
    _find_action(request)
    form = await read_form(request)
    action, actor = request.path_params["action"], build_actor(request, "page")
    place = await run_in_threadpool(lambda: perform(ask(request), action, form, actor))
    return RedirectResponse(place, HTTPStatus.SEE_OTHER, HEADERS)


def _find_action(request: Request) -> Callable[[Question], str]:
    """Return what shows an action.

    Raises:
        ProblemError: there is no such action, or the viewer's token may only read.
    """
    show = ACTIONS.get(request.path_params["action"])
    if show is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, "no-such-route", "there is no such action", {})
    if not ask(request).may_write:
        detail = "your token may only read; sign in with one of scope write"
        raise ProblemError(HTTPStatus.FORBIDDEN, "forbidden", detail, {})
    return show


async def _step(request: Request) -> Response:
    """Lead to the page as of the next or the previous change."""
    api: Api = request.app.state.api
    asked = request.query_params
    page = _own_path(asked.get("page", "/"))
    at = parse_time(asked["at"]) if asked.get("at") else None
    bounds = asked.get("workflow") or None, asked.get("task") or None
    found = await run_in_threadpool(_find_step, api, asked.get("to", "next"), at, bounds)
    path, _, query = page.partition("?")
    kept = [(name, value) for name, value in parse_qsl(query) if name != "at"]
    if found is not None:
        kept.append(("at", found.isoformat()))
    return RedirectResponse(f"{path}?{urlencode(kept)}" if kept else path, HTTPStatus.SEE_OTHER, HEADERS)


def _find_step(api: Api, to: str, at: datetime | None, bounds: tuple[str | None, str | None]) -> datetime | None:
    if to == "previous":
        return api.service.previous_change(at, *bounds) or at
    return api.service.next_change(at, *bounds) if at else None


async def _send_lanes(request: Request) -> Response:
    """Return lanes of a workflow as data for the module that draws them.

    Viewers of one page share them: each states in `after` what its page has, so that it needs no newer answer.
    """
    workflow_id = check_id("workflow", request.path_params["id"])
    question = ask(request)
    asked = sorted((name, value) for name, value in request.query_params.items() if name != "after")

    def read() -> SharedAnswer:
        position = question.service.log_extent().last_position or 0
        return SharedAnswer(to_json(describe_lanes(question, workflow_id)), position)

    if after := _read_position(request.query_params.get("after", "")):
        shared: SharedAnswers = request.app.state.shared_answers
        answer = await shared.share(f"{workflow_id}?{urlencode(asked)}", after, lambda: _read(request, read))
    else:
        answer = await _read(request, read)
    return Response(answer.body, headers=HEADERS, media_type="application/json")


async def _stream_page(request: Request) -> Response:
    """Stream the content of a page as it changes."""
    api: Api = request.app.state.api
    live: LivePages = request.app.state.live_pages
    address = _own_path(request.query_params.get("page", "/"))
    begin = _read_position(request.headers.get("last-event-id", ""))
    return StreamingResponse(
        live.stream(request, api.authorizer, address, begin), headers=HEADERS, media_type="text/event-stream"
    )


def _read_position(text: str) -> int:
    """Return the position that a browser states, or 0."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < MAX_POSITION_DIGITS else 0


def build_live_pages(api: Api) -> LivePages:
    """Return the live pages of an app."""
    routes = [(Route(path, lambda _: None), show) for path, show in PAGES.items()]

    def render_content(address: str) -> Rendering:
        path, _, query = address.partition("?")
        scope = {"type": "http", "method": "GET", "path": unquote(path), "root_path": ""}
        for route, show in routes:
            match, found = route.matches(scope)
            if match is Match.FULL:
                # Read once for all viewers, so that none has to ask for the parts that take long.
                question = Question(api.service, scope["path"], dict(parse_qsl(query)), whole=True).after_log()
                return Rendering(content_of(show(question, found["path_params"])), question.extent.last_position or 0)
        raise ValueError(f"{path} is not a page")

    return LivePages(api.feed, api.read_throttle, render_content, api.settings.answer_seconds)


def content_of(html: str) -> str:
    """Return what lies in the main element of a page."""
    begin = html.index(">", html.index("<main ")) + 1
    return html[begin : html.rindex("</main>")]


async def _send_asset(request: Request) -> Response:
    file = ASSETS / request.path_params["name"]
    if file.parent != ASSETS or not file.is_file() or file.suffix not in TYPES:
        return answer_page(show_without_log(request, "error.html", "Not found", detail="no such file", nearest=[]), 404)
    is_marked = asset_address(file.name).endswith(f"?{request.url.query}")
    caching = "public, max-age=31536000, immutable" if is_marked else "no-cache"
    headers = HEADERS | {"Cache-Control": caching, "Content-Type": TYPES[file.suffix]}
    return Response(read_asset(file.name), headers=headers)


async def _show_sign_in(request: Request) -> Response:
    page = _own_path(request.query_params.get("page", "/"))
    return answer_page(show_without_log(request, "sign_in.html", "Sign in", page=page, wrong=False))


async def _sign_in(request: Request) -> Response:
    api: Api = request.app.state.api
    form = await read_form(request)
    page = _own_path(form.get("page", "/"))
    known = await api.authorizer.current_holders()
    if known is None:
        raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", DATABASE_AWAY, {})
    holder = authenticate(form.get("token", "").strip(), known)
    if holder is None:
        html = show_without_log(request, "sign_in.html", "Sign in", page=page, wrong=True)
        return answer_page(html, HTTPStatus.UNAUTHORIZED)
    response = RedirectResponse(page, HTTPStatus.SEE_OTHER, HEADERS)
    open_session(response, holder, secure=request.url.scheme == "https")
    return response


async def _sign_out(request: Request) -> Response:
    await read_form(request)
    response = RedirectResponse("/sign-in", HTTPStatus.SEE_OTHER, HEADERS)
    close_session(response)
    return response


async def read_form(request: Request) -> dict[str, str]:
    """Return the fields of a form that a page of this server sent.

    Raises:
        ProblemError: another site sent it.
    """
    if not is_same_origin(request.scope):
        raise ProblemError(HTTPStatus.FORBIDDEN, "forbidden", "the form was sent from another site; open it here", {})
    return dict(parse_qsl((await request.body()).decode(errors="replace"), keep_blank_values=True))


def _own_path(page: str) -> str:
    """Return a path of this server, or the first page where another server is meant."""
    return page if page.startswith("/") and not page.startswith(("//", "/\\")) else "/"
