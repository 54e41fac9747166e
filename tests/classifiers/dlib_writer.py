"""A file such as dlib writes of a face network, of any size and with anything wrong: written apart from the reader."""

import struct

import numpy as np

from salcompare.classifiers.dlib_network import Block, Plan

TINY = Plan(2, (Block(2), Block(3, down=True)), 4)
RESIDUAL = [b"con_4", b"affine_", b"relu_", b"con_4", b"affine_"]


def integer(value):
    size = abs(value).to_bytes(8, "little").rstrip(b"\0") or b"\0"
    return bytes([len(size) | (0x80 if value < 0 else 0)]) + size


def integers(*values):
    return b"".join(map(integer, values))


def text(value):
    return integer(len(value)) + value


def number(value):
    mantissa, exponent = np.frexp(value)
    return integers(int(mantissa * 2**24), int(exponent) - 24)


def tensor(values):
    values = np.asarray(values, "<f4")
    return integers(2, *([0] * 4 if not values.size else [*values.shape, *[1] * (4 - values.ndim)])) + values.tobytes()


def layers_of(plan):
    """Names of the layers from input to output, None where others refer to."""
    layers = [b"con_4", b"affine_", b"relu_", b"max_pool_2"]
    for block in plan.blocks:
        layers += [None, *RESIDUAL]
        layers += [None, None, b"avg_pool_2"] if block.down else []
        layers += [b"add_prev_", b"relu_"]
    return [*layers, b"avg_pool_2", b"fc_2"]


def convolution(weights, biases, stride, pad):
    flat = np.concatenate([weights.ravel(), biases])
    out, inputs, height, width = weights.shape
    return (text(b"con_4") + tensor(flat) + integers(out, height, width, stride, stride, pad, pad)
            + integers(1, out, inputs, height, width) + integers(1, 1, out, 1, 1)
            + b"".join(map(number, (1.0, 1.0, 1.0, 0.0))))


def affine(scales, offsets):
    part = integers(1, 1, len(scales), 1, 1)
    return text(b"affine_") + tensor(np.concatenate([scales, offsets])) + part + part + integer(0)


def dlib_file(plan=TINY, *, seed=0, loss=b"loss_metric_2", means=(122.782, 117.001, 104.298), size=150, special=None):
    """Bytes of a network with weights from a seed, and the weights by the names of ours."""
    rng = np.random.default_rng(seed)
    state, parts = {}, []

    def draw(*shape):
        return rng.normal(0, 0.5, shape).astype(np.float32)

    def keep(name, **values):
        state.update({f"{name}.{key}": value for key, value in values.items()})

    def conv(name, out, inputs, side, stride, pad):
        weights, biases = draw(out, inputs, side, side), draw(out)
        keep(name, weight=weights, bias=biases)
        parts.append(convolution(weights, biases, stride, pad))
        scales, offsets = draw(out), draw(out)
        keep(name.replace("conv", "norm"), weight=scales, bias=offsets)
        parts.append(affine(scales, offsets))

    conv("stem.conv", plan.stem, 3, 7, 2, 0)
    parts += [text(b"relu_"), text(b"max_pool_2") + integers(3, 3, 2, 2, 0, 0)]
    before = plan.stem
    for at, block in enumerate(plan.blocks):
        down = block.down
        conv(f"blocks.{at}.conv1", block.channels, before, 3, 2 if down else 1, 0 if down else 1)
        parts.append(text(b"relu_"))
        conv(f"blocks.{at}.conv2", block.channels, block.channels, 3, 1, 1)
        if down:
            parts.append(text(b"avg_pool_2") + integers(2, 2, 2, 2, 0, 0))
        parts += [text(b"add_prev_"), text(b"relu_")]
        before = block.channels
    weights = draw(before, plan.outputs)
    keep("descriptor", weight=weights.T)
    parts.append(text(b"avg_pool_2") + integers(0, 0, 1, 1, 0, 0))
    parts.append(text(b"fc_2") + integers(plan.outputs, before) + tensor(weights)
                 + integers(1, before, plan.outputs, 1, 1) + integers(1, 0, 0, 0, 0) + integer(1)
                 + b"".join(map(number, (1.0, 1.0, 1.0, 0.0))))
    end = b"110" + tensor([]) * 3
    layers = layers_of(plan)
    versions = [1 if layer is None else 2 for layer in layers]
    versions[0] = 3
    head = (integer(1) + text(loss) + (special or number(0.04)) + number(0.6) + integers(*versions[::-1])
            + text(b"input_rgb_image_sized") + b"".join(map(number, means)) + integers(size, size))
    return head + parts[0] + end + integer(1) + b"".join(part + end for part in parts[1:]), state


INFINITE = struct.pack("<f", np.inf)
