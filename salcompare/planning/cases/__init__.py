"""Every test and interval of the statistics as a case of calibration, a module a topic."""

from salcompare.planning.cases.ceilings import CEILING_CASES
from salcompare.planning.cases.labels import LABEL_CASES
from salcompare.planning.cases.overlap import OVERLAP_CASES
from salcompare.planning.cases.relative import RELATIVE_CASES
from salcompare.planning.cases.symmetry import SYMMETRY_CASES
from salcompare.planning.cases.variance import VARIANCE_CASES

CASES = (*VARIANCE_CASES, *LABEL_CASES, *RELATIVE_CASES, *SYMMETRY_CASES, *OVERLAP_CASES, *CEILING_CASES)

__all__ = ["CASES"]
