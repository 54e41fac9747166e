"""Planning: simulated studies, how large a study must be, and whether the statistics keep what they promise."""

from salcompare.planning.pilot import Pilot, fit_pilot
from salcompare.planning.power_runs import STATISTICS, Goal, Sizes, planned_statistic, power
from salcompare.simulation.cases import PlannedStatistic
from salcompare.simulation.scenario import (
    PRESETS,
    Geometry,
    Place,
    Scenario,
    demo_scenario,
    expected_coverage,
    find_scenario,
    published_geometry,
)
from salcompare.simulation.studies import SimulatedStudy, Truth, simulate_study

__all__ = ["PRESETS", "STATISTICS", "Geometry", "Goal", "Pilot", "Place", "PlannedStatistic", "Scenario",
           "SimulatedStudy", "Sizes", "Truth", "demo_scenario", "expected_coverage", "find_scenario", "fit_pilot",
           "planned_statistic", "power", "published_geometry", "simulate_study"]
