"""A task to serve in tests: a study of drawn faces, its server in a thread, and a worker who answers by HTTP."""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from PIL import Image, ImageDraw

from salcompare.collect.limits import Limits, Rate
from salcompare.collect.serve import make_server, open_task
from salcompare.collect.stimuli import Stimuli, load_stimuli
from salcompare.collect.task import Task
from salcompare.config import Collect, Config, Images
from salcompare.provenance import sha256_of_file


def make_stimuli(root: Path, *, n_images: int = 6, size: tuple[int, int] = (240, 300), checks: bool = True,
                  seed: int = 0, **options: object) -> Stimuli:
    """Write photographs of two actors, and instructed tasks if asked for; give what a server shows.

    Parameters
    ----------
    root : Path
        The study's folder.
    n_images : int
        Photographs to draw boxes on.
    size : (width, height)
        Of the photographs, pixels.
    checks : bool
        Whether two more photographs serve as instructed checks.
    seed : int
        The study's.
    **options
        Of [collect].
    """
    rows = []
    for number in range(n_images + 2 * checks):
        actor = f"actor{number % 2 + 1}"
        file = root / "data" / "raw" / "photographs" / actor / f"{number // 2 + 1}.png"
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            _drawn(number, size).save(file)
        shown = file.relative_to(root).as_posix()
        rows.append({"image": f"{actor}/{number // 2 + 1}", "actor": actor, "split": "test", "file": shown,
                     "sha256": sha256_of_file(file), "height": size[1], "width": size[0]})
    images = pd.DataFrame(rows)
    if checks:
        width, height = size
        known = images["image"].tolist()[-2:]
        lines = [f"{image},nose,{width * 0.4},{height * 0.4},{width * 0.6},{height * 0.6}" for image in known]
        (root / "data" / "raw" / "instructed.csv").write_text("\n".join(["image,label,x0,y0,x1,y1", *lines]))
    settings = Collect(**{"trials": n_images, "rate": 1000.0} | options)  # type: ignore[arg-type]
    return load_stimuli(images, Config(images=Images(), collect=settings), root=root)


def make_task(root: Path, *, limited: bool = False, **options: object) -> Task:
    """Open a task on a small study; see `make_stimuli`.

    Unless `limited`, anybody may ask as fast as they can: whether a test comes up against a limit of so many requests
    a second would be a matter of the machine's speed.
    """
    task = open_task(make_stimuli(root, **options), root=root)  # type: ignore[arg-type]
    if not limited:
        for limit in ("requests", "entries"):  # before anything has asked for the task's own
            task.__dict__[limit] = Rate(1e9, 1e9, task.ticks)
    return task


@contextlib.contextmanager
def serving(root: Path, task: Task | None = None, *, limits: Limits | None = None, **options: object) -> Iterator[str]:
    """Serve a small study on a free port of this machine; give its address."""
    server = make_server(task or make_task(root, **options), host="127.0.0.1", port=0, limits=limits)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 120
    while not server.started:
        assert thread.is_alive(), "the server ended at once"
        assert time.monotonic() < deadline, "the server did not start"
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=120)


TOLD = {"duration": "about 20 minutes", "pay": "3 pounds", "contact": "Ada, ada@example.org",
        "ethics": "approved by the committee, number 7"}
"""What the consent page must say where others are served."""


def field(page: str, name: str) -> str:
    """Give the value of a hidden field, or of a data attribute of the task, from a page's HTML."""
    found = re.search(rf'(?:name="{name}"\s+value|data-{name})="([^"]*)"', page)
    assert found, f"no {name} in:\n{page}"
    return found[1]


def _drawn(number: int, size: tuple[int, int]) -> Image.Image:
    """Draw an oval with eyes, nose and mouth; each number has its own tones."""
    width, height = size
    picture = Image.new("RGB", size, (90 + 7 * number % 100, 110, 130))
    draw = ImageDraw.Draw(picture)
    for x0, y0, x1, y1, tone in ((0.15, 0.08, 0.85, 0.94, (220, 180 - number % 40, 150)),
                                 (0.28, 0.33, 0.42, 0.40, (40, 40, 60)), (0.58, 0.33, 0.72, 0.40, (40, 40, 60)),
                                 (0.44, 0.42, 0.56, 0.60, (180, 130, 110)), (0.36, 0.70, 0.64, 0.77, (170, 60, 70))):
        draw.ellipse((x0 * width, y0 * height, x1 * width, y1 * height), fill=tone)
    return picture
