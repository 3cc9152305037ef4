"""Milliseconds of forward and backward of a picture of 2D Gaussians in plain PyTorch, beside which our step can be put.

Every pixel sees every Gaussian, in bands of rows that fit memory: what one writes without kernels of one's own. Blend `average`,
parameterisation `rotation_scale`, all opaque, squared error against a picture of noise, the same formulas as
kernels/gaussians/gaussian_layout.ts; no Adam. Prints the loss twice, from float32 and float64, so that a wrong formula shows.

    apt-get install python3-torch          # or: python3 -m venv VENV && VENV/bin/pip install torch
    OMP_NUM_THREADS=2 python3 bench/peers/torch_gaussians.py 192 128 1000
"""

import math
import sys
import time

import torch

BLUR = 0.09
SUPPORT = 1 / 255
FLOOR = 1e-4
# Pixels times Gaussians in one band.
BAND = 2**21


def make(width, height, count, dtype):
    g = torch.Generator().manual_seed(0)
    centre = torch.rand(count, 2, generator=g) * torch.tensor([width, height])
    sigma = 0.4 * math.sqrt(width * height / count)
    shape = torch.cat([torch.full((count, 2), math.log(sigma)), torch.rand(count, 1, generator=g) * math.pi], 1)
    colour = torch.rand(count, 3, generator=g)
    target = torch.rand(height, width, 3, generator=g)
    return [t.to(dtype).requires_grad_() for t in (centre, shape, colour)], target.to(dtype)


def draw(parameters, width, first, last):
    centre, shape, colour = parameters
    large, small = torch.exp(2 * shape[:, 0]), torch.exp(2 * shape[:, 1])
    c, s = torch.cos(shape[:, 2]), torch.sin(shape[:, 2])
    xx = c * c * large + s * s * small + BLUR
    yy = s * s * large + c * c * small + BLUR
    xy = c * s * (large - small)
    det = (large + BLUR) * (small + BLUR)
    x = torch.arange(width, dtype=centre.dtype) + 0.5
    y = torch.arange(first, last, dtype=centre.dtype) + 0.5
    dx = x[None, :, None] - centre[:, 0]
    dy = y[:, None, None] - centre[:, 1]
    half_q = 0.5 * (yy / det * dx * dx + xx / det * dy * dy) - xy / det * dx * dy
    w = torch.relu((torch.exp(-half_q) - SUPPORT) / (1 - SUPPORT))
    return (w @ colour) / (w.sum(-1, keepdim=True) + FLOOR)


def step(parameters, target):
    height, width, _ = target.shape
    rows = max(1, BAND // (width * parameters[0].shape[0]))
    total = 0.0
    for p in parameters:
        p.grad = None
    for first in range(0, height, rows):
        last = min(height, first + rows)
        loss = ((draw(parameters, width, first, last) - target[first:last]) ** 2).sum() / target.numel()
        loss.backward()
        total += loss.item()
    return total


def main():
    width, height, count = (int(a) for a in sys.argv[1:4])
    exact = step(*make(width, height, count, torch.float64))
    parameters, target = make(width, height, count, torch.float32)
    loss = step(parameters, target)
    times = []
    for _ in range(7):
        start = time.perf_counter()
        step(parameters, target)
        times.append(1000 * (time.perf_counter() - start))
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {width} x {height}, {count} Gaussians")
    print(f"loss {loss:.7f}, in float64 {exact:.7f}")
    print(f"forward and backward: {sorted(times)[3]:.1f} ms (median), {min(times):.1f} ms (least)")


main()
