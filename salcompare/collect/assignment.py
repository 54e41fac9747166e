"""Which photograph a worker sees next: the one fewest have seen, never one twice, and a check now and then.

A photograph is leased for a while. The load of a photograph is its answers and its standing leases, so what somebody
left unanswered is offered to others; when they come back, they still find it, as they have seen it already.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from sqlalchemy import Connection, Row, func, insert, or_, select, update

from salcompare.collect.database import assignments, workers
from salcompare.collect.material import Instructed, Material, Photo

Place = Literal["consent", "instructions", "practice", "trial", "debrief"]
ATTEMPTS = 3  # tries of a practice task before the worker goes on anyway


def find_worker(connection: Connection, worker_hmac: str) -> Row[Any] | None:
    """Find a worker who has consented."""
    return connection.execute(select(workers).where(workers.c.hmac == worker_hmac)).one_or_none()


def place_of(connection: Connection, worker: Row[Any] | None, material: Material) -> Place:
    """Say where a worker stands."""
    if worker is None:
        return "consent"
    if worker.instructed is None:
        return "instructions"
    if _practised(connection, worker.id) < len(material.practice):
        return "practice"
    if answered(connection, worker.id) >= material.n_trials + material.n_checks:
        return "debrief"
    left = _open(connection, worker.id, "trial", material) or _next(connection, worker.id, material, 0)
    return "trial" if left else "debrief"


def answered(connection: Connection, worker: int) -> int:
    """Count a worker's answers to trials and checks."""
    return connection.scalar(select(func.count()).where(
        assignments.c.worker == worker, assignments.c.kind != "practice", assignments.c.submitted.is_not(None))) or 0


def progress(connection: Connection, worker: int, place: Place, material: Material) -> tuple[int, int]:
    """Count what a worker has done of a part, and of how many."""
    if place == "practice":
        return _practised(connection, worker), len(material.practice)
    return answered(connection, worker), material.n_trials + material.n_checks


def lease(connection: Connection, worker: int, place: Place, material: Material, now: float) -> Row[Any] | None:
    """Give a worker's open assignment, renewed if its lease has ended, or a new one; None if nothing is left."""
    expires = int(now + 60 * material.config.lease_minutes)
    found = _open(connection, worker, place, material)
    if found is not None:
        if found.expires > now:
            return found
        connection.execute(update(assignments).where(assignments.c.id == found.id).values(expires=expires))
        return _assignment(connection, found.id)
    if place == "practice":
        chosen: Photo | Instructed | None = material.practice[_practised(connection, worker)]
    else:
        chosen = _next(connection, worker, material, now)
    if chosen is None:
        return None
    made = connection.scalars(insert(assignments).returning(assignments.c.id), {
        "worker": worker, "opaque": secrets.token_urlsafe(18), "expires": expires, "shown": now, **_what(chosen)})
    return _assignment(connection, made.one())


def last_practice(connection: Connection, worker: int) -> Row[Any] | None:
    """Give a worker's last answer in practice."""
    return connection.execute(
        select(assignments).where(assignments.c.worker == worker, assignments.c.kind == "practice",
                                  assignments.c.submitted.is_not(None))
        .order_by(assignments.c.id.desc()).limit(1)).one_or_none()


def check_places(worker: int, material: Material) -> frozenset[int]:
    """Draw at which of a worker's tasks the checks come; never at the first."""
    total = material.n_trials + material.n_checks
    rng = np.random.default_rng([material.seed, worker])
    return frozenset((1 + rng.choice(total - 1, min(material.n_checks, total - 1), replace=False)).tolist())


def _assignment(connection: Connection, number: int) -> Row[Any]:
    return connection.execute(select(assignments).where(assignments.c.id == number)).one()


def _open(connection: Connection, worker: int, place: Place, material: Material) -> Row[Any] | None:
    """Give what a worker was shown and has not answered; what the study no longer has cannot be."""
    kind = assignments.c.kind == "practice" if place == "practice" else assignments.c.kind != "practice"
    rows = connection.execute(select(assignments).where(assignments.c.worker == worker, kind,
                                                        assignments.c.submitted.is_(None)).order_by(assignments.c.id))
    return next((row for row in rows.all() if row.image in material.photos), None)


def _practised(connection: Connection, worker: int) -> int:
    """Count the practice tasks that a worker has passed, or has tried often enough."""
    passed = connection.scalars(select(assignments.c.passed).where(
        assignments.c.worker == worker, assignments.c.kind == "practice", assignments.c.submitted.is_not(None))
        .order_by(assignments.c.id))
    done = tries = 0
    for right in passed:
        tries += 1
        if right or tries == ATTEMPTS:
            done, tries = done + 1, 0
    return done


def _next(connection: Connection, worker: int, material: Material, now: float) -> Photo | Instructed | None:
    seen = set(connection.scalars(select(assignments.c.image).where(
        assignments.c.worker == worker, assignments.c.kind != "practice")))
    checks = {check.photo.image: check for check in material.checks}
    rng = np.random.default_rng([material.seed, worker, len(seen)])
    if answered(connection, worker) in check_places(worker, material):
        image = _fewest([image for image in checks if image not in seen], _loads(connection, "check", now), rng)
        if image is not None:
            same = [check for check in material.checks if check.photo.image == image]
            return same[int(rng.integers(len(same)))]
    left = [photo.image for photo in material.trials if photo.image not in seen]
    image = _fewest(left, _loads(connection, "trial", now), rng)
    return None if image is None else material.photos[image]


def _loads(connection: Connection, kind: str, now: float) -> Mapping[str, int]:
    """Count the answers and standing leases of each image."""
    rows = connection.execute(
        select(assignments.c.image, func.count())
        .where(assignments.c.kind == kind, or_(assignments.c.submitted.is_not(None), assignments.c.expires > now))
        .group_by(assignments.c.image))
    return {image: count for image, count in rows}  # noqa: C416 - rows are no pairs to the type checker


def _fewest(images: Sequence[str], loads: Mapping[str, int], rng: np.random.Generator) -> str | None:
    """Draw one of the images with the least load."""
    if not images:
        return None
    least = min(loads.get(image, 0) for image in images)
    tied = [image for image in images if loads.get(image, 0) == least]
    return tied[int(rng.integers(len(tied)))]


def _what(chosen: Photo | Instructed) -> dict[str, object]:
    if isinstance(chosen, Photo):
        return {"image": chosen.image, "kind": "trial"}
    edges = dict(zip(("target_x0", "target_y0", "target_x1", "target_y1"), chosen.target, strict=True))
    return {"image": chosen.photo.image, "kind": chosen.kind, "instruction_label": chosen.label, **edges}
