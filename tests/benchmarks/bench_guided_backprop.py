"""Guided Backpropagation beside captum, zennit and the least it can cost: of many images, and of all classes of one.

Run: python -m tests.benchmarks.bench_guided_backprop [repeats]
"""

import warnings
from functools import partial

import torch
import torchvision

from salcompare.classifiers.guided import guided_backprop, guided_backprop_several
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
    yield from cases_of_all_classes()


def cases_of_all_classes():
    for name, size in (("alexnet", SIZE), ("resnet18", 128)):
        model = torchvision.models.get_model(name, num_classes=CLASSES).eval()
        x = torch.randn(1, 3, size, size)
        yield Case(f"{name}, all {CLASSES} classes of one image, {size} x {size}",
                   partial(guided_backprop_several, model, x, torch.arange(CLASSES)[:, None]),
                   (Peer(f"captum, {CLASSES} calls", partial(captum_classes, model, x), 1.6),), check=same)


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


def captum_classes(model, x):
    """captum's maps of all classes, one call a class."""
    from captum.attr import GuidedBackprop

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peer = GuidedBackprop(model)
        return torch.stack([peer.attribute(x, target).clamp(min=0) for target in range(CLASSES)])


def same(ours, theirs):
    assert torch.equal(ours, theirs)


PEERS = {"one forward + one backward to the input": (plain, 1 / 1.1), "captum": (captum, 1), "zennit": (zennit, 1)}

if __name__ == "__main__":
    run(cases(), repeats=9)
