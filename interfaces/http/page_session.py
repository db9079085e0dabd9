"""Sign-in of the pages: a token once, then a cookie with a signed session.

The cookie is signed with the hash of its token, which only the database and the server know. So a session holds on
every server, needs no stored key, and ends with its token.
"""

from collections.abc import Sequence
from http.cookies import CookieError, SimpleCookie

from itsdangerous import BadSignature, URLSafeTimedSerializer
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Scope as Request

from application.maintain.tokens import TokenHolder

COOKIE = "sojourn_session"
SESSION_SECONDS = 12 * 3600
"""How long a session holds after its sign-in."""


def find_session_holder(request: Request, known: Sequence[TokenHolder]) -> TokenHolder | None:
    """Return the holder of a request's session; None without one, or where it has ended or was changed."""
    try:
        cookie = SimpleCookie(Headers(scope=request).get("cookie", "")).get(COOKIE)
    except CookieError:
        return None
    if cookie is None:
        return None
    name = cookie.value.partition("~")[0]
    return next((holder for holder in known if _signs(holder, name, cookie.value.partition("~")[2])), None)


def open_session(response: Response, holder: TokenHolder, *, secure: bool) -> None:
    """Give a response the cookie of a new session."""
    assert holder.sha256 is not None
    value = f"{_mark(holder)}~{_serializer(holder.sha256).dumps(holder.name)}"
    response.set_cookie(COOKIE, value, SESSION_SECONDS, httponly=True, samesite="strict", secure=secure)


def close_session(response: Response) -> None:
    """Take the cookie away."""
    response.delete_cookie(COOKIE, httponly=True, samesite="strict")


def is_same_origin(request: Request) -> bool:
    """Return whether a form was sent by a page of this server: browsers state that, and no page can change it."""
    headers = Headers(scope=request)
    if headers.get("sec-fetch-site", "same-origin") != "same-origin":
        return False
    origin = headers.get("origin", "")
    return bool(origin) and origin.partition("://")[2] == headers.get("host", "")


def _signs(holder: TokenHolder, mark: str, signed: str) -> bool:
    if holder.sha256 is None or mark != _mark(holder):
        return False
    try:
        return bool(_serializer(holder.sha256).loads(signed, max_age=SESSION_SECONDS) == holder.name)
    except BadSignature:
        return False


def _mark(holder: TokenHolder) -> str:
    """Return a name of the token that any cookie can hold."""
    return holder.name.encode().hex()


def _serializer(key: bytes) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(key, salt="sojourn.page.session")
