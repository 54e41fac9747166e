"""Which photograph a worker sees next: the one fewest have seen, never one twice, and a check now and then.

A photograph is leased for a while. The load of a photograph is its answers and its standing leases, so what somebody
left unanswered is offered to others; when they come back, they still find it, as they have seen it already.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from sqlalchemy import ColumnElement, Connection, Row, func, insert, or_, select, update

from salcompare.collect.database import assignments, workers
from salcompare.collect.stimuli import Instructed, Material, Photo

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


def place_of(connection: Connection, worker: Row[Any] | None, material: Material) -> Place:
    """Say where a worker stands."""
    if worker is None:
        return "consent"
    if worker.instructed is None:
        return "instructions"
    shown = history(connection, worker.id)
    if practised(shown) < len(material.practice):
        return "practice"
    if answered(shown) >= material.n_trials + material.n_checks:
        return "debrief"
    left = _open(shown, "trial", material) or _choices(shown, worker.id, material)[1]
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


def last_practice(shown: Rows) -> Row[Any] | None:
    """Give a worker's last answer in practice."""
    return next((row for row in reversed(shown) if row.kind == "practice" and row.submitted is not None), None)


def lease(connection: Connection, worker: int, place: Place, material: Material, now: float) -> Row[Any] | None:
    """Give a worker's open assignment, renewed if its lease has ended, or a new one; None if nothing is left."""
    expires = int(now + 60 * material.config.lease_minutes)
    shown = history(connection, worker)
    found = _open(shown, place, material)
    if found is not None:
        if found.expires > now:
            return found
        return connection.execute(update(assignments).where(assignments.c.id == found.id).values(expires=expires)
                                  .returning(assignments)).one()
    if place == "practice":
        chosen: Photo | Instructed | None = material.practice[practised(shown)]
    else:
        chosen = _next(connection, shown, worker, material, now)
    if chosen is None:
        return None
    what = {"worker": worker, "opaque": secrets.token_urlsafe(18), "expires": expires, "shown": now,
            **_what(chosen, worker, material)}
    return connection.execute(insert(assignments).returning(assignments), what).one()


def check_places(worker: int, material: Material) -> frozenset[int]:
    """Draw at which of a worker's tasks the checks come; never at the first."""
    total = material.n_trials + material.n_checks
    rng = np.random.default_rng([material.seed, worker])
    return frozenset((1 + rng.choice(total - 1, min(material.n_checks, total - 1), replace=False)).tolist())


def _open(shown: Rows, place: Place, material: Material) -> Row[Any] | None:
    """Give what a worker was shown and has not answered; what the study no longer has cannot be."""
    return next((row for row in shown if row.submitted is None and row.image in material.photos
                 and (row.kind == "practice") == (place == "practice")), None)


def _choices(shown: Rows, worker: int, material: Material) -> tuple[str, list[str]]:
    """List what a worker may see next: of checks, where one is due and left, otherwise of trials."""
    seen = {row.image for row in shown if row.kind != "practice"}
    if answered(shown) in check_places(worker, material):
        checks = dict.fromkeys(check.photo.image for check in material.checks if check.photo.image not in seen)
        if checks:
            return "check", list(checks)
    return "trial", [photo.image for photo in material.trials if photo.image not in seen]


def _next(connection: Connection, shown: Rows, worker: int, material: Material,
          now: float) -> Photo | Instructed | None:
    kind, images = _choices(shown, worker, material)
    rng = np.random.default_rng([material.seed, worker, sum(row.kind != "practice" for row in shown)])
    image = _fewest(images, _loads(connection, kind, standing_lease(material, now)), rng)
    if image is None or kind == "trial":
        return None if image is None else material.photos[image]
    same = [check for check in material.checks if check.photo.image == image]
    return same[int(rng.integers(len(same)))]


def standing_lease(material: Material, now: float) -> ColumnElement[bool]:
    """Say which leases stand: not ended, nor with longer to go than one lasts, as after the clock has stepped back."""
    return assignments.c.expires.between(int(now) + 1, int(now + 60 * material.config.lease_minutes))


def _loads(connection: Connection, kind: str, standing: ColumnElement[bool]) -> Mapping[str, int]:
    """Count the answers and standing leases of each image."""
    rows = connection.execute(
        select(assignments.c.image, func.count())
        .where(assignments.c.kind == kind, or_(assignments.c.submitted.is_not(None), standing))
        .group_by(assignments.c.image))
    return {image: count for image, count in rows}  # noqa: C416 - rows are no pairs to the type checker


def _fewest(images: Sequence[str], loads: Mapping[str, int], rng: np.random.Generator) -> str | None:
    """Draw one of the images with the least load."""
    if not images:
        return None
    least = min(loads.get(image, 0) for image in images)
    tied = [image for image in images if loads.get(image, 0) == least]
    return tied[int(rng.integers(len(tied)))]


def _what(chosen: Photo | Instructed, worker: int, material: Material) -> dict[str, object]:
    photo = chosen if isinstance(chosen, Photo) else chosen.photo
    what: dict[str, object] = {
        "image": photo.image, "kind": "trial",
        "label_order": json.dumps(material.offered(photo.image, worker), ensure_ascii=False)}
    if isinstance(chosen, Photo):
        return what
    edges = dict(zip(("target_x0", "target_y0", "target_x1", "target_y1"), chosen.target, strict=True))
    return what | {"kind": chosen.kind, "instruction_label": chosen.label, **edges}
