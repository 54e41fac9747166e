"""The web application: its routes, which are the worker's way, and what is said of errors."""

from __future__ import annotations

import functools
import inspect
import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode

from sqlalchemy import insert, select, update
from sqlalchemy.exc import DatabaseError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from salcompare.collect.answers import (
    RefusedAnswerError,
    Reply,
    check_box,
    feedback_of,
    least_size,
    read_answer,
    store_answer,
)
from salcompare.collect.assignment import Place, answered, find_worker, history, last_practice, lease, practised
from salcompare.collect.database import DatabaseBusyError, DatabaseGoneError, assignments, workers
from salcompare.collect.keys import SESSION_SECONDS, same_text
from salcompare.collect.limits import client_of, limited_body, with_headers
from salcompare.collect.monitor import monitor_heatmap, monitor_page
from salcompare.collect.task import CONSENT, COOKIE, ElsewhereError, Task, Visitor
from salcompare.texts import hidden_in

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp, Receive, Scope, Send

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
        route("/", entry), route("/next", onward),
        route("/consent", consent_page), route("/consent", with_form(consent_given), "POST"),
        route("/instructions", instructions_page),
        route("/instructions", with_form(instructions_read), "POST"),
        route("/practice", functools.partial(task_page, place="practice")),
        route("/trial", functools.partial(task_page, place="trial")),
        route("/submit", submit, "POST"),
        route("/image/{opaque}", photograph),
        route("/debrief", debrief), route("/health", health),
        route("/static/{name:path}", static_file),
        route("/monitor", monitor_page), route("/monitor/heatmap/{opaque}.png", monitor_heatmap),
    ], exception_handlers={
        HTTPException: functools.partial(_failed, task), ElsewhereError: functools.partial(_elsewhere, task),
        ClientDisconnect: _gone,
        **dict.fromkeys((DatabaseError, PoolTimeoutError, DatabaseBusyError,
                                                   DatabaseGoneError), functools.partial(_unstored, task)),
    })
    guarded = with_headers(TrustedHostMiddleware(app, allowed_hosts=hosts, www_redirect=False))
    return mounted(guarded, task.pages.root)


def mounted(app: ASGIApp, root: str) -> ASGIApp:
    """Serve an app under a path, whether the web server in front passes that path on or takes it off."""
    async def within(scope: Scope, receive: Receive, send: Send) -> None:
        """Take the path off, if it is there."""
        if scope["type"] == "http" and root:
            path: str = scope["path"]
            inside = path.removeprefix(root) if path == root or path.startswith(f"{root}/") else path
            scope = {**scope, "path": inside or "/"}
        await app(scope, receive, send)

    return within


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
    headers = {"Retry-After": str(RETRY_SECONDS)}
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

RETRY_SECONDS = 3  # until a page asks again where nothing can be stored
MAX_WORKER_ID = 64  # characters
PROLIFIC = "https://app.prolific.com/submissions/complete"


def entry(task: Task, request: Request) -> Response:
    """Begin a session for the worker id in the address, or ask for one."""
    asked = request.query_params
    source = "prolific" if "PROLIFIC_PID" in asked else "link"
    worker = (asked.get("PROLIFIC_PID") or asked.get("worker") or "").strip()
    title = task.material.config.title
    if not worker:
        return task.pages.render("entry.html", title=title, error="" if not asked else "Please give your code.")
    if len(worker) > MAX_WORKER_ID or hidden_in(worker):
        return task.pages.render("entry.html", status=400, title=title,
                                 error=f"A participant code has at most {MAX_WORKER_ID} letters and digits.")
    if wait := task.entries.take(client_of(request.client.host if request.client else "")):
        raise HTTPException(429, headers={"Retry-After": str(wait)})
    response = RedirectResponse(task.pages.url("/next"), 303)
    response.set_cookie(COOKIE, task.keys.session(task.keys.hashed(worker), source), max_age=SESSION_SECONDS,
                        path=task.pages.url("/"), secure=request.url.scheme == "https", httponly=True, samesite="lax")
    return response


def onward(task: Task, request: Request) -> Response:
    """Redirect to the page where the worker stands."""
    with task.database.reading() as connection:
        _, place = task.standing(connection, task.visitor(request))
    return RedirectResponse(task.pages.url(f"/{place}"), 303)


def consent_page(task: Task, request: Request) -> Response:
    """Ask for consent."""
    visitor, config = task.visitor(request), task.material.config
    with task.database.reading() as connection:
        worker, place = task.standing(connection, visitor)
    if worker is not None:
        raise ElsewhereError(f"/{place}")
    return task.pages.render("consent.html", title=config.title, csrf=task.keys.csrf(visitor.nonce), config=config,
                             text=config.consent or CONSENT, **_numbers(task))


def consent_given(task: Task, request: Request, form: dict[str, str]) -> Response:
    """Take consent down; who declines leaves no trace."""
    visitor = _held_to_csrf(task, request, form)
    if form.get("agree") != "yes":
        return task.pages.render("consent.html", title=task.material.config.title, declined=True)
    with task.database.writing() as connection:
        if find_worker(connection, visitor.worker_hmac) is None:
            connection.execute(insert(workers).values(hmac=visitor.worker_hmac, source=visitor.source,
                                                      consented=task.clock()))
    return RedirectResponse(task.pages.url("/next"), 303)


def instructions_page(task: Task, request: Request) -> Response:
    """Explain the task; workers may come back to it."""
    visitor, material = task.visitor(request), task.material
    with task.database.reading() as connection:
        worker, place = task.standing(connection, visitor)
    if worker is None:
        raise ElsewhereError(f"/{place}")
    return task.pages.render("instructions.html", title=material.config.title, csrf=task.keys.csrf(visitor.nonce),
                             labels=material.offered("", worker.id), question=material.config.question,
                             **_numbers(task))


def _numbers(task: Task) -> dict[str, Any]:
    """Give how many photographs and practice tasks a worker will see; checks look like trials."""
    material = task.material
    return {"n_trials": material.n_trials + material.n_checks, "n_practice": len(material.practice)}


def instructions_read(task: Task, request: Request, form: dict[str, str]) -> Response:
    """Note that the instructions were read."""
    visitor = _held_to_csrf(task, request, form)
    with task.database.writing() as connection:
        connection.execute(update(workers).where(workers.c.hmac == visitor.worker_hmac,
                                                 workers.c.instructed.is_(None)).values(instructed=task.clock()))
    return RedirectResponse(task.pages.url("/next"), 303)


def task_page(task: Task, request: Request, place: Place) -> Response:
    """Show a photograph to draw on: of practice, a trial or a check."""
    visitor, material = task.visitor(request), task.material
    with task.database.writing() as connection:
        worker = task.at(connection, visitor, place)
        assignment = lease(connection, worker.id, place, material, task.clock())
        if assignment is None:
            raise ElsewhereError("/debrief")
        shown = history(connection, worker.id)
    if place == "practice":
        done, total, told = practised(shown), len(material.practice), feedback_of(last_practice(shown))
    else:
        done, total, told = answered(shown), material.n_trials + material.n_checks, None
    photo = material.photos[assignment.image]
    labels = json.loads(assignment.label_order) if assignment.label_order else material.labels
    instruction = f"Draw a box around the {assignment.instruction_label}." if assignment.instruction_label else ""
    return task.pages.render(
        "trial.html", title=material.config.title, kind=place, image_url=task.pages.url(f"/image/{assignment.opaque}"),
        width=photo.width, height=photo.height, labels=labels, feedback=told,
        instruction=instruction or material.config.question, progress_done=done, progress_total=total,
        token=task.keys.trial_token(assignment.id, assignment.expires), min_size=least_size(photo, material))


def photograph(task: Task, request: Request) -> Response:
    """Send a photograph that is leased to the worker."""
    visitor = task.visitor(request)
    with task.database.reading() as connection:
        image = connection.scalar(
            select(assignments.c.image).join(workers, workers.c.id == assignments.c.worker)
            .where(assignments.c.opaque == request.path_params["opaque"], workers.c.hmac == visitor.worker_hmac,
                   assignments.c.expires > task.clock()))
    if image is None or image not in task.material.photos:
        raise HTTPException(404)
    content, media_type = task.encoded(image)
    return Response(content, media_type=media_type, headers={"Cache-Control": "private, max-age=3600"})


def debrief(task: Task, request: Request) -> Response:
    """Thank the worker and give the completion code."""
    visitor, config = task.visitor(request), task.material.config
    with task.database.reading() as connection:
        worker = task.at(connection, visitor, "debrief")
        done = answered(history(connection, worker.id))
    prolific = worker.source == "prolific" and config.prolific_code
    return task.pages.render(
        "debrief.html", title=config.title, n_done=done,
        completion_code=config.prolific_code if prolific else task.keys.completion_code(visitor.worker_hmac),
        return_url=f"{PROLIFIC}?{urlencode({'cc': config.prolific_code})}" if prolific else None)


def health(task: Task, request: Request) -> Response:  # noqa: ARG001 - a route's signature
    """Say whether answers can be stored: 503 with the reason while they cannot."""
    if why := task.database.trouble():
        return JSONResponse({"ok": False, "error": why}, 503, {"Retry-After": str(RETRY_SECONDS)})
    with task.database.reading() as connection:
        connection.execute(select(workers.c.id).limit(1)).all()
    return JSONResponse({"ok": True})


def static_file(task: Task, request: Request) -> Response:
    """Send a static file."""
    found = task.pages.static.get(request.path_params["name"])
    if found is None:
        raise HTTPException(404)
    fresh = request.query_params.get("v") == found.version
    keep = "public, max-age=31536000, immutable" if fresh else "no-cache"
    return Response(found.content, media_type=found.media_type, headers={"Cache-Control": keep})


async def submit(task: Task, request: Request) -> Response:
    """Take an answer."""
    if request.headers.get("X-Requested-With") != "salcompare":
        return _refusal(403, "Please send answers from the task's own page.", next=task.pages.url("/next"))
    try:
        visitor = task.visitor(request)
    except ElsewhereError:
        return _refusal(403, "Your session has ended. Please open your link again.", next=task.pages.url("/"))
    if wait := task.answers.take(visitor.worker_hmac):
        return _refusal(429, "That was very fast. Your box is kept; it is sent again in a moment.", wait=wait,
                        retry=True)
    body = await limited_body(request)
    return await run_in_threadpool(_submitted, task, visitor, body)


def with_form(handler: Callable[[Task, Request, dict[str, str]], Response]) -> Any:  # noqa: ANN401 - a coroutine
    """Read a form's fields before a handler runs."""
    async def handle(task: Task, request: Request) -> Response:
        """Read the fields, then run the handler in a thread."""
        body = await limited_body(request)
        try:
            fields = parse_qs(body.decode(), max_num_fields=10)
        except ValueError as error:
            raise HTTPException(400) from error
        return await run_in_threadpool(handler, task, request, {name: values[0] for name, values in fields.items()})

    return handle


def _submitted(task: Task, visitor: Visitor, body: bytes) -> Response:
    try:
        answer = read_answer(body)
    except RefusedAnswerError as error:
        return _refusal(400, str(error))
    onward = task.pages.url("/next")
    token = task.keys.read_trial_token(answer.token)
    with task.database.writing() as connection:
        worker = find_worker(connection, visitor.worker_hmac)
        found = None if worker is None or token is None else connection.execute(
            select(assignments).where(assignments.c.id == token[0], assignments.c.worker == worker.id)).one_or_none()
        if found is None or token is None:
            return _refusal(409, "This photograph is not yours to answer any more. Please go on.", next=onward)
        if found.expires != token[1] or (found.submitted is None and found.expires <= task.clock()):
            return _refusal(410, "This photograph waited for too long. Please go on.", next=onward)
        if found.submitted is not None:
            return _acknowledged(task, json.loads(found.reply))
        photo = task.material.photos.get(found.image)
        if photo is None:
            return _refusal(410, "This photograph was taken back. Please go on.", next=onward)
        try:
            if answer.box is not None:
                check_box(answer.box, photo, least_size(photo, task.material))
        except RefusedAnswerError as error:
            return _refusal(400, str(error))
        reply = store_answer(connection, found, answer, task.material, worker_hmac=visitor.worker_hmac,
                             now=task.clock())
    return _acknowledged(task, reply)


def _acknowledged(task: Task, reply: Reply) -> JSONResponse:
    """Tell the worker what is stored; the next page's address is that of today."""
    return JSONResponse(reply | {"next": task.pages.url(reply["next"])})


def _held_to_csrf(task: Task, request: Request, form: dict[str, str]) -> Visitor:
    visitor = task.visitor(request)
    if not same_text(form.get("csrf", ""), task.keys.csrf(visitor.nonce)):
        raise HTTPException(403)
    return visitor


def _refusal(status: int, words: str, *, wait: int = 0, **more: object) -> JSONResponse:
    content: Reply = {"ok": False, "error": words, **more}
    return JSONResponse(content, status, {"Retry-After": str(wait)} if wait else None)
