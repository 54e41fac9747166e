"""A network of one's own: three convolutions, small enough to train from nothing."""

from torch import nn


def face() -> nn.Module:
    """Make the layers before the two that salcompare adds: images (n, 3, h, w) -> features (n, f)."""
    return nn.Sequential(
        nn.Conv2d(3, 24, 7, stride=2, padding=3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(24, 48, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(48, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten())
