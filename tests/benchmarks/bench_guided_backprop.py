"""Guided Backpropagation on AlexNet, 64 images of 227 x 227, beside captum, zennit and the least it can cost.

Run: python -m tests.benchmarks.bench_guided_backprop [repeats]
"""

import warnings
from functools import partial

import torch
import torchvision

from salcompare.classifiers.guided import guided_backprop
from tests.benchmarks.measure import Case, Peer, run

BATCH, SIZE, CLASSES = 64, 227, 17


def cases():
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = torchvision.models.alexnet(weights=None, num_classes=CLASSES).eval()
    x, target = torch.randn(BATCH, 3, SIZE, SIZE), torch.arange(BATCH) % CLASSES
    for layout in (torch.contiguous_format, torch.channels_last):
        images = x.to(memory_format=layout)
        yield Case(f"AlexNet, {BATCH} x 3 x {SIZE} x {SIZE}, {str(layout).removeprefix('torch.')}",
                   partial(guided_backprop, model, images, target),
                   tuple(Peer(name, partial(peer, model, images, target), least)
                         for name, (peer, least) in PEERS.items()))


def plain(model, x, target):
    """The unguided gradient, and nothing else."""
    x = x.detach().requires_grad_()
    logits = model(x)
    return torch.autograd.grad(logits.gather(1, target[:, None]).sum(), x)[0]


def captum(model, x, target):
    """captum's map, clipped at the input as ours is."""
    from captum.attr import GuidedBackprop

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return GuidedBackprop(model).attribute(x, target).clamp(min=0)


def zennit(model, x, target):
    """zennit's map, clipped at the input as ours is."""
    from zennit.attribution import Gradient
    from zennit.composites import GuidedBackprop

    with Gradient(model, GuidedBackprop()) as attributor:
        return attributor(x, torch.eye(CLASSES)[target])[1].clamp(min=0)


PEERS = {"one forward + one backward to the input": (plain, 1 / 1.15), "captum": (captum, 1), "zennit": (zennit, 1)}

if __name__ == "__main__":
    run(cases(), repeats=9)
