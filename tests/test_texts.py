"""What is cleaned out of a text, what of it is kept, and when a name is near another."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salcompare.texts import clean_text, hidden_in, nearest

HIDDEN = {"a NUL": "\x00", "a control character": "\x01", "an escape": "\x1b", "DEL": "\x7f", "a C1 control": "\x9b",
          "a zero-width space": "\u200b", "a mark of byte order": "\ufeff", "an override": "\u202e",
          "a mark of direction": "\u200e", "an isolate": "\u2066", "a soft hyphen": "\xad", "a word joiner": "\u2060",
          "a Hangul filler": "\u3164", "a tag": "\U000e0041", "no character": "\uffff", "a joiner of nothing": "\u200d",
          "a non-joiner of nothing": "\u200c", "an annotation": "\ufff9", "a joiner of graphemes": "\u034f"}


@pytest.mark.parametrize("character", HIDDEN.values(), ids=HIDDEN)
def test_what_is_not_seen_is_cleaned_out_of_labels_and_refused_in_ids(character):
    for text in (f"no{character}se", f"{character}nose", f"nose{character}"):
        assert clean_text(text) == "nose"
        assert hidden_in(text) == f"U+{ord(character):04X}"
    assert clean_text(character) == ""


@pytest.mark.parametrize("blank", ["\t", "\n", "\r\n", "\x0b", "\x85", "\u2028", "\u2029"])
def test_line_ends_and_tabs_part_words_of_labels_and_are_refused_in_ids(blank):
    assert clean_text(f" left{blank}eye{blank}") == "left eye"
    assert hidden_in(f"w{blank}1")


@pytest.mark.parametrize("word", [
    "نمی‌خواهم", "می‌روم", "क्‍ष", "क्‌ष", "র‌্যাব",
    "ක්‍රම", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f9d1\U0001f3fd\u200d\U0001f9b0",
    "❤️\u200d\U0001f525", "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
    "鼻", "нос", "eye brows", "ß", "=1+1", "\u0600\u0661"])
def test_what_a_script_or_an_emoji_needs_stays(word):
    assert clean_text(word) == unicodedata.normalize("NFC", word)
    assert hidden_in(word) == ""


def test_letters_are_composed_with_their_marks():
    assert clean_text("ne\u0301") == "n\xe9"
    assert clean_text("e\u200b\u0301") == "\xe9"


def test_half_a_pair_of_utf_16_is_replaced_and_refused():
    assert clean_text("a\ud800b") == "a\ufffdb"
    assert hidden_in("a\ud800") == "U+D800"


characters = st.characters() | st.sampled_from("\u200b\u200c\u200d\u0627\u094d\u0915\U0001f525\ufe0f\u0301")


@given(st.text(characters, max_size=12))
def test_cleaning_twice_changes_nothing_more_and_leaves_nothing_hidden(text):
    cleaned = clean_text(text)
    assert clean_text(cleaned) == cleaned
    assert hidden_in(cleaned) == ""
    assert cleaned.encode().decode() == cleaned
    assert unicodedata.is_normalized("NFC", cleaned)


KNOWN = ["ann/001", "ann/004", "ann/012", "bob_b/12", "Cy Dee/3", "jürgen/1"]


@pytest.mark.parametrize(("name", "meant"), [
    ("ann/1", "ann/001"), ("ANN/004", "ann/004"), ("ann_012", "ann/012"), ("bob b/12", "bob_b/12"),
    ("cy_dee/03", "Cy Dee/3"), ("bobb/12", "bob_b/12"), ("an/004", "ann/004"), ("ju\u0308rgen/1", "jürgen/1"),
    ("ann/999", None), ("ann/005", None), ("999", None), ("ann/041", None), ("zoe/004", None), ("", None)])
def test_a_name_is_suggested_only_if_it_is_near(name, meant):
    assert nearest(name, KNOWN) == meant
