"""Whether maps of one actor are alike."""

from salcompare.findings.finding import COUNTS, INTERVAL, TEST, Columns, Compared, Finding, Headline, Quantity

VARIANCE, DISPERSION, COMPONENT = "variance_explained", "dispersion", "variance_component"
_COUNTS: Columns = COUNTS | {"n": "n_images", "reason": ("reason", "left_out")}
_WITH_P: Columns = _COUNTS | TEST | {"reason": ("reason", "left_out", "p_reason")}
R2 = Quantity(
    VARIANCE, "r2", "R² of who is shown", "r2", _WITH_P,
    shown=(Headline(form="raw"), Headline(form="smoothed"),
           Compared("r2", form="smoothed masks", beside="null_mean")))
FREE = Quantity(VARIANCE, "r2_free", "R² of who is shown, images permuted as they are", "r2", _COUNTS | TEST | {
    "null": "null_free", "p_value": "p_value_free", "p_attainable": "p_attainable_free",
    "n_resamples": "n_permutations_free"})
OF_DISTANCES = tuple(Quantity(VARIANCE, f"r2_{distance}", f"R² of who is shown, {name}", "r2",
                              _COUNTS | {"null_mean": "null_mean"})
                     for distance, name in (("bray_curtis", "Bray-Curtis"), ("jensen_shannon", "Jensen-Shannon")))
GROUPS = Quantity(VARIANCE, "r2_group", "R² of the actors' groups", "r2", _WITH_P)
UNCENTRED = Quantity(VARIANCE, "r2_uncentred", "R², uncentred", "r2_uncentred",
                     _WITH_P | {"null_mean": "r2_uncentred_null_mean"})
SHARE = Quantity(
    VARIANCE, "between_actor_share", "Between-actor share", "between_actor_share",
    _COUNTS | INTERVAL | {"reason": ("ci_reason", "reason", "left_out")},
    shown=(Headline(form="raw"), Headline(form="smoothed"), Compared("between_actor_share", form="smoothed masks")))
ADJUSTED, OMEGA, PIXELS = (Quantity(VARIANCE, metric, title, metric, _COUNTS) for metric, title in (
    ("r2_adjusted", "R², adjusted"), ("omega2", "omega²"), ("r2_pixel_mean", "R², mean over pixels")))
SPREAD = Quantity(DISPERSION, "f_pairs", "F of the distances within pairs of an actor's images", "pseudo_f",
                  {name: source for name, source in (_COUNTS | TEST).items() if name != "null_mean"})
SHARES = Quantity(COMPONENT, "share", "Share of the variance", "share", COUNTS | INTERVAL | {
    "metric": "component", "reason": ("reason", "ci_reason", "left_out", "note")}, over=("component",))

FINDING = Finding(
    name="variance", question="Are maps of one actor alike?",
    inputs=("human", "classifier_maps", "photographs", "images", "responses"), frame="photograph",
    quantities=(R2, FREE, *OF_DISTANCES, GROUPS, UNCENTRED, SHARE, ADJUSTED, OMEGA, PIXELS, SPREAD,
                SHARES),
    figures=(7,))
