"""Photographs -> trained networks -> attributions; the only part of salcompare that imports torch."""

from salcompare.errors import MissingDependencyError, Problem

try:
    import torch  # noqa: F401
except ImportError as error:
    raise MissingDependencyError(
        Problem("torch", "is not installed", remedy="run: pip install 'salcompare[classifiers]'")) from error

from salcompare.classifiers.attributions import attribute, write_class_differences, write_classifier_maps
from salcompare.classifiers.backbones import Backbone, find_backbone, register_backbone
from salcompare.classifiers.class_matrix import class_maps, write_class_matrix
from salcompare.classifiers.dataset import Preprocessing
from salcompare.classifiers.evaluation import wilson
from salcompare.classifiers.guided import guided_backprop, guided_backprop_several
from salcompare.classifiers.methods import explain
from salcompare.classifiers.network import Embedder, TrainedClassifier, embed, load_classifier, load_embedder
from salcompare.classifiers.perturbation import INTACT, Arrangement, all_filled, removal_outcomes, write_removals
from salcompare.classifiers.scores import class_score, likeness
from salcompare.classifiers.variants import train_classifier

__all__ = ["INTACT", "Arrangement", "Backbone", "Embedder", "Preprocessing", "TrainedClassifier", "all_filled",
           "attribute", "class_maps", "class_score", "embed", "explain", "find_backbone", "guided_backprop",
           "guided_backprop_several", "likeness", "load_classifier", "load_embedder", "register_backbone",
           "removal_outcomes", "train_classifier", "wilson", "write_class_differences", "write_class_matrix",
           "write_classifier_maps", "write_removals"]
