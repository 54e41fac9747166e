"""Which photograph a worker sees next: the one fewest have seen, never one twice, and a check now and then.

A photograph is leased for a while. The load of a photograph is its answers and its standing leases, so what somebody
left unanswered is offered to others; when they come back, they still find it, as they have seen it already.
"""

import json
import secrets
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from sqlalchemy import ColumnElement, Connection, Row, func, insert, or_, select, update

from salcompare.collect.database import assignments, workers
from salcompare.collect.stimuli import Instructed, Photo, Stimuli

Place = Literal["consent", "instructions", "practice", "trial", "debrief"]
Rows = Sequence[Row[Any]]
ATTEMPTS = 3  # tries of a practice task before the worker goes on anyway


def find_worker(connection: Connection, worker_hmac: str) -> Row[Any] | None:
    """Find a worker who has consented."""
    return connection.execute(select(workers).where(workers.c.hmac == worker_hmac)).one_or_none()


def history(connection: Connection, worker: int) -> Rows:
    """Read all that a worker was shown, in order."""
    return connection.execute(
        select(assignments).where(assignments.c.worker == worker).order_by(assignments.c.id)).all()


def place_of(connection: Connection, worker: Row[Any] | None, stimuli: Stimuli) -> Place:
    """Say where a worker stands."""
    if worker is None:
        return "consent"
    if worker.instructed is None:
        return "instructions"
    shown = history(connection, worker.id)
    if practised(shown) < len(stimuli.practice):
        return "practice"
    unfinished = answered(shown) < stimuli.n_tasks
    left = unfinished and (_open(shown, "trial", stimuli) or _choices(shown, worker.id, stimuli)[1])
    return "trial" if left else "debrief"


def answered(shown: Rows) -> int:
    """Count a worker's answers to trials and checks."""
    return sum(row.kind != "practice" and row.submitted is not None for row in shown)


def practised(shown: Rows) -> int:
    """Count the practice tasks that a worker has passed, or has tried often enough."""
    done = tries = 0
    for row in shown:
        if row.kind == "practice" and row.submitted is not None:
            tries += 1
            if row.passed or tries == ATTEMPTS:
                done, tries = done + 1, 0
    return done


def lease(connection: Connection, worker: int, place: Place, stimuli: Stimuli, now: float) -> Row[Any] | None:
    """Give a worker's open assignment, renewed if its lease has ended, or a new one; None if nothing is left."""
    expires = int(now + 60 * stimuli.config.lease_minutes)
    shown = history(connection, worker)
    waiting = _open(shown, place, stimuli)
    if waiting is not None:
        if waiting.expires > now:
            return waiting
        return connection.execute(update(assignments).where(assignments.c.id == waiting.id).values(expires=expires)
                                  .returning(assignments)).one()
    chosen = stimuli.practice[practised(shown)] if place == "practice" else _next(
        connection, shown, worker, stimuli, now)
    if chosen is None:
        return None
    image = (chosen if isinstance(chosen, Photo) else chosen.photo).image
    values: dict[str, object] = {
        "worker": worker, "opaque": secrets.token_urlsafe(18), "expires": expires, "shown": now, "image": image,
        "kind": "trial", "label_order": json.dumps(stimuli.offered(image, worker), ensure_ascii=False)}
    if isinstance(chosen, Instructed):
        edges = zip(("target_x0", "target_y0", "target_x1", "target_y1"), chosen.target, strict=True)
        values |= {"kind": chosen.kind, "instruction_label": chosen.label, **dict(edges)}
    return connection.execute(insert(assignments).returning(assignments), values).one()


def check_places(worker: int, stimuli: Stimuli) -> frozenset[int]:
    """Draw at which of a worker's tasks the checks come; never at the first."""
    rng = np.random.default_rng([stimuli.seed, worker])
    later = stimuli.n_tasks - 1
    return frozenset((1 + rng.choice(later, min(stimuli.n_checks, later), replace=False)).tolist())


def _open(shown: Rows, place: Place, stimuli: Stimuli) -> Row[Any] | None:
    """Give what a worker was shown and has not answered; what the study no longer has cannot be."""
    return next((row for row in shown if row.submitted is None and row.image in stimuli.photos
                 and (row.kind == "practice") == (place == "practice")), None)


def _choices(shown: Rows, worker: int, stimuli: Stimuli) -> tuple[str, list[str]]:
    """List what a worker may see next: of checks, where one is due and left, otherwise of trials."""
    seen = {row.image for row in shown if row.kind != "practice"}
    if answered(shown) in check_places(worker, stimuli):
        checks = dict.fromkeys(check.photo.image for check in stimuli.checks if check.photo.image not in seen)
        if checks:
            return "check", list(checks)
    return "trial", [photo.image for photo in stimuli.trials if photo.image not in seen]


def _next(connection: Connection, shown: Rows, worker: int, stimuli: Stimuli, now: float) -> Photo | Instructed | None:
    """Draw one of the images with the fewest answers and standing leases."""
    kind, images = _choices(shown, worker, stimuli)
    if not images:
        return None
    rng = np.random.default_rng([stimuli.seed, worker, sum(row.kind != "practice" for row in shown)])
    loads = {image: count for image, count in connection.execute(  # noqa: C416 - rows are no pairs to the type checker
        select(assignments.c.image, func.count()).group_by(assignments.c.image)
        .where(assignments.c.kind == kind, or_(assignments.c.submitted.is_not(None), standing_lease(stimuli, now))))}
    least = min(loads.get(image, 0) for image in images)
    tied = [image for image in images if loads.get(image, 0) == least]
    image = tied[int(rng.integers(len(tied)))]
    if kind == "trial":
        return stimuli.photos[image]
    same = [check for check in stimuli.checks if check.photo.image == image]
    return same[int(rng.integers(len(same)))]


def standing_lease(stimuli: Stimuli, now: float) -> ColumnElement[bool]:
    """Say which leases stand: not ended, nor with longer to go than one lasts, as after the clock has stepped back."""
    return assignments.c.expires.between(int(now) + 1, int(now + 60 * stimuli.config.lease_minutes))
