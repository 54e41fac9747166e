"""The web application: routes to functions, and errors to words."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import DatabaseError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from salcompare.collect import monitor_page, routes
from salcompare.collect.database import DatabaseBusyError
from salcompare.collect.front import mounted
from salcompare.collect.limits import with_headers
from salcompare.collect.standing_file import DatabaseGoneError
from salcompare.collect.task import ElsewhereError, Task

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp

_WORDS = {
    400: ("That did not work", "Your browser sent something that cannot be read."),
    403: ("Please go back", "This page was open for too long. Go on from where you were."),
    404: ("Nothing here", "There is no such page."),
    405: ("Nothing here", "There is no such page."),
    413: ("Too large", "Your browser sent more than can be taken."),
    429: ("One moment", "Many people are here at once. Please try again in a few seconds."),
    503: ("One moment", "The server cannot store anything just now. Nothing you have sent before is lost. "
                        "Please try again in a few seconds."),
}


def make_app(task: Task, *, hosts: Sequence[str] = ("*",)) -> ASGIApp:
    """Make the application that serves a task.

    Parameters
    ----------
    task : Task
    hosts : sequence of str
        Names that browsers may know the server by; others are refused, as a page elsewhere that gives this machine
        a name of its own would else speak to it.

    Returns
    -------
    ASGI application
    """
    def route(path: str, function: Callable[..., Any], *methods: str) -> Route:
        """Bind a route to the task."""
        return Route(path, _bound(task, function), methods=list(methods or ("GET",)))

    app = Starlette(routes=[
        route("/", routes.entry), route("/next", routes.onward),
        route("/consent", routes.consent_page), route("/consent", routes.with_form(routes.consent_given), "POST"),
        route("/instructions", routes.instructions_page),
        route("/instructions", routes.with_form(routes.instructions_read), "POST"),
        route("/practice", functools.partial(routes.task_page, place="practice")),
        route("/trial", functools.partial(routes.task_page, place="trial")),
        route("/submit", routes.submit, "POST"),
        route("/image/{opaque}", routes.photograph),
        route("/debrief", routes.debrief), route("/health", routes.health),
        route("/static/{name:path}", routes.static_file),
        route("/monitor", monitor_page.page), route("/monitor/heatmap/{opaque}.png", monitor_page.heatmap),
    ], exception_handlers={
        HTTPException: functools.partial(_failed, task), ElsewhereError: functools.partial(_elsewhere, task),
        ClientDisconnect: _gone,
        **dict.fromkeys((DatabaseError, PoolTimeoutError, DatabaseBusyError,
                                                   DatabaseGoneError), functools.partial(_unstored, task)),
    })
    guarded = with_headers(TrustedHostMiddleware(app, allowed_hosts=hosts, www_redirect=False))
    return mounted(guarded, task.pages.root)


def _bound(task: Task, function: Callable[..., Any]) -> Callable[[Request], Any]:
    """Give a function of a request; an ordinary one is run in a thread by Starlette, as it waits for the disk."""
    if inspect.iscoroutinefunction(function):
        async def answer_later(request: Request) -> Response:
            """Answer in the event loop."""
            response: Response = await function(task, request)
            return response

        return answer_later

    def answer(request: Request) -> Response:
        """Answer in a thread."""
        response: Response = function(task, request)
        return response

    return answer


def _failed(task: Task, request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = dict(getattr(error, "headers", None) or {})
    title, words = _WORDS.get(status, ("That did not work", "Please try again."))
    if request.url.path == "/submit":
        return JSONResponse({"ok": False, "error": words}, status, headers)
    return task.pages.render("error.html", status=status, headers=headers, title=task.material.config.title,
                             heading=title, message=words)


def _unstored(task: Task, request: Request, error: Exception) -> Response:
    """Ask for another try: the disk is full, somebody holds the database, or its file is gone."""
    if not isinstance(error, (DatabaseBusyError, PoolTimeoutError)):
        task.database.file.say_once(str(getattr(error, "orig", None) or error))
    title, words = _WORDS[503]
    headers = {"Retry-After": str(routes.RETRY_SECONDS)}
    if request.url.path == "/submit":
        words = "Your box could not be stored just now. It is kept in this page; please try again in a few seconds."
        return JSONResponse({"ok": False, "error": words, "retry": True}, 503, headers)
    return task.pages.render("error.html", status=503, headers=headers, title=task.material.config.title,
                             heading=title, message=words)


def _gone(request: Request, error: Exception) -> Response:  # noqa: ARG001 - a handler's signature
    """End quietly: whoever asked is no longer there to read an answer."""
    return Response(status_code=400)


def _elsewhere(task: Task, request: Request, error: Exception) -> Response:  # noqa: ARG001 - a handler's signature
    return RedirectResponse(task.pages.url(error.path if isinstance(error, ElsewhereError) else "/"), 303)
