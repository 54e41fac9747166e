"""Whether maps are symmetric."""

from salcompare.findings.finding import BARE_TEST, COUNTS, MEAN, Columns, Compared, Finding, Headline, Quantity

INDICES, TESTS = "symmetry", "symmetry_test"
BETWEEN, ALONE = "human minus classifier", "value"
MOST_COMPONENTS, IMAGES_A_COMPONENT = 10, 3
"""Principal components of the photographs' odd parts that are taken out of the maps': at most, and images for each."""
FEW_ACTORS_ODD = "no interval: few actors have most of the odd energy"
_NULL_MEAN = {"null_mean": 0.0}  # of what flips or mirrors at random turn about 0
_SYMMETRIC: Columns = {"null": "null", "null_mean": "null_mean"}
INDEX = Quantity(INDICES, "index", "Symmetry index", columns=MEAN | _SYMMETRIC, shown=(
    Headline(title="Human maps: symmetry index"), Compared("symmetry", beside="null_mean")))
CORRELATION, LATERALITY = (Quantity(INDICES, metric, title, columns=MEAN) for metric, title in (
    ("mirror_correlation", "Correlation with the mirror image"), ("laterality", "Laterality")))
OF_MAPS = (INDEX, CORRELATION, LATERALITY)
OF_ACTORS = (INDEX.of_actors(_SYMMETRIC | {"null_mean": "actor_null_mean"}),
             CORRELATION.of_actors({}), LATERALITY.of_actors({}))
ODD_SHARE = Quantity(INDICES, "odd_share", "Share of asymmetric energy", columns=COUNTS, better="lower")
DIFFERENCE = Quantity(
    INDICES, "odd_share", "Share of asymmetric energy", columns=COUNTS | {
        "value_one": "one", "value_other": "other"}, fixed={"contrast": BETWEEN}, better="lower")
WORKERS = Quantity(
    TESTS, "worker_laterality", "Laterality of people's maps", columns=MEAN | {
        "null": "null", "alternative": "alternative", "p_value": "p_value", "n_resamples": "n_resamples"},
    fixed=_NULL_MEAN, shown=(Headline(title="Human maps: laterality"),))
"""The one test of a side that people's maps have."""
SIDE = Quantity(TESTS, "common_laterality", "A side that actors share", columns=MEAN | BARE_TEST, fixed=_NULL_MEAN)
COMMON = Quantity(
    TESTS, "common_asymmetry", "Odd energy that actors share", "odd_share", COUNTS | BARE_TEST | {
        "p_value": "odd_share_p_value", "alternative": "odd_share_alternative",
        "reason": "odd_share_reason"}, _NULL_MEAN)
ASYMMETRY = Quantity(TESTS, "asymmetry", "Asymmetry of each actor's maps", columns=COUNTS | BARE_TEST | _SYMMETRIC)
ASYMMETRY_OF_ACTORS = ASYMMETRY.of_actors(BARE_TEST | {
    "p_value": "actor_p_value", "p_attainable": "actor_p_attainable", "n_resamples": "actor_n_permutations"})
YAW = "yaw"
"""The attribute of photographs that says how far a face is turned, and what maps are held against where it is known."""
POSE = Quantity(TESTS, "pose_association", "Maps turn with the faces", columns=MEAN | BARE_TEST | _SYMMETRIC)
BEYOND = Quantity(TESTS, "asymmetry_beyond_photographs", "Asymmetry beyond the photographs'",
                  columns=COUNTS | BARE_TEST | _SYMMETRIC)
EXPLAINED = Quantity(TESTS, "odd_energy_explained", "Odd energy that follows the photographs'", "explained", {
    "n": "n_images", "n_undefined": "n_images_undefined", "reason": "explained_reason"})

FINDING = Finding(
    name="symmetry", question="Are the maps symmetric?", inputs=("human", "classifier_maps", "photographs"),
    frame="photograph",
    quantities=(*OF_MAPS, *OF_ACTORS, WORKERS, DIFFERENCE, ODD_SHARE, SIDE, COMMON, ASYMMETRY, ASYMMETRY_OF_ACTORS,
                POSE, BEYOND, EXPLAINED),
    figures=(9,), on_classifier_pages=(9,))
