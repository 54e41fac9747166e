"""Maps: boxes and attributions on one pixel grid, their masks, heatmaps and differences.

Every public function takes and gives labelled xarray objects with dims (..., y, x), eager or dask. What is no labelled
map, lacks a dim or a coordinate, or has an option out of its range is refused by an `InputError`.
"""

from salcompare.maps.alignment import move_landmarks, move_points, transforms_of
from salcompare.maps.boxes import count_boxes, rasterise_actor_boxes, rasterise_boxes
from salcompare.maps.canonical import from_canonical, points_to_canonical, to_canonical
from salcompare.maps.checks import natural_order
from salcompare.maps.filters import reduce_channels, smooth
from salcompare.maps.fixations import fixation_counts, fixation_maps, rasterise_fixations, sigma_in_pixels
from salcompare.maps.heatmaps import actor_heatmap, class_means, relative_saliency, saliency_difference, stack_sources
from salcompare.maps.masks import (
    centre_orders,
    marked_by_both,
    mask_report,
    moved_orders,
    shown,
    tied_weights,
    top_mask,
)
from salcompare.maps.occlusion import canonical_saliency, region_drops
from salcompare.maps.responses import (
    mean_of_responses,
    precomputed_response_maps,
    precomputed_saliency,
    require_response_maps,
    response_array,
)

__all__ = ["actor_heatmap", "canonical_saliency", "centre_orders", "class_means", "count_boxes", "fixation_counts",
           "fixation_maps", "from_canonical", "marked_by_both", "mask_report", "mean_of_responses", "move_landmarks",
           "move_points", "moved_orders", "natural_order", "points_to_canonical", "precomputed_response_maps",
           "precomputed_saliency", "rasterise_actor_boxes", "rasterise_boxes", "rasterise_fixations", "reduce_channels",
           "region_drops", "relative_saliency", "require_response_maps", "response_array", "saliency_difference",
           "shown", "sigma_in_pixels", "smooth", "stack_sources", "tied_weights", "to_canonical", "top_mask",
           "transforms_of"]
