"""Faces as faces: landmarks of any scheme, what is measured on them, and their detection.

Labelled arrays in and out; no file of a study, no torch. MediaPipe is imported by `salcompare.faces.detection` alone.
"""

from salcompare.faces.align import TEMPLATES, align_faces, warp_density, warp_map, warp_photograph
from salcompare.faces.atlas import LABEL_REGIONS, REGIONS, region_masks
from salcompare.faces.attributes import ATTRIBUTES, face_attributes, picture_attributes
from salcompare.faces.files import orl_landmarks, orl_landmarks_of, write_landmarks
from salcompare.faces.frame import Frame, canonical_frame, mesh_frame
from salcompare.faces.procrustes import Similarity, fit_similarity, mean_shape, misfits, turn_of
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

__all__ = ["ATTRIBUTES", "DLIB_FIVE", "EYES", "FIVE", "LABEL_REGIONS", "REGIONS", "SCHEMES", "TEMPLATES", "Frame",
           "Scheme", "Similarity", "align_faces", "canonical_frame", "eye_centres", "face_attributes",
           "fit_similarity", "five_points", "has_places", "make_landmarks", "mean_shape", "mesh_frame", "misfits",
           "orl_landmarks", "orl_landmarks_of", "picture_attributes", "place_centres", "place_points", "region_masks",
           "scheme_of", "turn_of", "warp_density", "warp_map", "warp_photograph", "write_landmarks"]
