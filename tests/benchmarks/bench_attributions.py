"""Attribution methods beside captum's, and the memory that maps of 10,000 images take.

Run: python -m tests.benchmarks.bench_attributions [repeats]
"""

import tempfile
import warnings
from functools import partial
from pathlib import Path

import torch
import torchvision

from salcompare.classifiers.methods import explain, mean_colour
from salcompare.config import Attribution
from tests.benchmarks.measure import Case, Peer, run
from tests.benchmarks.table import Row
from tests.classifiers.memory_of_maps import peak_after

BATCH, SIZE, CLASSES, STEPS = 8, 227, 17, 16
FEW, MANY = 500, 10_000


def cases():
    torch.set_num_threads(1)
    yield Row(f"peak memory of maps: {MANY:,} images more than {FEW}", growth(), below=0.02, unit="GiB")
    torch.manual_seed(0)
    model = torchvision.models.alexnet(weights=None, num_classes=CLASSES).eval()
    for module in model.modules():
        if isinstance(module, torch.nn.ReLU):
            module.inplace = False  # captum's DeepLIFT refuses others
    x, target = torch.randn(BATCH, 3, SIZE, SIZE), torch.arange(BATCH) % CLASSES
    options = Attribution(steps=STEPS, batch=BATCH * STEPS)
    for method, peer in PEERS.items():
        yield Case(f"{method}, AlexNet, {BATCH} x 3 x {SIZE} x {SIZE}",
                   partial(explain, model, x, target, method=method, options=options),
                   (Peer("captum", partial(peer, model, x, target)),))


def growth():
    """GiB that the peak grows by; 64 x 64 pixels, of which the images and maps hold 0.25 GiB."""
    with tempfile.TemporaryDirectory() as folder:
        few = peak_after(Path(folder), FEW)
        return (peak_after(Path(folder), MANY) - few) / 1024


def gradients(model, x, target):
    from captum.attr import IntegratedGradients

    return IntegratedGradients(model).attribute(x, mean_colour(x), target, n_steps=STEPS)


def deep_lift(model, x, target):
    from captum.attr import DeepLift

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return DeepLift(model).attribute(x, mean_colour(x), target)


def grad_cam(model, x, target):
    from captum.attr import LayerAttribution, LayerGradCam

    found = LayerGradCam(model, model.features[11]).attribute(x, target, relu_attributions=True)
    return LayerAttribution.interpolate(found, (SIZE, SIZE), "bilinear")


PEERS = {"integrated_gradients": gradients, "deep_lift": deep_lift, "grad_cam": grad_cam}

if __name__ == "__main__":
    run(cases(), repeats=3)
