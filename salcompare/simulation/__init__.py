"""Responses and maps with planted truth: the demo's workers, and what statistics are calibrated on."""

from salcompare.simulation.faces import Face, find_face, typical_face
from salcompare.simulation.published import Calibration, dirichlet_concentration, published_calibration
from salcompare.simulation.responses import SimulatedResponses, plant_careless, simulate_checks, simulate_responses

__all__ = ["Calibration", "Face", "SimulatedResponses", "dirichlet_concentration", "find_face",
           "plant_careless", "published_calibration", "simulate_checks", "simulate_responses",
           "typical_face"]
