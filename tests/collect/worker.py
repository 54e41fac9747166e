"""A worker who answers by HTTP, as the page does."""

from __future__ import annotations

import json
import weakref
from dataclasses import dataclass, field

import httpx

from tests.collect.serving import field as value_in

BOX = (60, 80, 120, 140)
HEADERS = {"X-Requested-With": "salcompare"}


@dataclass
class Worker:
    """Goes the worker's way at one server."""

    url: str
    name: str = "ada"
    query: str = ""
    client: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self.client = httpx.Client(base_url=self.url, follow_redirects=True, timeout=120)
        weakref.finalize(self, self.client.close)

    def get(self, path: str) -> httpx.Response:
        return self.client.get(path)

    def enter(self) -> httpx.Response:
        return self.get(f"/?{self.query or f'worker={self.name}'}")

    def agree(self, page: httpx.Response, **fields: str) -> httpx.Response:
        sent = {"csrf": value_in(page.text, "csrf"), "agree": "yes"} | fields
        return self.client.post("/consent", data=sent)

    def begin(self) -> httpx.Response:
        """Enter, consent and read the instructions, as far as that is not done; gives the photograph's page."""
        page = self.enter().raise_for_status()
        if page.url.path.endswith("/consent"):
            page = self.agree(page).raise_for_status()
        if page.url.path.endswith("/instructions"):
            page = self.client.post("/instructions", data={"csrf": value_in(page.text, "csrf")})
        return page.raise_for_status()

    def send(self, content: object, **headers: str) -> httpx.Response:
        return self.client.post("/submit", content=json.dumps(content), headers=HEADERS | headers)

    def answer(self, page: httpx.Response, box: tuple[float, ...] | None = BOX, label: str = "nose",
               seconds: float = 2.5) -> httpx.Response:
        """Answer the photograph of a page; without a box, that there is none."""
        return self.send(answer_to(page, box, label, seconds))

    def finish(self, box: tuple[float, ...] | None = BOX, label: str = "nose") -> httpx.Response:
        """Go on answering until the debriefing; gives its page."""
        page = self.get("/next")
        while page.url.path.endswith(("/practice", "/trial")):
            assert self.answer(page, box, label).status_code == 200
            page = self.get("/next")
        return page


def answer_to(page: httpx.Response, box: tuple[float, ...] | None = BOX, label: str = "nose",
              seconds: float = 2.5) -> dict[str, object]:
    """Make what the page would send."""
    token = value_in(page.text, "token")
    if box is None:
        return {"token": token, "boxes": [], "seconds": seconds, "nothing": True}
    edges = dict(zip(("x0", "y0", "x1", "y1"), box, strict=True))
    return {"token": token, "boxes": [{"label": label, **edges}], "seconds": seconds, "nothing": False}
