"""Names of sources are read and written in one place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salcompare.naming import (
    Source,
    by_classifier,
    classifier_of,
    classifier_sources,
    main_source,
    network_of,
    variant_of,
)

PARTS = st.text("abcdefghij-_.0123456789", min_size=1)


@given(PARTS, PARTS, PARTS, st.integers(0, 9))
def test_what_is_printed_is_read_again(classifier, variant, method, place):
    source = Source(classifier, variant, method, place)
    assert Source.parse(str(source)) == source


def test_the_studys_own_seed_is_not_named_and_others_are_counted_from_two():
    assert str(Source("net", "finetuned", "occlusion")) == "net/finetuned/occlusion"
    assert str(Source("net", "finetuned", "occlusion", 1)) == "net/finetuned/occlusion (seed 2)"


@pytest.mark.parametrize("name", ["human", "photographs", "baseline/centre", "baseline/other actors", "sobel",
                                  "randomised network of net/finetuned/occlusion", "net/finetuned", "", None])
def test_what_is_no_classifiers_source_is_none(name):
    assert Source.parse(name) is None
    assert network_of(name) == ""


def test_the_main_source_is_the_first_classifiers_last():
    assert main_source(["net/frozen/gb", "net/finetuned/gb", "other/frozen/gb"]) == "net/finetuned/gb"
    assert main_source(["human", "sobel"]) is None


def test_sources_are_listed_by_classifier_the_main_one_first():
    names = ["a/x/m", "a/y/m", "b/x/m", "human", "a/x/m"]
    assert classifier_sources(names) == ["a/x/m", "a/y/m", "b/x/m"]
    assert by_classifier(classifier_sources(names), ["b", "a"]) == ["b/x/m", "a/y/m", "a/x/m"]
    assert classifier_of("a/x") == classifier_of("a/x/m") == "a"
    assert (variant_of("a/x"), variant_of("a/x/m"), variant_of("human")) == ("x", "x", "")
