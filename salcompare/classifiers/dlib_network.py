"""dlib's face network, from a photograph to the 128 numbers that describe its face, of modules that torch has."""

import torch
from torch import nn
from torch.nn import functional

from salcompare.classifiers.dlib_file import EPSILON, FACE, Block, Plan


class DlibResnet(nn.Module):
    """The layers of dlib's ``face_recognition_model_v1``: prepared photographs (n, 3, h, w) -> descriptors (n, 128).

    Trained on faces aligned to 150 x 150 pixels, where it gives dlib's descriptors. As the last layer is a mean over
    the plane, it takes any size from 103 x 103 on.

    References
    ----------
    He, Zhang, Ren & Sun (2016), Deep residual learning for image recognition, doi:10.1109/CVPR.2016.90; King (2017),
    High quality face recognition with deep metric learning, http://blog.dlib.net/2017/02
    """

    def __init__(self, plan: Plan = FACE) -> None:
        super().__init__()
        self.stem = nn.Sequential()
        self.stem.add_module("conv", nn.Conv2d(3, plan.stem, 7, stride=2))
        self.stem.add_module("norm", nn.BatchNorm2d(plan.stem, eps=EPSILON))
        self.stem.add_module("relu", nn.ReLU())
        self.stem.add_module("pool", nn.MaxPool2d(3, stride=2))
        channels = [plan.stem, *(block.channels for block in plan.blocks)]
        self.blocks = nn.Sequential(*map(_Residual, channels, plan.blocks))
        self.descriptor = nn.Linear(channels[-1], plan.outputs, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, 3, h, w) -> (n, 128)."""
        described: torch.Tensor = self.descriptor(self.blocks(self.stem(x)).mean((2, 3)))
        return described


class _Residual(nn.Module):
    """Two convolutions beside a skip connection; where they differ in size or channels, zeros are added to both.

    A block that goes down has a first convolution of stride 2 without padding, so that its plane may be smaller than
    the skip's, which 2 x 2 pixels are averaged for.
    """

    def __init__(self, before: int, block: Block) -> None:
        super().__init__()
        down, channels = block.down, block.channels
        self.conv1 = nn.Conv2d(before, channels, 3, stride=1 + down, padding=1 - down)
        self.norm1, self.relu1 = nn.BatchNorm2d(channels, eps=EPSILON), nn.ReLU()
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm2, self.relu2 = nn.BatchNorm2d(channels, eps=EPSILON), nn.ReLU()
        self.skip = nn.AvgPool2d(2) if down else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, c, h, w) -> (n, channels, h, w), or half of h and w."""
        through = self.norm2(self.conv2(self.relu1(self.norm1(self.conv1(x)))))
        beside = self.skip(x)
        shape = tuple(map(max, through.shape[1:], beside.shape[1:]))
        total: torch.Tensor = self.relu2(_padded(through, shape) + _padded(beside, shape))
        return total


def _padded(maps: torch.Tensor, shape: tuple[int, ...]) -> torch.Tensor:
    """Add channels, rows at the bottom and columns at the right, of zeros, up to a shape (c, h, w)."""
    missing = [size for here, there in zip(maps.shape[:0:-1], shape[::-1], strict=True) for size in (0, there - here)]
    return functional.pad(maps, missing) if any(missing) else maps
