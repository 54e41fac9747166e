"""How collection stands: answers by image and actor, workers, the rate and a live heatmap, on a terminal or a page."""

import io
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, case, func, select
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from salcompare.collect.assignment import place_of, standing_lease
from salcompare.collect.database import assignments, responses, workers
from salcompare.collect.keys import pseudonym, same_text
from salcompare.collect.stimuli import Stimuli, png
from salcompare.collect.task import Task
from salcompare.sources.rows import EDGES

RATE_MINUTES = 10
_Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Standing:
    """How collection stands: counts of the whole study by their words, and answers a minute over `RATE_MINUTES`.

    Of each image, of each actor and of each worker there is a row; a worker `fails` who has more instructed checks
    wrong than [quality] allows.
    """

    counts: dict[str, int]
    images: _Rows
    actors: _Rows
    workers: _Rows
    rate: float


def standing(connection: Connection, stimuli: Stimuli, now: float) -> Standing:
    """Count what has been collected."""
    images, people = _images(connection, stimuli, now), _workers(connection, stimuli)
    actors: dict[str, dict[str, Any]] = {}
    for row in images:
        actor = actors.setdefault(row["actor"], {"actor": row["actor"], "answers": 0, "images": 0})
        actor["answers"] += row["answers"]
        actor["images"] += 1
    recent = connection.scalar(select(func.count()).where(
        assignments.c.kind == "trial", assignments.c.submitted.between(now - 60 * RATE_MINUTES, now))) or 0
    answers = sum(row["answers"] for row in images)
    counts = {
        "workers": len(people), "workers who finished": sum(row["place"] == "debrief" for row in people),
        "workers who fail checks": sum(row["fails"] for row in people),
        "answers": answers, "boxes": answers - sum(row["nothing"] for row in images),
        "answers without a box": sum(row["nothing"] for row in images),
        "photographs being looked at": sum(row["leased"] for row in images),
        "photographs without an answer": sum(row["answers"] == 0 for row in images),
    }
    return Standing(counts, images, list(actors.values()), people, round(recent / RATE_MINUTES, 1))


def printed(now: Standing) -> str:
    """Write the standing for a terminal."""
    lines = [f"{value:>7}  {name}" for name, value in now.counts.items()]
    lines += [f"{now.rate:>7}  answers a minute over the last {RATE_MINUTES}", ""]
    lines += [*_columns(now.actors, ("actor", "answers", "images")), ""]
    few = sorted(now.images, key=lambda row: row["answers"])
    lines += _columns(few[:15], ("image", "answers", "nothing", "leased"))
    lines += [f"... and {len(few) - 15} images with as many answers or more"] if len(few) > 15 else []
    told = [row | {"checks": f"{row['checks']}, fails" if row["fails"] else row["checks"]} for row in now.workers]
    last = [row for row in told if row["fails"]] + [row for row in told[-15:] if not row["fails"]]
    return "\n".join([*lines, "", *_columns(last, ("worker", "source", "done", "place", "checks"))])


def heatmap_png(connection: Connection, stimuli: Stimuli, image: str) -> bytes:
    """Draw how many boxes cover each pixel of an image, over the photograph in grey."""
    from PIL import Image

    content, _ = stimuli.photos[image].encoded()
    grey: NDArray[np.float64] = np.asarray(Image.open(io.BytesIO(content)).convert("L"), dtype=np.float64)
    (height, width), covered = grey.shape, np.zeros(grey.shape)
    drawn = select(*(responses.c[edge] for edge in EDGES)).join(assignments, assignments.c.id == responses.c.assignment)
    for box in connection.execute(drawn.where(assignments.c.kind == "trial", assignments.c.image == image)):
        x0, y0, x1, y1 = (int(np.floor(edge + 0.5)) for edge in box)  # half up; a box keeps at least one pixel
        x0, y0 = min(x0, width - 1), min(y0, height - 1)
        covered[y0:max(y1, y0 + 1), x0:max(x1, x0 + 1)] += 1
    share = (covered / max(covered.max(), 1.0))[..., None] * 0.75
    warm = np.stack([np.full_like(grey, 255.0), 200 - 160 * share[..., 0] / 0.75, np.full_like(grey, 30.0)], axis=-1)
    mixed: NDArray[np.uint8] = np.round(grey[..., None] * (1 - share) + warm * share).astype(np.uint8)
    return png(Image.fromarray(mixed))


def _images(connection: Connection, stimuli: Stimuli, now: float) -> _Rows:
    is_in = assignments.c.submitted.is_not(None)
    counted = connection.execute(
        select(assignments.c.image, func.count(case((is_in, 1))), func.count(case((assignments.c.no_box, 1))),
               func.count(case((~is_in & standing_lease(stimuli, now), 1))))
        .where(assignments.c.kind == "trial").group_by(assignments.c.image))
    counts = {image: numbers for image, *numbers in counted}
    return [{"image": photo.image, "actor": photo.actor} | dict(zip(
        ("answers", "nothing", "leased"), counts.get(photo.image, (0, 0, 0)), strict=True)) for photo in stimuli.trials]


def _workers(connection: Connection, stimuli: Stimuli) -> _Rows:
    rows = []
    answered = assignments.c.submitted.is_not(None) & (assignments.c.kind != "practice")
    checked = answered & (assignments.c.kind == "check")
    counted = connection.execute(
        select(workers, func.count(case((answered, 1))), func.count(case((checked, 1))),
               func.count(case((checked & assignments.c.passed, 1))))
        .outerjoin(assignments, assignments.c.worker == workers.c.id).group_by(workers.c.id).order_by(workers.c.id))
    for worker in counted.all():
        done, checks, passed = worker[-3:]
        rules = stimuli.quality
        fails = checks >= rules.fewest_checks and checks - passed > rules.wrong_checks * checks
        rows.append({"worker": pseudonym(worker.hmac), "source": worker.source, "done": done,
                     "place": place_of(connection, worker, stimuli), "checks": f"{passed} of {checks}",
                     "fails": fails})
    return rows


def _columns(rows: _Rows, names: tuple[str, ...]) -> list[str]:
    cells = [names, *(tuple(str(row[name]) for name in names) for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(names))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]


def monitor_page(task: Task, request: Request) -> Response:
    """Show how collection stands, to whoever has the monitor's token."""
    token = _held_to_token(task, request)
    with task.database.reading() as connection:
        now = standing(connection, task.stimuli, task.clock())
    query = urlencode({"token": token})
    images = [row | {"heatmap_url": task.pages.url(f"/monitor/heatmap/{task.keys.opaque(row['image'])}.png?{query}")}
              for row in now.images]
    return task.pages.render("monitor.html", counts=now.counts, images=images, actors=now.actors, workers=now.workers,
                             rate=now.rate, careless=[row["worker"] for row in now.workers if row["fails"]])


def monitor_heatmap(task: Task, request: Request) -> Response:
    """Show where boxes were drawn on an image so far."""
    _held_to_token(task, request)
    opaque = request.path_params["opaque"]
    image = next((photo.image for photo in task.stimuli.trials if task.keys.opaque(photo.image) == opaque), None)
    if image is None:
        raise HTTPException(404)
    with task.database.reading() as connection:
        return Response(heatmap_png(connection, task.stimuli, image), media_type="image/png")


def _held_to_token(task: Task, request: Request) -> str:
    """Refuse a request without the monitor's token, as if there were no monitor, and give the token."""
    token = request.query_params.get("token", "")
    if not same_text(token, task.keys.monitor_token):
        raise HTTPException(404)
    return token
