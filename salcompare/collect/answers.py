"""Answers: read from the wire, held to the photograph they are on, and stored exactly once."""

import json
import math
import unicodedata
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
from sqlalchemy import Connection, Row, insert, update

from salcompare.collect.assignment import Rows, find_worker, place_of
from salcompare.collect.database import assignments, responses
from salcompare.collect.stimuli import Edges, Photo, Stimuli
from salcompare.sources.quality import iou
from salcompare.sources.rows import EDGES
from salcompare.texts import clean_text

MAX_LABEL = 40  # characters
MAX_SECONDS = 86400.0
Reply = dict[str, Any]


class RefusedAnswerError(Exception):
    """An answer that cannot be taken; the message is for the worker, who goes on elsewhere unless the status is 400."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Answer:
    """What a worker sent: one box with its label, or that there is none."""

    token: str
    label: str
    box: Edges | None
    seconds: float


def read_answer(body: bytes) -> Answer:
    """Read the JSON of an answer.

    Refused if it is not of the agreed form, has another number of boxes than one, or a number that is not finite.
    """
    try:
        sent = json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError):
        sent = None
    if not isinstance(sent, dict) or not isinstance(sent.get("token"), str) or not isinstance(sent.get("boxes"), list):
        raise RefusedAnswerError("This page sent something unreadable. Please reload it.")
    seconds = _number(sent.get("seconds"), "time")
    if not 0 <= seconds <= MAX_SECONDS:
        raise RefusedAnswerError("The time is out of range. Please reload the page.")
    boxes, nothing = sent["boxes"], sent.get("nothing", False)
    if nothing is True and not boxes:
        return Answer(sent["token"], "", None, seconds)
    if nothing is not False or len(boxes) != 1 or not isinstance(boxes[0], dict):
        raise RefusedAnswerError("Please draw one box, or say that you see none.")
    x0, y0, x1, y1 = (_number(boxes[0].get(edge), "box") for edge in EDGES)
    return Answer(sent["token"], _label(boxes[0].get("label")), (x0, y0, x1, y1), seconds)


def check_box(box: Edges, photo: Photo, least: float) -> None:
    """Refuse a box that reaches outside its photograph, or is smaller than the least size."""
    x0, y0, x1, y1 = box
    if not (0 <= x0 < x1 <= photo.width and 0 <= y0 < y1 <= photo.height):
        raise RefusedAnswerError("The box must lie inside the photograph. Please draw it again.")
    if x1 - x0 < least or y1 - y0 < least:
        raise RefusedAnswerError("The box is too small to see. Please draw a larger one.")


def least_size(photo: Photo, stimuli: Stimuli) -> int:
    """Give the least width and height of a box on a photograph, in its pixels."""
    return max(1, math.ceil(stimuli.config.min_box * min(photo.width, photo.height)))


def store_answer(connection: Connection, assignment: Row[Any], answer: Answer, stimuli: Stimuli, *,
                 worker_hmac: str, now: float) -> Reply:
    """Store an answer to an open assignment, or refuse it; gives what the worker is told."""
    photo = stimuli.photos.get(assignment.image)
    if photo is None:
        raise RefusedAnswerError("This photograph was taken back. Please go on.", 410)
    if answer.box is not None:
        check_box(answer.box, photo, least_size(photo, stimuli))
        connection.execute(insert(responses).values(assignment=assignment.id, label=answer.label,
                                                    **dict(zip(EDGES, answer.box, strict=True))))
    passed, feedback = _rated(assignment, answer, stimuli)
    this = update(assignments).where(assignments.c.id == assignment.id)
    connection.execute(this.values(
        submitted=max(now, assignment.shown), seconds=answer.seconds,  # whatever the clock has done meanwhile
        no_box=answer.box is None, passed=passed))
    place = place_of(connection, find_worker(connection, worker_hmac), stimuli)
    reply: Reply = {"ok": True, "next": f"/{place}"} | ({"feedback": feedback} if assignment.kind == "practice" else {})
    connection.execute(this.values(reply=json.dumps(reply)))
    return reply


def _rated(assignment: Row[Any], answer: Answer, stimuli: Stimuli) -> tuple[bool | None, Reply | None]:
    """Say whether an instructed task was done right, and in what words; None where there is no right answer."""
    if assignment.kind == "trial":
        return None, None
    label = assignment.instruction_label
    target = (assignment.target_x0, assignment.target_y0, assignment.target_x1, assignment.target_y1)
    placed = answer.box is not None and bool(iou(np.array(answer.box), np.array(target)) >= stimuli.config.pass_iou)
    named = answer.box is not None and stimuli.counted_as(answer.label) == stimuli.counted_as(label)
    if placed and named:
        words = f"Well done: your box is around the {label}."
    elif placed:
        words = f"Your box is in the right place. Please also choose the label “{label}”."
    else:
        words = f"The marked box goes around the {label}. Please draw yours like it, close around the {label}."
    return placed and named, {"ok": placed and named, "text": words, "box": list(target)}


def last_feedback(shown: Rows) -> Reply | None:
    """Give what a worker was told of their last try in practice, if it was not right."""
    last = next((row for row in reversed(shown) if row.kind == "practice" and row.submitted is not None), None)
    if last is None or last.passed or not last.reply:
        return None
    feedback: Reply | None = json.loads(last.reply).get("feedback")
    return feedback


def _label(value: object) -> str:
    """Clean a label of what nobody sees, and fold its width; its case and wording stay the worker's."""
    label = clean_text(unicodedata.normalize("NFKC", clean_text(value))) if isinstance(value, str) else ""
    if not label:
        raise RefusedAnswerError("Please choose what the box holds.")
    if len(label) > MAX_LABEL:
        raise RefusedAnswerError(f"Please use a label of at most {MAX_LABEL} characters.")
    return label


def _number(value: object, what: str) -> float:
    """Take a finite number; true and false are none."""
    try:
        number = float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else math.nan
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise RefusedAnswerError(f"The {what} is not a number that can be used. Please try again.")
    return number


def _no_number(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")
