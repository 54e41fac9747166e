"""Where an actor's maps differ from the other actors'."""

from salcompare.findings.finding import BARE_TEST, COUNTS, FAMILY, Columns, Finding, Headline, Quantity

STATISTIC, CONTRAST = "relative_saliency", "actor minus others"
MOST, MOST_BESIDE = 999, 99
"""Permutations at most: of the test itself, and of classifiers that are not shown."""
_ABOUT: Columns = COUNTS | BARE_TEST | FAMILY | {"n": "n_actors", "reason": "left_out"}
_WITHOUT_P: Columns = {name: part for name, part in _ABOUT.items() if name not in ("p_value", "p_adjusted")}
_OF_ALL: Columns = _WITHOUT_P | {"count": "count"}
_P_OF_ALL: Columns = {"p_value": "p_least", "p_adjusted": "p_least"}
_P_OF_ACTORS: Columns = {"p_value": "actor_p", "p_adjusted": "actor_p"}
_OF_ACTORS: Columns = _ABOUT | _P_OF_ACTORS | {"n": "actor_n", "reason": "actor_reason"}
_PIXELS: Columns = {name: part for name, part in _WITHOUT_P.items() if name != "n"} | {
    "count": "actor_count", "reason": "actor_reason"}

TITLE = "Largest |t| of an actor against the others"

LARGEST = (
    Quantity(STATISTIC, "max_t", TITLE, "share", _OF_ALL | _P_OF_ALL, most=(MOST, MOST_BESIDE),
             shown=(Headline(title="Actors whose human maps differ from others'"),)),
    Quantity(STATISTIC, "max_t", TITLE, "actor_value", _OF_ACTORS, over=("actor",), level="actor"))
SURVIVING = (
    Quantity(STATISTIC, "surviving_share", "Share of the pixels that survive", "share", _OF_ALL),
    Quantity(STATISTIC, "surviving_share", "Share of the pixels that survive", "actor_share", _PIXELS, over=("actor",),
             level="actor"))

FINDING = Finding(
    name="relative", question="Where do maps of one actor differ from the others'?",
    inputs=("human", "classifier_maps", "landmarks"), figures=(5, 6), on_classifier_pages=(5,),
    frame="photograph",
    quantities=(*LARGEST, *SURVIVING))
