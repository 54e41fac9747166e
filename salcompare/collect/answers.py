"""Answers: read from the wire, held to the photograph they are on, and stored exactly once."""

from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, insert, update

from salcompare.collect.assignment import find_worker, place_of
from salcompare.collect.database import assignments, responses
from salcompare.collect.stimuli import Edges, Material, Photo
from salcompare.texts import clean_text

MAX_LABEL = 40  # characters
MAX_SECONDS = 86400.0
EDGES = ("x0", "y0", "x1", "y1")
Reply = dict[str, Any]


class RefusedAnswerError(Exception):
    """An answer that cannot be taken; the message is for the worker."""


@dataclass(frozen=True)
class Answer:
    """What a worker sent: one box with its label, or that there is none."""

    token: str
    label: str
    box: Edges | None
    seconds: float


def read_answer(body: bytes) -> Answer:
    """Read the JSON of an answer.

    Raises
    ------
    RefusedAnswerError
        If it is not of the agreed form, has another number of boxes than one, or a number that is not finite.
    """
    try:
        sent = json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        message = "This page sent something unreadable. Please reload it."
        raise RefusedAnswerError(message) from error
    if not isinstance(sent, dict) or not isinstance(sent.get("token"), str) or not isinstance(sent.get("boxes"), list):
        message = "This page sent something unreadable. Please reload it."
        raise RefusedAnswerError(message)
    seconds = _number(sent.get("seconds"), "time")
    if not 0 <= seconds <= MAX_SECONDS:
        message = "The time is out of range. Please reload the page."
        raise RefusedAnswerError(message)
    boxes, nothing = sent["boxes"], sent.get("nothing", False)
    if nothing is True and not boxes:
        return Answer(sent["token"], "", None, seconds)
    if nothing is not False or len(boxes) != 1 or not isinstance(boxes[0], dict):
        message = "Please draw one box, or say that you see none."
        raise RefusedAnswerError(message)
    x0, y0, x1, y1 = (_number(boxes[0].get(edge), "box") for edge in EDGES)
    return Answer(sent["token"], _label(boxes[0].get("label")), (x0, y0, x1, y1), seconds)


def check_box(box: Edges, photo: Photo, least: float) -> None:
    """Hold a box to its photograph.

    Raises
    ------
    RefusedAnswerError
        If it reaches outside, or is smaller than the least size.
    """
    x0, y0, x1, y1 = box
    if not (0 <= x0 < x1 <= photo.width and 0 <= y0 < y1 <= photo.height):
        message = "The box must lie inside the photograph. Please draw it again."
        raise RefusedAnswerError(message)
    if x1 - x0 < least or y1 - y0 < least:
        message = "The box is too small to see. Please draw a larger one."
        raise RefusedAnswerError(message)


def least_size(photo: Photo, material: Material) -> int:
    """Give the least width and height of a box on a photograph, in its pixels."""
    return max(1, math.ceil(material.config.min_box * min(photo.width, photo.height)))


def store_answer(connection: Connection, assignment: Row[Any], answer: Answer, material: Material, *,
                 worker_hmac: str, now: float) -> Reply:
    """Store an answer to an open assignment; gives what the worker is told."""
    passed, feedback = judge(assignment, answer, material)
    submitted = max(now, assignment.shown)  # whatever the clock has done meanwhile
    values = {"submitted": submitted, "seconds": answer.seconds, "no_box": answer.box is None, "passed": passed}
    connection.execute(update(assignments).where(assignments.c.id == assignment.id).values(**values))
    if answer.box is not None:
        connection.execute(insert(responses).values(assignment=assignment.id, label=answer.label,
                                                    **dict(zip(EDGES, answer.box, strict=True))))
    place = place_of(connection, find_worker(connection, worker_hmac), material)
    reply: Reply = {"ok": True, "next": f"/{place}"}
    if assignment.kind == "practice":
        reply["feedback"] = feedback
    connection.execute(update(assignments).where(assignments.c.id == assignment.id).values(reply=json.dumps(reply)))
    return reply


def judge(assignment: Row[Any], answer: Answer, material: Material) -> tuple[bool | None, Reply | None]:
    """Say whether an instructed task was done right, and in what words; None where there is no right answer."""
    if assignment.kind == "trial":
        return None, None
    wanted = assignment.instruction_label
    target = (assignment.target_x0, assignment.target_y0, assignment.target_x1, assignment.target_y1)
    placed = answer.box is not None and overlap(answer.box, target) >= material.config.pass_iou
    named = answer.box is not None and material.counted_as(answer.label) == material.counted_as(wanted)
    if placed and named:
        return True, {"ok": True, "text": f"Well done: your box is around the {wanted}.", "box": list(target)}
    if placed:
        words = f"Your box is in the right place. Please also choose the label “{wanted}”."
    else:
        words = f"The marked box goes around the {wanted}. Please draw yours like it, close around the {wanted}."
    return False, {"ok": False, "text": words, "box": list(target)}


def overlap(one: Edges, other: Edges) -> float:
    """Intersection over union of two boxes."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(width, 0.0) * max(height, 0.0)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return shared / (sum(areas) - shared)


def feedback_of(assignment: Row[Any] | None) -> Mapping[str, Any] | None:
    """Give what a worker was told of their last try in practice, if it was not right."""
    if assignment is None or assignment.passed or not assignment.reply:
        return None
    told: Mapping[str, Any] | None = json.loads(assignment.reply).get("feedback")
    return told


def _label(value: object) -> str:
    """Clean a label of what nobody sees, and fold its width; its case and wording stay the worker's."""
    label = clean_text(unicodedata.normalize("NFKC", clean_text(value))) if isinstance(value, str) else ""
    if not label:
        message = "Please choose what the box holds."
        raise RefusedAnswerError(message)
    if len(label) > MAX_LABEL:
        message = f"Please use a label of at most {MAX_LABEL} characters."
        raise RefusedAnswerError(message)
    return label


def _number(value: object, what: str) -> float:
    """Take a finite number; true and false are none."""
    try:
        number = float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else math.nan
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        message = f"The {what} is not a number that can be used. Please try again."
        raise RefusedAnswerError(message)
    return number


def _no_number(constant: str) -> float:
    message = f"{constant} is no JSON"
    raise ValueError(message)
