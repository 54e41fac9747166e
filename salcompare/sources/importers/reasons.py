"""What each reason of a refused row means, in words for people."""

from __future__ import annotations

from salcompare.sources.left_out import WORDS

OWN = {
    "status": "assignments whose status was not chosen",
    "no_box": "rows without a box",
    "no_image": "rows that name no image",
    "no_worker": "rows without a worker",
    "ambiguous_image": "names that several images share",
    "ambiguous_category": "boxes whose class may be any of several",
    "several_images": "boxes that may be on any of an assignment's images",
    "not_json": "answers that are no JSON",
    "not_a_box": "shapes that are no box",
    "layout": "rows that are not laid out as the format has it",
    "prediction": "boxes that a model drew",
    "cancelled": "tasks that the worker skipped",
    "rotated": "boxes that are rotated",
    "turned": "boxes drawn on an image lying on its side",
    "size": "boxes on an image whose size is stated wrongly",
    "unknown_class": "boxes of a class without a name",
    "junk_label": "labels without a letter, or too long",
    "long_worker": "workers whose name is too long",
    "duplicate_response": "boxes that are listed twice",
    "unreadable": "files that cannot be read",
}


def words(reason: str) -> str:
    """Say what a reason means."""
    return OWN.get(reason) or WORDS.get(reason, reason)
