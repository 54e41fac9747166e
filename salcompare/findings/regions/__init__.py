"""What people name and box, and networks mark, by regions of the face."""

from salcompare.findings.controls import RANDOMISED, SOBEL
from salcompare.findings.finding import MEAN, SIDES, Columns, Finding, Quantity
from salcompare.findings.overlap import CENTRE

SHARES, NAMES, AREAS, DIFFERENCES = "region_share", "region_named", "region_area", "region_difference"
BETWEEN = "human minus {}"
CONTROLS = (RANDOMISED, CENTRE, SOBEL)
SHARE = Quantity(SHARES, "share", "Share of the mass in a region", columns=MEAN, over=("region",))
DENSITY = Quantity(SHARES, "density", "Share of the mass in a region, over that of the area", "density",
                   MEAN | {"ci_low": "density_low", "ci_high": "density_high"}, over=("region",))
NAMED = Quantity(NAMES, "share", "Share of the labels that name a region", columns=MEAN, over=("region",),
                 rests_on_people=True, frame="")
AREA = Quantity(AREAS, "share", "Share of the area that photographs show", columns={"n": "n"}, over=("region",))
_TEST: Columns = {name: name for name in ("null", "alternative", "p_value", "n_resamples")}
DIFFERENCE = Quantity(DIFFERENCES, "share", "People's share less another's", columns=MEAN | SIDES | _TEST,
                      fixed={"null_mean": 0.0}, over=("region",), rests_on_people=True)
TABLE = "region_masses"
"""What the finding's stage leaves."""

FINDING = Finding(
    name="regions", question="Which regions of the face do people name and box, and networks mark?",
    inputs=("human", "responses", "classifier_maps", "landmarks", TABLE), frame="canonical",
    quantities=(SHARE, DENSITY, NAMED, AREA, DIFFERENCE), figures=(21,))
