"""The gate in front of everything: without a live session there is the sign-in page and nothing else.

It stands before Streamlit's own routes, so pages, files and the WebSocket are closed alike. The
session id is random and lives in an HttpOnly, SameSite=Strict cookie; nothing of it is in a URL.
"""

from __future__ import annotations

import hmac
import html
import secrets
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlencode, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.access.accounts import AccountsError
from app.access.sessions import COOKIE
from app.text import LANGUAGES, Text
from ingest.policy import audit

if TYPE_CHECKING:
    from app.runtime import Runtime

FORM_COOKIE = "tsumugi_form"
LONGEST_BODY = 10_000
_OPEN_PATHS = ("/login", "/logout")
_PAGE = (Path(__file__).parent / "login.html").read_text(encoding="utf-8")
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),  # the address of a page may name a person's record
)


def session_id(scope_headers: list[tuple[bytes, bytes]]) -> str | None:
    """The session id in the cookies of a request."""
    for name, value in scope_headers:
        if name == b"cookie":
            try:
                cookies = SimpleCookie(value.decode("latin-1"))
            except CookieError:
                continue
            if COOKIE in cookies:
                return cookies[COOKIE].value
    return None


class Gate:
    """ASGI middleware: lets through what carries a live session."""

    def __init__(self, app: ASGIApp, runtime: Runtime) -> None:
        self._app = app
        self._sessions = runtime.sessions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        is_open = scope["type"] == "http" and scope["path"] in _OPEN_PATHS
        if is_open or self._sessions.get(session_id(scope["headers"]), touch=False) is not None:
            await self._app(scope, receive, _with_headers(send))
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await _turned_away(scope)(scope, receive, _with_headers(send))


def _turned_away(scope: Scope) -> Response:
    wants_page = scope["method"] == "GET" and scope["path"] == "/"
    if not wants_page:
        return PlainTextResponse("sign in first", status_code=401)
    query = scope["query_string"].decode("latin-1")
    return RedirectResponse("/login" + (f"?{urlencode({'next': query})}" if query else ""), status_code=303)


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message.setdefault("headers", [])
            message["headers"] = [*message["headers"], *_HEADERS]
        await send(message)

    return sending


def routes(runtime: Runtime) -> list[Route]:
    """The sign-in page and sign-out."""

    async def show(request: Request) -> Response:
        return _form(runtime, request, request.query_params.get("next", ""))

    async def submit(request: Request) -> Response:
        form = await _fields(request)
        if form is None or not _is_own_form(request, form.get("form_token", "")):
            return _form(runtime, request, "", problem="login.form_expired", status=400)
        return await _sign_in(runtime, request, form)

    async def leave(request: Request) -> Response:
        account = runtime.sessions.end(request.cookies.get(COOKIE))
        if account is not None:
            _log(runtime, account.user_name, "sign_out", "done")
        answer = RedirectResponse("/login", status_code=303)
        answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return answer

    return [
        Route("/login", show, methods=["GET"]),
        Route("/login", submit, methods=["POST"]),
        Route("/logout", leave, methods=["GET"]),
    ]


async def _sign_in(runtime: Runtime, request: Request, form: dict[str, str]) -> Response:
    user_name, next_query = form.get("user_name", "").strip(), form.get("next", "")
    try:
        locked = runtime.book.seconds_locked(user_name)
        known = runtime.book.find(user_name) is not None
        account = await run_in_threadpool(runtime.book.sign_in, user_name, form.get("password", ""))
    except AccountsError as error:
        return _form(runtime, request, next_query, problem="login.no_accounts", detail=str(error), status=503)
    logged_name = user_name if known else "unknown"  # what was typed may be a password in the wrong box
    if account is not None and runtime.only_tenant not in (None, account.tenant_id):
        _log(runtime, logged_name, "sign_in", "refused: another tenant")
        return _form(runtime, request, next_query, problem="login.other_tenant", status=403)
    if account is None:
        _log(runtime, logged_name, "sign_in", "locked" if locked else "refused")
        problem, wait = ("login.locked", locked) if locked else ("login.wrong", 0)
        return _form(runtime, request, next_query, problem=problem, seconds=wait, status=403)
    runtime.sessions.end(request.cookies.get(COOKIE))
    _log(runtime, account.user_name, "sign_in", "done", role=account.role_code, tenant=account.tenant_id)
    answer = RedirectResponse("/" + (f"?{next_query}" if next_query else ""), status_code=303)
    answer.set_cookie(
        COOKIE,
        runtime.sessions.start(account),
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return answer


def _log(runtime: Runtime, user_name: str, action: str, result: str, **fields: str) -> None:
    audit.record(runtime.audit_path, account=user_name, action=action, result=result, **fields)


async def _fields(request: Request) -> dict[str, str] | None:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LONGEST_BODY:
            return None
    return {key: values[0] for key, values in parse_qs(body.decode("utf-8", "replace")).items()}


def _is_own_form(request: Request, token: str) -> bool:
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        return False
    expected = request.cookies.get(FORM_COOKIE, "")
    return bool(expected) and hmac.compare_digest(expected.encode(), token.encode())


def _form(
    runtime: Runtime,
    request: Request,
    next_query: str,
    *,
    problem: str | None = None,
    detail: str = "",
    seconds: int = 0,
    status: int = 200,
) -> Response:
    wanted = request.query_params.get("lang") or parse_qs(next_query).get("lang", [LANGUAGES[0]])[0]
    text = Text(wanted)
    other = next(language for language in LANGUAGES if language != text.language)
    token = request.cookies.get(FORM_COOKIE) or secrets.token_urlsafe(16)
    message = ""
    if problem is not None:
        words = html.escape(f"{text(problem, seconds=seconds)} {detail}".strip())
        message = f'<p class="problem" role="alert">{words}</p>'
    values = {
        "language": text.language,
        "title": text("app.title"),
        "subtitle": text("app.subtitle"),
        "heading": text("login.heading"),
        "user_name": text("login.user_name"),
        "password": text("login.password"),
        "submit": text("login.submit"),
        "note": text("login.note", minutes=runtime.app.idle_minutes),
        "synthetic": text("app.synthetic") if runtime.settings.is_synthetic else "",
        "other_language": text("login.other_language"),
        "other_query": urlencode({"lang": other, "next": next_query}),
        "next": next_query,
        "form_token": token,
    }
    page = _PAGE
    for name, value in values.items():
        page = page.replace(f"{{{{{name}}}}}", html.escape(value, quote=True))
    answer = HTMLResponse(page.replace("{{message}}", message), status_code=status)
    answer.headers["cache-control"] = "no-store"
    answer.headers["content-security-policy"] = (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'"
    )
    answer.set_cookie(
        FORM_COOKIE, token, httponly=True, samesite="strict", secure=request.url.scheme == "https", path="/login"
    )
    return answer
