"""Colours that a colour-blind reader can tell apart, and names of sources."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from skimage.color import rgb2lab

from salcompare.figures.theme import CLASSIFIERS, HUMAN, LABELS, NULL, PHOTOGRAPHS, source_colours, source_name, wrapped

# Full dichromacy on linear RGB: Machado, Oliveira & Fernandes (2009), doi:10.1109/TVCG.2009.113, severity 1.
DICHROMATS = {
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
TELLS_APART = 10  # CIE76; about four times a just noticeable difference


def seen(colour, matrix):
    """CIELAB of a colour as a dichromat sees it."""
    rgb = np.array([int(colour[i:i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    turned = np.clip(np.array(matrix) @ linear, 0, 1)
    return rgb2lab(np.where(turned <= 0.0031308, turned * 12.92, 1.055 * turned ** (1 / 2.4) - 0.055)[None])[0]


@pytest.mark.parametrize("kind", DICHROMATS)
@pytest.mark.parametrize("palette", [(HUMAN, *CLASSIFIERS[:5], PHOTOGRAPHS, NULL), LABELS[:6]],
                         ids=["sources", "labels"])
def test_colours_differ_for_the_colour_blind(palette, kind):
    colours = [seen(colour, DICHROMATS[kind]) for colour in palette]
    assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(colours, 2)) > TELLS_APART


def test_the_main_classifier_and_people_keep_their_colours():
    one = source_colours(["alexnet/finetuned/guided_backprop"])
    two = source_colours(["alexnet/frozen/guided_backprop", "alexnet/finetuned/guided_backprop"])
    assert one["alexnet/finetuned/guided_backprop"] == two["alexnet/finetuned/guided_backprop"]
    assert one["human"] == two["human"]
    assert len(set(two.values())) == len(two)


NETWORKS = [f"{name}/{variant}" for name in ("resnet", "vgg", "lite") for variant in ("frozen/gradient", "frozen/gb",
                                                                                   "finetuned/gb")]  # the main one last


def test_a_classifier_keeps_its_colours_where_others_are_not_shown():
    whole = source_colours(NETWORKS, ["lite", "resnet", "vgg"])
    of_one = source_colours([source for source in NETWORKS if source.startswith("vgg/")], ["lite", "resnet", "vgg"])
    assert {source: whole[source] for source in of_one} == of_one


@pytest.mark.parametrize("kind", DICHROMATS)
def test_the_sources_of_a_classifier_have_one_hue_and_differ_in_lightness(kind):
    colours = source_colours(NETWORKS, ["lite", "resnet", "vgg"])
    assert len(set(colours.values())) == len(colours)
    for at, name in enumerate(("lite", "resnet", "vgg")):
        own = [colours[f"{name}/{rest}"] for rest in ("finetuned/gb", "frozen/gb", "frozen/gradient")]
        assert own[0] == CLASSIFIERS[at]
        light = [seen(colour, DICHROMATS[kind])[0] for colour in own]
        assert light[0] + 10 < light[1] < light[2]


def test_a_method_is_named_only_where_there_are_several():
    first, second = "alexnet/frozen/guided_backprop", "alexnet/frozen/other"
    assert source_name(first) == source_name(first, [first]) == "alexnet frozen"
    assert source_name(first, [first, second]) == "alexnet frozen (guided backprop)"
    assert source_name("baseline/centre") == "Centred Gaussian"


def test_long_names_break_between_words():
    assert wrapped("Kristin Chenoweth", 12) == "Kristin\nChenoweth"
    assert wrapped("s07", 12) == "s07"
