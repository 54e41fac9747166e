"""Maps: boxes and attributions on one pixel grid, their masks, heatmaps and differences.

Every public function takes and gives labelled xarray objects with dims (..., y, x), eager or dask.
"""

from salcompare.maps.boxes import rasterise_actor_boxes, rasterise_boxes
from salcompare.maps.channels import reduce_channels
from salcompare.maps.differences import saliency_difference
from salcompare.maps.fixations import fixation_maps, rasterise_fixations, sigma_in_pixels
from salcompare.maps.heatmaps import actor_heatmap, class_means, relative_saliency, stack_sources
from salcompare.maps.labels import natural_order
from salcompare.maps.masks import mask_report, shown, tied_weights, top_mask
from salcompare.maps.orders import centre_orders, marked_by_both, moved_orders
from salcompare.maps.ready import ready_response_maps, ready_saliency
from salcompare.maps.responses import mean_of_responses, require_response_maps, response_array
from salcompare.maps.smoothing import smooth

__all__ = ["actor_heatmap", "centre_orders", "class_means", "fixation_maps", "marked_by_both", "mask_report",
           "mean_of_responses", "moved_orders", "natural_order", "rasterise_actor_boxes", "rasterise_boxes",
           "rasterise_fixations", "ready_response_maps", "ready_saliency", "reduce_channels", "relative_saliency",
           "require_response_maps", "response_array", "saliency_difference", "shown", "sigma_in_pixels", "smooth",
           "stack_sources", "tied_weights", "top_mask"]
