"""What was left out of a study or an import, and why, in words for people."""

import pandas as pd

WORDS = {
    "hidden": "hidden files and operating systems' own",
    "no_actor": "files beside the actors' folders",
    "nested": "files in folders inside an actor's",
    "unreadable": "files that cannot be read",
    "empty": "files without a byte",
    "not_an_image": "files that hold no photograph",
    "truncated": "photographs cut short",
    "damaged": "photographs that are damaged",
    "too_large": "photographs of too many pixels",
    "unsupported": "photographs whose kind of pixels is not supported",
    "box_outside": "faces whose box lies outside the photograph",
    "duplicate_across_actors": "photographs under two actors, which cannot both be right",
    "duplicate": "copies of another file",
    "same_id": "files whose name is another's but for the ending",
    "missing": "listed faces whose file is not there",
    "unlisted": "files that the list does not name",
    "no_face": "photographs without a face, which cannot be aligned",
    "several_faces": "photographs with several faces, of which none can be chosen to align by",
    "surplus": "photographs beyond the number asked for",
    "no_photographs": "actors without a usable photograph",
    "cells": "rows with too many cells",
    "empty_worker": "responses without a worker",
    "empty_image": "responses without an image",
    "empty_label": "responses without a label",
    "empty_actor": "responses without an actor",
    "empty_response": "responses whose id is empty",
    "repeated_response": "responses whose id is another's",
    "invisible": "names with a control or invisible character",
    "unknown_image": "responses on images that the study does not have",
    "not_a_number": "responses with an edge that is no finite number",
    "swapped_corners": "boxes that have their corners swapped",
    "no_area": "boxes without width or height",
    "outside": "boxes that reach outside the image",
    "seconds": "responses whose seconds are no number, or negative",
    "duplicate_response": "responses that are listed twice",
    "duration": "fixations whose duration is no number above 0",
    "size": "maps whose shape is neither the photograph's nor the grid's",
    "shape": "maps that are no image of numbers",
    "not_finite": "maps with NaN or infinite values",
    "negative": "maps with negative values",
    "constant": "maps that are the same everywhere, which point at nothing",
    "colour": "pictures in colour, whose colours are no values",
    "unknown_file": "files of another kind",
    "not_test": "responses or maps of photographs that are not kept for testing",
    "not_aligned": "responses or maps of photographs that could not be aligned, which landmarks in a file would keep",
    "repeated_map": "maps of an image that has one already",
    "no_map": "images without a map",
}
"""What each machine-readable reason means."""

NOT_ALIGNED = "not aligned"
"""Split of a photograph that people may have seen, and that has no face to align by, or several."""
EXAMPLES = 3
_CAUSES = {"unreadable", "not_an_image", "damaged", "truncated", "too_large", "unsupported", "box_outside", "duplicate",
           "duplicate_across_actors", "same_id", "invisible", "no_map", "unknown_file"}
"""Reasons whose detail says more than the reason: what the system said, which file is the other, which image lacks."""


def describe_left_out(left_out: pd.DataFrame) -> str:
    """Say in a few lines what was left out and why; empty where nothing was.

    One line a reason, the most frequent first: how many, why, and the first few by name, photographs with their cause.
    `left_out` is of `Photographs` (column file) or of `ResponseTable` (column where), with column reason.
    """
    name = "file" if "file" in left_out.columns else "where"
    lines = []
    for reason, count in left_out["reason"].value_counts().sort_index().sort_values(
            ascending=False, kind="stable").items():
        rows = left_out[left_out["reason"] == reason].head(EXAMPLES)
        named = rows[name].astype(str)
        if reason in _CAUSES:
            named += rows["detail"].map(lambda detail: f" ({detail})" if detail else "")
        shown = ", ".join(named) + (", ..." if count > EXAMPLES else "")
        # A response may have several reasons, joined by blanks.
        what = "; ".join(WORDS.get(part, part) for part in str(reason).split())
        lines.append(f"left out {count:,} ({what}): {shown}")
    return "\n".join(lines)


_OF_IMPORTS = {
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
    """Say what a reason of an import means."""
    return _OF_IMPORTS.get(reason) or WORDS.get(reason, reason)
