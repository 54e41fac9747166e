"""How far a classifier agrees with people beyond what every face would make them share."""

from salcompare.findings.controls import RANDOMISED, SHUFFLED
from salcompare.findings.finding import MEAN, SIDES, TEST, Columns, Compared, Finding, Headline, Quantity
from salcompare.findings.overlap import SAME_IMAGE
from salcompare.naming import PRIMARY, SMOOTHED

AGREEMENT, EXPLAINED = "unique_agreement", "unique_share_explained"
BEYOND = "same image minus other actors"
CONTROLS = (RANDOMISED, SHUFFLED)
_DECIDED: Columns = {"ceiling": "ceiling", "smallest_effect": "smallest_effect", "p_equivalence": "p_equivalence",
                     "verdict": "verdict"}


OF_SOURCE = Quantity(
    AGREEMENT, PRIMARY, "Unique agreement", columns=MEAN | TEST | _DECIDED, better="higher", shown=(
        Headline("classifier", SMOOTHED, SAME_IMAGE), Compared(
            "unique_agreement", form=SMOOTHED, contrast=SAME_IMAGE, beside="ceiling",
            requires="maps of people that name images")))
OF_ACTORS = OF_SOURCE.of_actors({})
BEYOND_OTHERS = Quantity(AGREEMENT, PRIMARY, value="beyond", columns=MEAN | SIDES | {
    "ci_low": "beyond_low", "ci_high": "beyond_high", "value_one": "value", "value_other": "others"})
SHARE = Quantity(EXPLAINED, "r2", "Share of what is left that the classifier explains", "r2",
                 {"n": "n", "reason": "r2_reason"})
OF_CONTROL = Quantity(AGREEMENT, PRIMARY, columns=MEAN)
DIFFERENCE = Quantity(AGREEMENT, PRIMARY, columns=MEAN | SIDES | TEST | _DECIDED)

FINDING = Finding(
    name="unique", question="Does the classifier agree with people beyond what all faces share?",
    question_of_several="Do the classifiers agree with people beyond what all faces share?",
    inputs=("human", "classifier_maps", "photographs", "landmarks", "responses", "controls"), rests_on_people=True,
    frame="photograph",
    quantities=(OF_SOURCE, OF_ACTORS, BEYOND_OTHERS, SHARE, OF_CONTROL, DIFFERENCE), figures=(19,))
