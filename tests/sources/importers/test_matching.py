"""Which image a name from another tool means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salcompare.sources.importers import known_images
from salcompare.sources.importers.entries import RefusedError
from tests.sources.photos import catalogue

IMAGES = catalogue(["s1/1", "s1/2", "s2/1", "Ada Lovelace/portrait one", "s2/café"])
FILES = IMAGES.assign(file=["faces/f001.pgm", "faces/f002.pgm", "faces/f101.pgm", "faces/ada.jpg", "faces/café.png"])


KNOWN = known_images(IMAGES)


def find(*names, images=None):
    return (KNOWN if images is None else known_images(images)).find(names).image


def why_not(*names, images=None):
    with pytest.raises(RefusedError) as caught:
        find(*names, images=images)
    return caught.value.reason


@pytest.mark.parametrize("name", [
    "s1/1", "s1/1.png", "S1/1.JPG", "s1\\1.jpeg", "/home/me/faces/s1/1.png", "C:\\faces\\s1\\1.png", "./s1/1.png",
    "https://bucket.s3.amazonaws.com/s1/1.png", "https://b.com/a/s1/1.png?X-Amz-Expires=60&X=/s2/1#top",
    "s3://bucket/s1/1.png", "https://b.com/s1%2F1.png", "s1_1.png", "s1-1", "faces/../s1/1.png", " s1/1 "])
def test_a_name_means_the_image_whose_id_ends_it(name):
    assert find(name) == "s1/1"


@pytest.mark.parametrize(("name", "image"), [
    ("f001.pgm", "s1/1"), ("F001", "s1/1"), ("faces/f101.png", "s2/1"),
    ("https://x.org/q/ada.jpg", "Ada Lovelace/portrait one"),
    ("Ada%20Lovelace/portrait%20one.jpg", "Ada Lovelace/portrait one"), ("s2/café.png", "s2/café"),
    ("s2/cafe\u0301.png", "s2/café"), ("cafe\u0301", "s2/café"), ("portrait one", "Ada Lovelace/portrait one")])
def test_a_name_may_be_the_files_or_need_folding(name, image):
    assert find(name, images=FILES) == image


def test_the_first_name_that_means_any_decides():
    assert find("unknown.png", "s1/2", "s1/1") == "s1/2"


@pytest.mark.parametrize(("name", "reason"), [
    ("1.png", "ambiguous_image"), ("9.png", "unknown_image"), ("s3/1.png", "unknown_image"),
    ("s3/2.png", "unknown_image"), ("s1/3", "unknown_image"), ("", "unknown_image"), ("/", "unknown_image"),
    ("s2/2.png", "unknown_image"), ("..", "unknown_image"), ("s1/1/x.png", "unknown_image")])
def test_a_name_of_no_image_or_of_several_is_refused(name, reason):
    assert why_not(name) == reason


def test_no_name_is_refused():
    assert why_not() == "no_image"


@given(st.text(max_size=40))
def test_any_text_means_an_image_or_is_refused(name):
    try:
        found = find(name)
    except RefusedError as error:
        found = error.reason
    assert found in {*IMAGES["image"], "unknown_image", "ambiguous_image", "invisible"}


@given(image=st.sampled_from(IMAGES["image"].tolist()),
       folders=st.lists(st.sampled_from(["a", "faces", "x y"]), max_size=3),
       suffix=st.sampled_from([".png", ".JPG", ""]))
def test_folders_before_an_id_and_an_ending_after_it_change_nothing(image, folders, suffix):
    assert find("/".join([*folders, image]) + suffix) == image
