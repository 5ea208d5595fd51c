"""Who may talk to the page's server: by host, token and origin; and the headers that go with every answer."""

import asyncio
import hashlib
import hmac
import re
import time
from collections.abc import Sequence
from contextlib import suppress
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ssmtl.errors import ConfigError

SHORTEST_TOKEN = 8
SESSION_S = 30 * 24 * 3600
"""How long a login lasts."""

MOST_BYTES = 256 * 1024
"""Of a request's body."""

WRONG_TOKEN_S = 0.5
"""Wrong tokens are answered one at a time, each after so long, so that nobody tries many."""

HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    # A page elsewhere cannot show the cameras' pictures to a visitor who may see them here.
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}

_READS = {"GET", "HEAD", "OPTIONS"}
_PORTS = {"http": 80, "https": 443}


def problem(status: int, text: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """An answer that says what is wrong, as `detail`."""
    return JSONResponse({"detail": text}, status, headers)


class Login:
    """What a visitor must know, and the cookie of one who did; a cookie does not tell the token.

    Attributes:
        token: None where everyone on this machine may come in.
    """

    def __init__(self, token: str | None):
        """Prepare for `token`.

        Raises:
            ConfigError: it is too short.
        """
        if token is not None and len(token) < SHORTEST_TOKEN:
            raise ConfigError(f"token: too short; choose one of at least {SHORTEST_TOKEN} characters")
        self.token = token
        self._key = hashlib.sha256(b"ssmtl session " + (token or "").encode()).digest()
        self._wrong = asyncio.Lock()

    @property
    def cookie(self) -> str:
        """The cookie's name; cookies do not tell ports apart, so another token has another name."""
        return f"ssmtl_{self._sign('name')[:8]}"

    def knows(self, token: str) -> bool:
        """Whether this is the token."""
        return self.token is not None and hmac.compare_digest(token.encode(), self.token.encode())

    def session(self, now: float) -> str:
        """The cookie's value for a login at `now`."""
        until = str(int(now) + SESSION_S)
        return f"{until}.{self._sign(until)}"

    def holds(self, session: str, now: float) -> bool:
        """Whether a cookie's value is of a login that lasts at `now`."""
        until, _, signature = session.partition(".")
        genuine = hmac.compare_digest(signature.encode(), self._sign(until).encode())
        return genuine and now < int(until)

    async def wait(self) -> None:
        """What a wrong token costs."""
        async with self._wrong:
            await asyncio.sleep(WRONG_TOKEN_S)

    def _sign(self, text: str) -> str:
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()


class Guard:
    """Lets in whom it may; a middleware around the whole application."""

    def __init__(self, app: ASGIApp, login: Login, hosts: Sequence[str]):
        self._app = app
        self._login = login
        self._hosts = [_bare(host) for host in hosts]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or let the application answer it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # nothing here speaks over web sockets
            await send({"type": "websocket.close", "code": 1008})
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store" if scope["path"].startswith("/api/") else "no-cache")
            await send(message)

        request = Request(scope)
        refusal = self._refusal(request)
        # However it is answered: the answer tells whether the token was right.
        if self._login.token is not None and _sent(request) and not self._bearer(request):
            await self._login.wait()
        await (refusal or self._app)(scope, receive, with_headers)

    def _refusal(self, request: Request) -> Response | None:
        """The answer to a request that may not go on."""
        bearer = self._bearer(request)
        if self._login.token is None:
            host = _bare(request.headers.get("host", ""))
            if host not in self._hosts:
                known = ", ".join(self._hosts)
                return problem(403, f"host {host!r}: unknown; open the page as one of {known}, or set a token")
        elif not (bearer or self._signed_in(request) or _is_public(request.url.path)):
            if request.url.path == "/":
                return RedirectResponse("/login", 303)
            return problem(401, "no valid token; log in, or send it as a bearer token", {"WWW-Authenticate": "Bearer"})
        return None if request.method in _READS else _change_refusal(request, bearer)

    def _bearer(self, request: Request) -> bool:
        return self._login.knows(_sent(request))

    def _signed_in(self, request: Request) -> bool:
        session = request.cookies.get(self._login.cookie)
        return session is not None and self._login.holds(session, time.time())


def _sent(request: Request) -> str:
    """The bearer token that came with a request, or ""."""
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer":
        return ""
    # Headers are decoded as Latin-1, whatever bytes a client sends; most send UTF-8.
    with suppress(UnicodeError):
        return token.strip().encode("latin-1").decode()
    return token.strip()


def _is_public(path: str) -> bool:
    """What one must see to log in; the page's files hold nothing of the cameras."""
    return path == "/login" or path.startswith("/static/")


def _change_refusal(request: Request, bearer: bool) -> Response | None:
    """The answer to a change that another site's page may have asked for, or that is too large."""
    length = request.headers.get("content-length", "")
    if not re.fullmatch(r"\d{1,9}", length):
        return problem(411, "Content-Length: missing; send the body in one piece")
    if int(length) > MOST_BYTES:
        return problem(413, f"the body is of {length} bytes; at most {MOST_BYTES} are taken")
    if request.url.path == "/login":  # only those who know the token get anything by it, wherever the form was
        return None
    if not bearer and not _same_origin(request.headers.get("origin", ""), request.headers.get("host", "")):
        return problem(403, "Origin: a change must come from this page itself, or with the token as a bearer token")
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        return problem(415, "Content-Type: send application/json")
    return None


def _same_origin(origin: str, host: str) -> bool:
    try:
        mine, other = urlsplit(f"//{host}"), urlsplit(origin)
        port = _PORTS.get(other.scheme)
        return (
            bool(port) and mine.hostname == other.hostname is not None and (mine.port or port) == (other.port or port)
        )
    except ValueError:  # no port number
        return False


def _bare(host: str) -> str:
    """A host without its port, in small letters; IPv6 in brackets."""
    host = host.strip().lower()
    if host.count(":") > 1 and not host.startswith("["):
        return f"[{host}]"
    return re.sub(r":\d*$", "", host)
