"""Faces as faces: landmarks of any scheme, what is measured on them, and their detection.

Labelled arrays in and out; no file of a study, no torch. MediaPipe is imported by `salcompare.faces.detection` alone.
"""

from salcompare.faces.files import orl_landmarks, orl_landmarks_of, write_landmarks
from salcompare.faces.schemes import (
    DLIB_FIVE,
    EYES,
    FIVE,
    SCHEMES,
    Scheme,
    eye_centres,
    five_points,
    has_places,
    make_landmarks,
    place_centres,
    place_points,
    scheme_of,
)

__all__ = ["DLIB_FIVE", "EYES", "FIVE", "SCHEMES", "Scheme", "eye_centres", "five_points", "has_places",
           "make_landmarks", "orl_landmarks", "orl_landmarks_of", "place_centres", "place_points", "scheme_of",
           "write_landmarks"]
