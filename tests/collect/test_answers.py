"""What is taken as an answer, and in what words the rest is refused."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from salcompare.collect.answers import (
    MAX_LABEL,
    Answer,
    RefusedAnswerError,
    check_box,
    least_size,
    read_answer,
)
from salcompare.collect.stimuli import Photo, Stimuli
from salcompare.config import Collect
from salcompare.sources.quality import iou

PHOTO = Photo("a/1", "a", 200, 100)
EDGES = ("x0", "y0", "x1", "y1")


def body(box=(1, 2, 30, 40), label="nose", **changes):
    boxes = [{"label": label, **dict(zip(EDGES, box, strict=True))}]
    return json.dumps({"token": "t", "boxes": boxes, "seconds": 1.5, "nothing": False} | changes).encode()


def test_a_box_is_read_as_it_was_sent():
    assert read_answer(body((1, 2.25, 30, 40))) == Answer("t", "nose", (1.0, 2.25, 30.0, 40.0), 1.5)


def test_seeing_nothing_has_no_label_and_no_box():
    assert read_answer(body(boxes=[], nothing=True)) == Answer("t", "", None, 1.5)


@pytest.mark.parametrize(("written", "kept"), [
    ("  Laugh \n line ", "Laugh line"), ("ﬁnger", "finger"), ("ｎｏｓｅ", "nose"), ("e\u0301", "é"),
    ("=1+1", "=1+1"), ("<b>nose</b>", "<b>nose</b>"), ("鼻", "鼻"), ("n" * MAX_LABEL, "n" * MAX_LABEL),
    ("no\x00se", "nose"), ("no\u202ese\u200b", "nose"), ("no\ud800se", "no\ufffdse"), ("می‌روم", "می‌روم"),
])
def test_labels_are_brought_to_one_unicode_form_and_otherwise_kept(written, kept):
    assert read_answer(body(label=written)).label == kept


@pytest.mark.parametrize(("label", "words"), [
    ("", "choose"), ("  \t", "choose"), (None, "choose"), (7, "choose"), ("n" * (MAX_LABEL + 1), "at most 40"),
    ("ﷺ" * 4, "at most 40"), ("\u200b\x00", "choose"),
])
def test_labels_that_cannot_be_kept_are_refused_in_words(label, words):
    with pytest.raises(RefusedAnswerError, match=words):
        read_answer(body(label=label))


@pytest.mark.parametrize("sent", [
    b"", b"{", b"null", b"[]", b"7", b'"x"', b"\xff\xfe", b"[" * 9000, b'{"token": 1, "boxes": []}',
    b'{"token": "t", "boxes": {}}', body(seconds=-1), body(seconds=1e9), body(seconds=None), body(seconds=True),
    body(seconds="1"), body(boxes=[]), body(nothing=True), body(nothing=1), body(nothing="no", boxes=[]),
    body(boxes=[{}, {}]), body(boxes=["x"]), body(boxes=[[1, 2, 3, 4]]), body((None, 1, 2, 3)), body(("1", 1, 2, 3)),
    body((True, 1, 2, 3)), body((10**400, 1, 2, 3)), body((math.nan, 1, 2, 3)), body((math.inf, 1, 2, 3)),
    body((-math.inf, 1, 2, 3)), b'{"token": "t", "boxes": [], "seconds": 1e999, "nothing": true}',
])
def test_whatever_is_no_answer_is_refused_in_words(sent):
    with pytest.raises(RefusedAnswerError, match=r"^[A-Z].*\.$"):
        read_answer(sent)


anything = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
                        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
                            st.sampled_from(["token", "boxes", "seconds", "nothing", "label", *EDGES]) | st.text(),
                            inner, max_size=8), max_leaves=12)


@given(anything | st.builds(lambda boxes, seconds: {"token": "t", "boxes": boxes, "seconds": seconds}, anything,
                            anything))
def test_any_json_is_either_an_answer_of_finite_numbers_or_refused(sent):
    try:
        answer = read_answer(json.dumps(sent).encode())
    except RefusedAnswerError:
        return
    assert all(map(math.isfinite, (*(answer.box or ()), answer.seconds)))


@given(st.binary(max_size=200))
def test_any_bytes_are_either_an_answer_or_refused(sent):
    with pytest.raises(RefusedAnswerError):
        read_answer(sent)


def test_a_box_may_be_the_whole_photograph_and_touch_its_edges():
    check_box((0, 0, 200, 100), PHOTO, 2)
    check_box((198, 98, 200, 100), PHOTO, 2)


@pytest.mark.parametrize("box", [(-0.01, 0, 50, 50), (0, -1, 50, 50), (0, 0, 200.01, 50), (0, 0, 50, 101),
                                 (50, 0, 50, 50), (60, 0, 50, 50), (0, 50, 50, 50), (0, 60, 50, 50)])
def test_a_box_outside_the_photograph_or_without_area_is_refused(box):
    with pytest.raises(RefusedAnswerError, match="inside the photograph"):
        check_box(box, PHOTO, 1)


@pytest.mark.parametrize("box", [(0, 0, 1.9, 50), (0, 0, 50, 1.9)])
def test_a_box_below_the_least_size_is_refused(box):
    with pytest.raises(RefusedAnswerError, match="too small"):
        check_box(box, PHOTO, 2)


def test_the_least_size_is_a_share_of_the_shorter_side_and_at_least_a_pixel():
    def least(share):
        return least_size(PHOTO, Stimuli(Collect(min_box=share), 0, (PHOTO,), (), (), {}))

    assert (least(0.02), least(0.021), least(0.0)) == (2, 3, 1)


@pytest.mark.parametrize(("other", "expected"), [((5, 0, 15, 10), 50 / 150), ((10, 0, 20, 10), 0), ((0, 0, 10, 10), 1)])
def test_overlap_is_shared_area_over_joint_area(other, expected):
    assert iou(np.array((0.0, 0, 10, 10)), np.array(other)) == pytest.approx(expected)
