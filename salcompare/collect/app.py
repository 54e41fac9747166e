"""The web application: its routes, which are the worker's way, and what is said of errors."""

import functools
import json
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import parse_qs, urlencode

from sqlalchemy import insert, select, update
from sqlalchemy.exc import DatabaseError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from salcompare.collect import answers
from salcompare.collect.answers import RefusedAnswerError, Reply
from salcompare.collect.assignment import Place, answered, find_worker, history, lease, practised
from salcompare.collect.database import DatabaseBusyError, DatabaseGoneError, assignments, reason_of, workers
from salcompare.collect.keys import SESSION_SECONDS, same_text
from salcompare.collect.limits import client_of, limited_body, with_headers
from salcompare.collect.monitor import monitor_heatmap, monitor_page
from salcompare.collect.task import COOKIE, ElsewhereError, Task, Visitor
from salcompare.texts import hidden_in

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
_RETRY = {"Retry-After": "3"}  # seconds until a page asks again where nothing can be stored
MAX_WORKER_ID = 64  # characters
CONSENT = (
    "We study which parts of a face people find most recognisable. You will see photographs of faces and draw a box "
    "around one feature on each.",
    "We keep the boxes and labels that you give, how long each took, and a code made from your participant code that "
    "cannot be turned back into it without a key that only the researchers hold. We do not keep your name, your "
    "address or anything about your device.",
    "Taking part is voluntary. You can stop at any time by closing the page, and you can ask to have your answers "
    "deleted by giving the researchers your participant code.",
)
"""What the consent page says where study.toml says nothing."""
PROLIFIC = "https://app.prolific.com/submissions/complete"


def make_app(task: Task, *, hosts: Sequence[str] = ("*",)) -> ASGIApp:
    """Make the application that serves a task to browsers that know the server by one of `hosts`.

    Other names are refused, as a page elsewhere that gives this machine a name of its own would else speak to it.
    """
    def route(path: str, function: Callable[..., Any], method: str = "GET") -> Route:
        """Bind a route to the task; Starlette runs an ordinary function in a thread, as it waits for the disk."""
        return Route(path, functools.partial(function, task), methods=[method])

    failed = functools.partial(_unstored, task)
    app = Starlette(routes=[
        route("/", entry), route("/next", onward),
        route("/consent", consent_page), route("/consent", with_form(consent_given), "POST"),
        route("/instructions", instructions_page), route("/instructions", with_form(instructions_read), "POST"),
        route("/practice", functools.partial(task_page, place="practice")),
        route("/trial", functools.partial(task_page, place="trial")), route("/submit", submit, "POST"),
        route("/image/{opaque}", photograph), route("/debrief", debrief), route("/health", health),
        route("/static/{name:path}", static_file),
        route("/monitor", monitor_page), route("/monitor/heatmap/{opaque}.png", monitor_heatmap),
    ], exception_handlers={
        HTTPException: functools.partial(_failed, task), ElsewhereError: lambda _, error: _to(task, str(error)),
        ClientDisconnect: lambda *_: Response(status_code=400),  # nobody is there any more to read it
        DatabaseError: failed, PoolTimeoutError: failed, DatabaseBusyError: failed, DatabaseGoneError: failed,
    })
    return mounted(with_headers(TrustedHostMiddleware(app, allowed_hosts=hosts, www_redirect=False)), task.pages.root)


def mounted(app: ASGIApp, root: str) -> ASGIApp:
    """Serve an app under a path, whether the web server in front passes that path on or takes it off."""
    async def within(scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request as if its path began below the root."""
        if scope["type"] == "http" and root:
            path: str = scope["path"]
            inside = path.removeprefix(root) if path == root or path.startswith(f"{root}/") else path
            scope = {**scope, "path": inside or "/"}
        await app(scope, receive, send)

    return within


def _failed(task: Task, request: Request, error: Any, words: str = "", **more: object) -> Response:  # noqa: ANN401
    """Say what an error with a status means, by JSON where an answer was sent."""
    heading, message = _WORDS.get(error.status_code, ("That did not work", "Please try again."))
    headers = dict(error.headers or {})
    if request.url.path == "/submit":
        return JSONResponse({"ok": False, "error": words or message, **more}, error.status_code, headers)
    return task.pages.render("error.html", status=error.status_code, headers=headers, heading=heading, message=message)


def _unstored(task: Task, request: Request, error: Exception) -> Response:
    """Ask for another try: the disk is full, somebody holds the database, or its file is gone."""
    if not isinstance(error, (DatabaseBusyError, PoolTimeoutError)):
        task.database.file.say_once(reason_of(error))
    words = "Your box could not be stored just now. It is kept in this page; please try again in a few seconds."
    return _failed(task, request, HTTPException(503, headers=_RETRY), words, retry=True)


def _to(task: Task, path: str) -> RedirectResponse:
    return RedirectResponse(task.pages.url(path), 303)


def entry(task: Task, request: Request) -> Response:
    """Begin a session for the worker id in the address, or ask for one."""
    query = request.query_params
    source = "prolific" if "PROLIFIC_PID" in query else "link"
    worker = (query.get("PROLIFIC_PID") or query.get("worker") or "").strip()
    if not worker:
        return task.pages.render("entry.html", error="Please give your code." if query else "")
    if len(worker) > MAX_WORKER_ID or hidden_in(worker):
        return task.pages.render("entry.html", status=400,
                                 error=f"A participant code has at most {MAX_WORKER_ID} letters and digits.")
    if wait := task.entries.take(client_of(request.client.host if request.client else "")):
        raise HTTPException(429, headers={"Retry-After": str(wait)})
    response = _to(task, "/next")
    response.set_cookie(COOKIE, task.keys.session(task.keys.hashed(worker), source), max_age=SESSION_SECONDS,
                        path=task.pages.url("/"), secure=request.url.scheme == "https", httponly=True, samesite="lax")
    return response


def onward(task: Task, request: Request) -> Response:
    """Redirect to the page where the worker stands."""
    with task.database.reading() as connection:
        _, place = task.standing(connection, task.visitor(request))
    return _to(task, f"/{place}")


def consent_page(task: Task, request: Request) -> Response:
    """Ask for consent."""
    visitor, config = task.visitor(request), task.stimuli.config
    with task.database.reading() as connection:
        worker, place = task.standing(connection, visitor)
    if worker is not None:
        raise ElsewhereError(f"/{place}")
    return task.pages.render("consent.html", csrf=task.keys.csrf(visitor.nonce), config=config,
                             text=config.consent or CONSENT)


def consent_given(task: Task, request: Request, form: dict[str, str]) -> Response:
    """Take consent down; who declines leaves no trace."""
    visitor = _held_to_csrf(task, request, form)
    if form.get("agree") != "yes":
        return task.pages.render("consent.html", declined=True)
    with task.database.writing() as connection:
        if find_worker(connection, visitor.worker_hmac) is None:
            connection.execute(insert(workers).values(hmac=visitor.worker_hmac, source=visitor.source,
                                                      consented=task.clock()))
    return _to(task, "/next")


def instructions_page(task: Task, request: Request) -> Response:
    """Explain the task; workers may come back to it."""
    visitor, stimuli = task.visitor(request), task.stimuli
    with task.database.reading() as connection:
        worker, place = task.standing(connection, visitor)
    if worker is None:
        raise ElsewhereError(f"/{place}")
    return task.pages.render("instructions.html", csrf=task.keys.csrf(visitor.nonce),
                             labels=stimuli.offered("", worker.id), question=stimuli.config.question)


def instructions_read(task: Task, request: Request, form: dict[str, str]) -> Response:
    """Note that the instructions were read."""
    visitor = _held_to_csrf(task, request, form)
    with task.database.writing() as connection:
        connection.execute(update(workers).where(workers.c.hmac == visitor.worker_hmac,
                                                 workers.c.instructed.is_(None)).values(instructed=task.clock()))
    return _to(task, "/next")


def task_page(task: Task, request: Request, place: Place) -> Response:
    """Show a photograph to draw on: of practice, a trial or a check."""
    visitor, stimuli = task.visitor(request), task.stimuli
    with task.database.writing() as connection:
        worker = task.at(connection, visitor, place)
        assignment = lease(connection, worker.id, place, stimuli, task.clock())
        if assignment is None:
            raise ElsewhereError("/debrief")
        shown = history(connection, worker.id)
    if place == "practice":
        done, total, feedback = practised(shown), len(stimuli.practice), answers.last_feedback(shown)
    else:
        done, total, feedback = answered(shown), stimuli.n_tasks, None
    photo = stimuli.photos[assignment.image]
    labels = json.loads(assignment.label_order) if assignment.label_order else stimuli.labels
    instruction = f"Draw a box around the {assignment.instruction_label}." if assignment.instruction_label else ""
    return task.pages.render(
        "trial.html", kind=place, image_url=task.pages.url(f"/image/{assignment.opaque}"), width=photo.width,
        height=photo.height, labels=labels, feedback=feedback, instruction=instruction or stimuli.config.question,
        progress_done=done, progress_total=total, min_size=answers.least_size(photo, stimuli),
        token=task.keys.trial_token(assignment.id, assignment.expires))


def photograph(task: Task, request: Request) -> Response:
    """Send a photograph that is leased to the worker."""
    visitor = task.visitor(request)
    with task.database.reading() as connection:
        image = connection.scalar(
            select(assignments.c.image).join(workers, workers.c.id == assignments.c.worker)
            .where(assignments.c.opaque == request.path_params["opaque"], workers.c.hmac == visitor.worker_hmac,
                   assignments.c.expires > task.clock()))
    if image is None or image not in task.stimuli.photos:
        raise HTTPException(404)
    content, media_type = task.encoded(image)
    return Response(content, media_type=media_type, headers={"Cache-Control": "private, max-age=3600"})


def debrief(task: Task, request: Request) -> Response:
    """Thank the worker and give the completion code."""
    visitor, code = task.visitor(request), task.stimuli.config.prolific_code
    with task.database.reading() as connection:
        worker = task.at(connection, visitor, "debrief")
        done = answered(history(connection, worker.id))
    prolific = worker.source == "prolific" and code
    return task.pages.render(
        "debrief.html", n_done=done,
        completion_code=code if prolific else task.keys.completion_code(visitor.worker_hmac),
        return_url=f"{PROLIFIC}?{urlencode({'cc': code})}" if prolific else None)


def health(task: Task, request: Request) -> Response:  # noqa: ARG001 - a route's signature
    """Say whether answers can be stored: 503 with the reason while they cannot."""
    if why := task.database.trouble():
        return JSONResponse({"ok": False, "error": why}, 503, _RETRY)
    with task.database.reading() as connection:
        connection.execute(select(workers.c.id).limit(1)).all()
    return JSONResponse({"ok": True})


def static_file(task: Task, request: Request) -> Response:
    """Send a static file."""
    file = task.pages.static.get(request.path_params["name"])
    if file is None:
        raise HTTPException(404)
    fresh = request.query_params.get("v") == file.version
    keep = "public, max-age=31536000, immutable" if fresh else "no-cache"
    return Response(file.content, media_type=file.media_type, headers={"Cache-Control": keep})


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
    return await run_in_threadpool(_submitted, task, visitor, await limited_body(request))


def with_form(handler: Callable[[Task, Request, dict[str, str]], Response]) -> Any:  # noqa: ANN401 - a coroutine
    """Read a form's fields before a handler runs."""
    async def handle(task: Task, request: Request) -> Response:
        """Read the fields and give them to the handler, on a thread."""
        body = await limited_body(request)
        try:
            fields = parse_qs(body.decode(), max_num_fields=10)
        except ValueError as error:
            raise HTTPException(400) from error
        return await run_in_threadpool(handler, task, request, {name: values[0] for name, values in fields.items()})

    return handle


def _submitted(task: Task, visitor: Visitor, body: bytes) -> Response:
    """Store an answer, or tell again what was said when it was stored; the next page's address is that of today."""
    try:
        answer = answers.read_answer(body)
        with task.database.writing() as connection:
            token = task.keys.read_trial_token(answer.token)
            worker = find_worker(connection, visitor.worker_hmac)
            assignment = None if worker is None or token is None else connection.execute(select(assignments).where(
                assignments.c.id == token[0], assignments.c.worker == worker.id)).one_or_none()
            if assignment is None or token is None:
                raise RefusedAnswerError("This photograph is not yours to answer any more. Please go on.", 409)
            if assignment.expires != token[1] or (assignment.submitted is None and assignment.expires <= task.clock()):
                raise RefusedAnswerError("This photograph waited for too long. Please go on.", 410)
            reply: Reply = json.loads(assignment.reply) if assignment.submitted is not None else answers.store_answer(
                connection, assignment, answer, task.stimuli, worker_hmac=visitor.worker_hmac, now=task.clock())
    except RefusedAnswerError as error:
        onward: dict[str, Any] = {} if error.status == 400 else {"next": task.pages.url("/next")}
        return _refusal(error.status, str(error), **onward)
    return JSONResponse(reply | {"next": task.pages.url(reply["next"])})


def _held_to_csrf(task: Task, request: Request, form: dict[str, str]) -> Visitor:
    visitor = task.visitor(request)
    if not same_text(form.get("csrf", ""), task.keys.csrf(visitor.nonce)):
        raise HTTPException(403)
    return visitor


def _refusal(status: int, words: str, *, wait: int = 0, **more: object) -> JSONResponse:
    content: Reply = {"ok": False, "error": words, **more}
    return JSONResponse(content, status, {"Retry-After": str(wait)} if wait else None)
