"""Sources, stage 1: photographs of any kind to one catalogue, responses of any layout to one table.

What cannot be used is refused by name or left out with its reason; nothing vanishes silently.
"""

from salcompare.sources.attributes import read_attributes
from salcompare.sources.datasets import ORL_CREDIT, ORL_NOTE
from salcompare.sources.decoding import UnreadablePhotographError, decode_photograph, read_photograph, resize_photograph
from salcompare.sources.landmarks import read_landmarks
from salcompare.sources.left_out import NOT_ALIGNED, describe_left_out
from salcompare.sources.photographs import (
    Photographs,
    assign_splits,
    gather_photographs,
    locate_photographs,
    photograph_inputs,
    survey_photographs,
)
from salcompare.sources.precomputed import PrecomputedMaps, map_inputs, read_precomputed_maps
from salcompare.sources.responses import ResponseTable, read_fixations, read_responses
from salcompare.sources.rows import normalise_label, synonyms_table

__all__ = ["NOT_ALIGNED", "ORL_CREDIT", "ORL_NOTE", "Photographs", "PrecomputedMaps", "ResponseTable",
           "UnreadablePhotographError", "assign_splits", "decode_photograph", "describe_left_out", "gather_photographs",
           "locate_photographs", "map_inputs", "normalise_label", "photograph_inputs", "read_attributes",
           "read_fixations", "read_landmarks", "read_photograph", "read_precomputed_maps", "read_responses",
           "resize_photograph", "survey_photographs", "synonyms_table"]
