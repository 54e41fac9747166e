"""Statistics on saliency maps: estimates with nulls and intervals, labelled in and labelled out.

Replicates are actors, images and workers, never pixels. Nothing here needs a study on disk: every function takes xarray
maps with dims (image, y, x) and a coordinate ``actor`` along ``image``, whoever made them, eager or dask.

Wrong arguments are one `InputError` that names all that is wrong: a missing dim, column, coordinate or variable, an
unknown image, a missing worker, an option out of its range, or data too few for the question, such as one actor where
actors are compared.
"""

from salcompare.statistics.agreement import pairwise_agreement, worker_agreement
from salcompare.statistics.canonical import canonical_model_saliency
from salcompare.statistics.ceilings.pooled import noise_ceiling, pooled_ceiling, share_of_ceiling
from salcompare.statistics.ceilings.seeds import seed_reliability
from salcompare.statistics.confounding import shared_workers
from salcompare.statistics.inference.crossed import crossed_interval, crossed_jackknife_variance, crossed_variance
from salcompare.statistics.inference.differences import equivalence, independent_difference, verdict
from salcompare.statistics.inference.multiplicity import adjust_p, family_size
from salcompare.statistics.inference.permutation import (
    exchangeability,
    p_value,
    permutations,
    sign_flip_test,
    smallest_p,
)
from salcompare.statistics.inference.resampling import (
    actor_means,
    bootstrap_weights,
    jackknife_interval,
    population_mean,
    t_interval,
)
from salcompare.statistics.labels.differences import label_differences
from salcompare.statistics.labels.histogram import label_histogram, population_label_histogram
from salcompare.statistics.labels.regions import label_counts, label_enrichment, label_regions
from salcompare.statistics.metrics.information import calibrated, explainable_information, others_density
from salcompare.statistics.metrics.registry import FIXATION_METRICS, METRICS, pairwise
from salcompare.statistics.mixed import crossed_model, lme4_script, outcome_table
from salcompare.statistics.overlaps.actor_similarity import actor_similarity
from salcompare.statistics.overlaps.baselines import (
    centre,
    other_actors_mean,
    paired_differences,
    uniform,
    uniform_overlap,
)
from salcompare.statistics.overlaps.heatmaps import heatmap_tests, population_overlap
from salcompare.statistics.overlaps.pairings import compare_classifiers, compare_pairings, overlap_tests, pairing_tests
from salcompare.statistics.overlaps.same_image import overlap, overlap_matrix
from salcompare.statistics.overlaps.unique import (
    agreement_beyond,
    registered,
    unique_agreement,
    unique_ceiling,
    unique_values,
)
from salcompare.statistics.perturbation import curve_areas, removal_curves, removal_drops
from salcompare.statistics.regions import named_regions, people_region_shares, region_masses, region_shares
from salcompare.statistics.relative.paired import paired_map_test
from salcompare.statistics.relative.pixelwise import relative_test
from salcompare.statistics.symmetries.indices import symmetric_null_mean, symmetry
from salcompare.statistics.symmetries.pose import asymmetry_beyond_photographs, pose_association
from salcompare.statistics.symmetries.shares import odd_share_difference
from salcompare.statistics.symmetries.sides import asymmetry_test, common_laterality_test, worker_laterality
from salcompare.statistics.variance.components import (
    design_reliability,
    response_variance_components,
    variance_components,
    workers_needed,
)
from salcompare.statistics.variance.dispersion import dispersion_test
from salcompare.statistics.variance.explained import variance_explained
from salcompare.statistics.verification import equal_error_interval, equal_error_rate, verification_scores

__all__ = [
    "FIXATION_METRICS", "METRICS", "actor_means", "actor_similarity", "adjust_p", "agreement_beyond",
    "asymmetry_beyond_photographs", "asymmetry_test", "bootstrap_weights", "calibrated",
    "canonical_model_saliency", "centre",
    "common_laterality_test", "compare_classifiers", "compare_pairings", "crossed_interval",
    "crossed_jackknife_variance", "crossed_model", "crossed_variance", "curve_areas", "design_reliability",
    "dispersion_test", "equal_error_interval", "equal_error_rate", "equivalence", "exchangeability",
    "explainable_information", "family_size", "heatmap_tests", "independent_difference", "jackknife_interval",
    "label_counts", "label_differences", "label_enrichment", "label_histogram", "label_regions", "lme4_script",
    "named_regions", "noise_ceiling", "odd_share_difference", "other_actors_mean", "others_density", "outcome_table",
    "overlap", "overlap_matrix", "overlap_tests", "p_value", "paired_differences", "paired_map_test", "pairing_tests",
    "pairwise", "pairwise_agreement", "people_region_shares", "permutations", "pooled_ceiling",
    "population_label_histogram", "population_mean", "population_overlap", "pose_association", "region_masses",
    "region_shares", "registered", "relative_test", "removal_curves", "removal_drops", "response_variance_components",
    "seed_reliability", "share_of_ceiling", "shared_workers", "sign_flip_test", "smallest_p", "symmetric_null_mean",
    "symmetry", "t_interval", "uniform", "uniform_overlap", "unique_agreement", "unique_ceiling", "unique_values",
    "variance_components", "variance_explained", "verdict", "verification_scores", "worker_agreement",
    "worker_laterality", "workers_needed",
]
