"""Planning: simulated studies, how large a study must be, and whether the statistics keep what they promise."""

from salcompare.planning.generate import SimulatedStudy, Truth, simulate_study
from salcompare.planning.geometry import Geometry, Place, expected_coverage, published_geometry
from salcompare.planning.scenario import PRESETS, Scenario, demo_scenario, find_scenario

__all__ = ["PRESETS", "Geometry", "Place", "Scenario", "SimulatedStudy", "Truth", "demo_scenario",
           "expected_coverage", "find_scenario", "published_geometry", "simulate_study"]
