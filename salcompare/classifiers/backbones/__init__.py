"""Backbones: the layers that a classifier's new ones stand on, found by name, and how to add another."""

from salcompare.classifiers.backbones.own import own_backbone
from salcompare.classifiers.backbones.recipe import IMAGENET, Backbone, GlobalMean, feature_dim
from salcompare.classifiers.backbones.registry import find_backbone, register_backbone
from salcompare.classifiers.backbones.torchvision_models import torchvision_names

__all__ = ["IMAGENET", "Backbone", "GlobalMean", "feature_dim", "find_backbone", "own_backbone", "register_backbone",
           "torchvision_names"]
