"""The monitor as a page, open to whoever has its token."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.responses import Response

from salcompare.collect.monitor import heatmap_png, standing
from salcompare.collect.task import Task, hold_to_monitor

if TYPE_CHECKING:
    from starlette.requests import Request


def page(task: Task, request: Request) -> Response:
    """Show how collection stands."""
    token = hold_to_monitor(task, request)
    with task.database.reading() as connection:
        found = standing(connection, task.material, task.clock())
    query = urlencode({"token": token})
    images = [row | {"heatmap_url": task.pages.url(f"/monitor/heatmap/{task.keys.opaque(row['image'])}.png?{query}")}
              for row in found.images]
    return task.pages.render("monitor.html", title=task.material.config.title, counts=found.counts, images=images,
                             actors=found.actors, workers=found.workers, rate=found.rate,
                             careless=[row["worker"] for row in found.workers if row["fails"]])


def heatmap(task: Task, request: Request) -> Response:
    """Show where boxes were drawn on an image so far."""
    hold_to_monitor(task, request)
    asked = request.path_params["opaque"]
    image = next((photo.image for photo in task.material.trials if task.keys.opaque(photo.image) == asked), None)
    if image is None:
        raise HTTPException(404)
    with task.database.reading() as connection:
        return Response(heatmap_png(connection, task.material, image), media_type="image/png")
