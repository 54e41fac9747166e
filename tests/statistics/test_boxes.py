"""Boxes as sides: their inner products are those of the maps that they stand for."""

import numpy as np
import pytest

from salcompare.maps import rasterise_boxes, smooth
from salcompare.statistics.boxes import boxes_by_image
from tests.statistics.ceilings.studies import SIZE, small_study


@pytest.mark.parametrize("sigma", [0.0, 1.4])
def test_products_sums_and_coverage_are_those_of_the_boxes_drawn(sigma):
    responses, images, _ = small_study(seed=0)
    found = boxes_by_image(responses, images, size=SIZE, sigma=sigma)
    assert list(found) == images["image"].tolist()
    for image, boxes in found.items():
        own = responses[responses["image"] == image]
        drawn = np.stack([smooth(rasterise_boxes(own.iloc[[row]], images, size=SIZE)["coverage"].astype(float),
                                 sigma=sigma).to_numpy().ravel() for row in range(len(own))])
        np.testing.assert_allclose(boxes.products, drawn @ drawn.T, atol=1e-9)
        np.testing.assert_allclose(boxes.sums, drawn.sum(axis=1))
        centred = drawn - drawn.mean(axis=1, keepdims=True)
        np.testing.assert_allclose(boxes.covariance, centred @ centred.T, atol=1e-9)
        workers = sorted(responses["worker"].unique())
        assert [workers[code] for code in boxes.worker] == own["worker"].tolist()
