"""The server of the page: its files, the way in, and the answers of `api`."""

import mimetypes
import time
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path
from urllib.parse import parse_qs

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.requests import Request
from starlette.staticfiles import StaticFiles

import ssmtl
from ssmtl.errors import SsmtlError
from ssmtl.live.store import Store
from ssmtl.live.web.api import Api
from ssmtl.live.web.security import SESSION_S, Guard, Login, problem
from ssmtl.scoring.events import EventSettings

STATIC = Path(__file__).with_name("static")
LOCAL = ("127.0.0.1", "localhost", "[::1]")


def create_app(
    folder: Path,
    store: Store,
    *,
    token: str | None,
    hosts: Sequence[str] = LOCAL,
    events: EventSettings | None = None,
) -> FastAPI:
    """The page of the watch whose files are in `folder`, as an ASGI application.

    Args:
        folder: of the watch.
        store: its database; not closed.
        token: that visitors must know; without one only requests for one of `hosts` are answered.
        hosts: names of this machine; without a port.
        events: how the watch makes events of scores; for the preview of a threshold.

    Raises:
        ConfigError: the token is too short.
    """
    # Some systems know no ending .js, or another type for it, and browsers then refuse the file.
    mimetypes.add_type("text/javascript", ".js")
    login = Login(token)
    app = FastAPI(title="ssmtl", version=ssmtl.__version__, docs_url=None, redoc_url=None, openapi_url=None)
    app.add_exception_handler(RequestValidationError, _bad_request)
    app.add_exception_handler(SsmtlError, _failed)
    app.include_router(Api(Path(folder), store, events or EventSettings()).router())
    _add_entrance(app, login)
    app.mount("/static", StaticFiles(directory=STATIC))
    app.add_middleware(Guard, login=login, hosts=hosts)
    return app


def _add_entrance(app: FastAPI, login: Login) -> None:
    """The page itself, and the way in and out."""

    @app.get("/")
    def page() -> Response:
        return FileResponse(STATIC / "index.html")

    @app.get("/api/session")
    def session() -> Response:
        return JSONResponse({"login": login.token is not None, "version": ssmtl.__version__})

    @app.get("/login")
    def form() -> Response:
        return RedirectResponse("/", 303) if login.token is None else _login_page("")

    @app.post("/login")
    async def come_in(request: Request) -> Response:
        given = parse_qs((await request.body()).decode("utf-8", "replace")).get("token", [""])[0]
        if not login.knows(given.strip()):
            await login.wait()
            return _login_page("That is not the token. Look at what the watch printed when it started.", 401)
        answer = RedirectResponse("/", 303)
        answer.set_cookie(
            login.cookie,
            login.session(time.time()),
            max_age=SESSION_S,
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return answer

    @app.post("/api/logout")
    def go_out() -> Response:
        answer = JSONResponse({})
        answer.delete_cookie(login.cookie, httponly=True, samesite="strict")
        return answer


def _login_page(text: str, status: int = 200) -> Response:
    """The form, with one of our own texts."""
    form = (STATIC / "login.html").read_text(encoding="utf-8")
    return HTMLResponse(form.replace("{problem}", text), status)


async def _bad_request(_: Request, error: Exception) -> Response:
    """What is wrong with a request, in one line per field."""
    assert isinstance(error, RequestValidationError)
    problems = error.errors()
    if any(item["type"] == "json_invalid" for item in problems):
        return problem(HTTPStatus.BAD_REQUEST, "the body is not JSON")
    texts = []
    for item in problems:
        name = ".".join(str(part) for part in item["loc"][1:]) or str(item["loc"][0])
        texts.append(f"{name}: {item['msg'][:1].lower()}{item['msg'][1:]}")
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, "; ".join(texts))


async def _failed(_: Request, error: Exception) -> Response:
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, str(error))
