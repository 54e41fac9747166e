"""Whether maps are symmetric."""

from salcompare.findings.finding import Compared, Finding, Headline, Quantity

INDICES, TESTS = "symmetry", "symmetry_test"
BETWEEN = "human minus classifier"

FINDING = Finding(
    name="symmetry", question="Are the maps symmetric?", inputs=("human", "classifier_maps", "photographs"),
    quantities=(
        Quantity(INDICES, "index", "Symmetry index", shown=(
            Headline(title="Human maps: symmetry index"), Compared("symmetry", beside="null_mean"))),
        Quantity(TESTS, "worker_laterality", "Laterality of people's maps", shown=(
            Headline(title="Human maps: laterality"),)),
        Quantity(INDICES, "odd_share", "Share of asymmetric energy", better="lower", shown=(
            Headline("classifier", contrast=BETWEEN, title="People minus classifier, odd share"),)),
    ),
    figures=(9,), on_classifier_pages=(9,))
