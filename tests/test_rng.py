"""Every public function that draws asks for a generator by an error that names the remedy, and takes nothing else."""

import importlib
import inspect

import numpy as np
import pytest

from salcompare.errors import InputError

PACKAGES = ("salcompare", "salcompare.statistics", "salcompare.maps", "salcompare.simulation", "salcompare.planning")
DRAWING = {f"{package}.{name}": function for package in PACKAGES
           for name in importlib.import_module(package).__all__
           if inspect.isfunction(function := getattr(importlib.import_module(package), name))
           and "rng" in inspect.signature(function).parameters}


def test_the_functions_that_draw_are_found():
    assert {"salcompare.statistics.variance_explained", "salcompare.statistics.bootstrap_weights",
            "salcompare.statistics.overlap_tests"} <= set(DRAWING)
    assert len(DRAWING) >= 25


@pytest.mark.parametrize("name", DRAWING)
def test_without_a_generator_the_error_names_the_function_and_the_remedy(name):
    said = rf"^{name.split('.')[-1]}\(\): no rng; expected a numpy.random.Generator, .*pass rng=np.random.default_rng"
    with pytest.raises(InputError, match=said):
        DRAWING[name]()
    with pytest.raises(InputError, match=said):
        DRAWING[name](rng=None)


@pytest.mark.parametrize("name", DRAWING)
def test_a_seed_is_no_generator(name):
    with pytest.raises(InputError, match=r"rng is int 7; expected a numpy.random.Generator"):
        DRAWING[name](rng=7)


@pytest.mark.parametrize("name", DRAWING)
def test_none_has_a_generator_by_default_that_nobody_could_draw_again(name):
    assert inspect.signature(DRAWING[name]).parameters["rng"].default is inspect.Parameter.empty


def test_a_generator_given_by_its_place_is_taken():
    weights = DRAWING["salcompare.statistics.bootstrap_weights"](5, 3, np.random.default_rng(0))
    assert weights.shape == (3, 5)
    with pytest.raises(InputError, match="rng is RandomState"):
        DRAWING["salcompare.statistics.bootstrap_weights"](5, 3, np.random.RandomState(0))
