"""Which responses stay out of the statistics: rules on care, never on opinion.

"The most recognisable feature" has no right answer, so no rule compares a worker's answers on photographs with other
workers' answers. What is judged is an instructed check, whose answer was asked for; a pace or a moment in which nobody
can have looked; a box that holds the whole photograph or nothing; and the same box over and over. Every response that
is left out is logged with the rule and the number that it broke.
"""

from salcompare.sources.quality.checks import CHECKS, checks_in, judge_checks, read_checks
from salcompare.sources.quality.judging import LEVELS_JUDGED, Judged, judge_responses, unjudged
from salcompare.sources.quality.summary import compare_planted, counted, summarise_images, summarise_workers

__all__ = ["CHECKS", "LEVELS_JUDGED", "Judged", "checks_in", "compare_planted", "counted", "judge_checks",
           "judge_responses", "read_checks", "summarise_images", "summarise_workers", "unjudged"]
