"""Where an actor's maps differ from the other actors'."""

from salcompare.findings.finding import BARE_TEST, COUNTS, FAMILY, Columns, Finding, Headline, Quantity

STATISTIC, CONTRAST = "relative_saliency", "actor minus others"
MOST, MOST_BESIDE = 999, 99
"""Permutations at most: of the test itself, and of the sensitivity analyses and of classifiers that are not shown."""
ADJUSTMENTS = {"bh": "Benjamini-Hochberg", "by": "Benjamini-Yekutieli"}
TFCE = {"start": 2.5, "step": 0.5}  # from 0 in steps of 0.1 takes hundreds of times as long
_ABOUT: Columns = COUNTS | BARE_TEST | FAMILY | {"n": "n_actors", "reason": "left_out"}
_WITHOUT_P: Columns = {name: part for name, part in _ABOUT.items() if name not in ("p_value", "p_adjusted")}
_OF_ALL: Columns = _WITHOUT_P | {"count": "count"}
_P_OF_ALL: Columns = {"p_value": "p_least", "p_adjusted": "p_least"}
_P_OF_ACTORS: Columns = {"p_value": "actor_p", "p_adjusted": "actor_p"}
_OF_ACTORS: Columns = _ABOUT | _P_OF_ACTORS | {"n": "actor_n"}
_PIXELS: Columns = {name: part for name, part in _WITHOUT_P.items() if name != "n"} | {"count": "actor_count"}


def _tests(metric: str, title: str, *, most: tuple[int, ...] = (), shown: tuple[Headline, ...] = ()) -> tuple[
        Quantity, Quantity]:
    """Declare for how many actors a test finds anything, and the most extreme value of each."""
    return (Quantity(STATISTIC, metric, title, "share", _OF_ALL | _P_OF_ALL, most=most, shown=shown),
            Quantity(STATISTIC, metric, title, "actor_value", _OF_ACTORS, over=("actor",), level="actor"))


LARGEST = _tests("max_t", "Largest |t| of an actor against the others", most=(MOST, MOST_BESIDE),
                 shown=(Headline(title="Actors whose human maps differ from others'"),))
SPREAD = _tests("dispersion_t", "Largest |t| of an actor's spread against the others'")
MASS = _tests("cluster_mass", "Largest mass of a cluster of pixels")
ENHANCED = _tests("tfce", "Largest threshold-free cluster enhancement")
SURVIVING = (
    Quantity(STATISTIC, "surviving_share", "Share of the pixels that survive", "share", _OF_ALL),
    Quantity(STATISTIC, "surviving_share", "Share of the pixels that survive", "actor_share", _PIXELS, over=("actor",),
             level="actor"))
SURVIVING_AT_RATE = {method: (
    Quantity(STATISTIC, f"surviving_share_{method}", f"Share of the pixels that survive, {name}", "share",
             SURVIVING[0].columns | _P_OF_ALL | {"p_is": "p_is"}),
    Quantity(STATISTIC, f"surviving_share_{method}", f"Share of the pixels that survive, {name}", "actor_share",
             _PIXELS | _P_OF_ACTORS | {"p_is": "actor_p_is"}, over=("actor",), level="actor"))
    for method, name in ADJUSTMENTS.items()}

FINDING = Finding(
    name="relative", question="Where do maps of one actor differ from the others'?",
    inputs=("human", "classifier_maps"), figures=(5, 6), on_classifier_pages=(5,), quantities=(
        *LARGEST, *SPREAD, *MASS, *ENHANCED, *SURVIVING, *(one for pair in SURVIVING_AT_RATE.values() for one in pair)))
