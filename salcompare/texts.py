"""Texts that come from outside: how they are cleaned, when they are refused, and what else may have been meant.

A label, a title or any other text that is read for what it says is cleaned (`clean_text`): nothing stays in it that
nobody sees. An id, of a worker, an image, an actor or a response, is told from others by its every character, so one
with a control or invisible character is refused (`hidden_in`): cleaning could make two ids one, and keeping it would
leave two that look the same. Both go by one rule, `_is_hidden`, and both compose letters with their marks (NFC).
"""

import difflib
import re
import unicodedata
from collections.abc import Iterable, Sequence

NON_JOINER, JOINER = "\u200c", "\u200d"
CURSIVE = ("ARABIC", "SYRIAC", "MANDAIC", "NKO", "MONGOLIAN", "MANICHAEAN", "PHAGS-PA", "ADLAM", "HANIFI ROHINGYA",
           "SOGDIAN", "PSALTER PAHLAVI", "CHORASMIAN")
"""Scripts whose letters are joined in writing, by which their letters' names begin."""
VISIBLE_FORMATS = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd")
"""Format characters that are drawn: signs that stand before or around numbers."""
FILLERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Characters of other kinds of which nothing is seen."""
_FLAG = re.compile("\U0001f3f4[\U000e0020-\U000e007e]+\U000e007f")  # of a part of a country, spelt in invisible tags
_VIRAMA = 9  # combining class of the sign that joins consonants of Indic scripts
MARKS = 8
"""Characters on either side of a joiner among which the letters that it joins are looked for, past their marks."""
NEAR = 0.65
"""Share of two names that must be alike for one to be taken for a slip of the other."""


def clean_text(text: str) -> str:
    """Leave of a text what is seen of it, composed (NFC), on one line, trimmed and with single blanks.

    Tabs, line ends and other blanks become a blank. Control characters, characters of which nothing is seen (U+200B,
    U+202E, U+FEFF, soft hyphens, ...) and code points that are no character vanish; half a pair of UTF-16 becomes
    U+FFFD. Joiners stay where a script or an emoji needs them (see `hidden_in`). Cleaning twice changes nothing more.
    """
    if text.isascii() and text.isprintable():
        return " ".join(text.split()) if "  " in text or text[:1] == " " or text[-1:] == " " else text
    kept, before = _composed(text), ""
    while kept != before:  # what stood beside something hidden may be joined to something else without it
        before, flags = kept, [match.span() for match in _FLAG.finditer(kept)]
        kept = _composed(" ".join("".join(_cleaned(before, at, flags) for at in range(len(before))).split()))
    return kept


def hidden_in(text: str) -> str:
    """Name the first control or invisible character of an id, such as ``U+200B``; empty where there is none.

    U+200C and U+200D are none where a word or a picture needs them: beside the sign that joins Indic consonants,
    between letters of a script that is written joined, as in Persian, and, U+200D, between two emoji.
    """
    if text.isascii() and text.isprintable():
        return ""
    composed = _composed(text)
    flags = [match.span() for match in _FLAG.finditer(composed)]
    return next((f"U+{ord(character):04X}" for at, character in enumerate(composed)
                 if _is_hidden(composed, at, flags)), "")


def visible(text: str) -> str:
    """Write a name so that it can be shown whole: with a control or invisible character by its number."""
    flags = [match.span() for match in _FLAG.finditer(text)]
    return "".join(ascii(character)[1:-1] if _is_hidden(text, at, flags) else character
                   for at, character in enumerate(text))


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Give the known name that may have been meant, only if it is near.

    Near is a name that differs in case, in what parts it (``/``, ``_``, ``-``, a blank) or in zeros before a number; or
    one with the same numbers whose letters are alike but for a slip. ``ann/4`` may mean ``ann/004``, ``ann/999`` none.
    """
    by_form = {_loose(other): other for other in known}
    form = _loose(name)
    if form in by_form:
        return by_form[form]
    numbers = re.findall(r"\d+", form)
    same_numbers = [other for other in by_form if re.findall(r"\d+", other) == numbers]
    matches = difflib.get_close_matches(form, same_numbers, n=1, cutoff=NEAR)
    return by_form[matches[0]] if matches else None


def _loose(name: str) -> str:
    folded = unicodedata.normalize("NFKC", clean_text(name)).casefold()
    return re.sub(r"(?<!\d)0+(?=\d)", "", re.sub(r"[\s/\\_-]+", "/", folded))


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _cleaned(text: str, at: int, flags: Sequence[tuple[int, int]]) -> str:
    character = text[at]
    if character.isspace():
        return " "
    if unicodedata.category(character) == "Cs":
        return "\ufffd"
    return "" if _is_hidden(text, at, flags) else character


def _is_hidden(text: str, at: int, flags: Sequence[tuple[int, int]]) -> bool:
    character, code = text[at], ord(text[at])
    category = unicodedata.category(character)
    if category in {"Cc", "Cs", "Zl", "Zp"} or character in FILLERS:
        return True
    if code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF:  # no characters, and never will be
        return True
    if category != "Cf" or character in VISIBLE_FORMATS:
        return False
    if character in {NON_JOINER, JOINER}:
        return not _joins(text, at)
    return not any(first < at < last for first, last in flags)


def _joins(text: str, at: int) -> bool:
    """Whether a joiner or non-joiner changes how the word or the emoji around it is drawn."""
    before, after = text[max(at - MARKS, 0):at], text[at + 1:at + 1 + MARKS]
    if not before:
        return False
    last = before[-1]
    if _VIRAMA in {unicodedata.combining(last), unicodedata.combining(after[0]) if after else 0}:
        return True
    left = next((c for c in reversed(before) if not unicodedata.category(c).startswith("M")), "")
    right = next((c for c in after if not unicodedata.category(c).startswith("M")), "")
    if _is_cursive(left) and _is_cursive(right):
        return True
    pictured = last == "\ufe0f" or unicodedata.category(last) == "So" or "\U0001f3fb" <= last <= "\U0001f3ff"
    return text[at] == JOINER and pictured and unicodedata.category(right or " ") == "So"


def _is_cursive(character: str) -> bool:
    return bool(character) and unicodedata.category(character) in {"Lo", "Lm"} and unicodedata.name(
        character, "").startswith(CURSIVE)
