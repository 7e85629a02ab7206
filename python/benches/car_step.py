"""CARLoss, forward and backward, against the same loss through torch.linalg.svd, and a ResNet-32.

Prints times (the least of several), ratios, and how far the values are apart. Nothing is asserted:
times depend on the machine.
"""

import argparse
import time

import torch
from torch import nn

from car_spectral.torch import CARLoss


def least(step, seconds=4.0, most=50):
    """Give the least time of a step, and its last result."""
    times, result, end = [], None, time.perf_counter() + seconds
    while len(times) < 3 or (time.perf_counter() < end and len(times) < most):
        start = time.perf_counter()
        result = step()
        times.append(time.perf_counter() - start)
    return min(times), result


def through_svd(criterion, logits, targets):
    """The penalty as a decomposition gives it, its gradient through the decomposition."""
    from car_spectral.torch.moving_average import ClassSums
    from car_spectral.torch.surrogate import sample_surrogate

    samples = sample_surrogate(logits, targets, criterion.options)
    sums = ClassSums.of(samples, targets, criterion.num_classes)
    mean = sums.sums / sums.counts.detach().clamp_min(1).unsqueeze(1)
    average = criterion.options.beta * criterion.average.by_true_class
    average = average + (1 - criterion.options.beta) * mean
    weighted = average.t() * criterion.class_weights
    _, values, _ = torch.linalg.svd(weighted)
    return nn.functional.cross_entropy(logits, targets) + criterion.options.alpha * values[0]


def batch(classes, size):
    torch.manual_seed(0)
    return torch.randn(size, classes) * 2, torch.randint(classes, (size,))


def against_svd(classes, size):
    """One training step of either, from the same average."""
    counts = [max(1, int(1000 * 0.01 ** (j / classes))) for j in range(classes)]
    criterion = CARLoss(counts)
    for seed in range(20):
        torch.manual_seed(seed)
        criterion(torch.randn(size, classes) * 2, torch.randint(classes, (size,)))
    logits, targets = batch(classes, size)
    stored = {name: value.clone() for name, value in criterion.named_buffers()}

    def run(loss):
        def step():
            for name, value in criterion.named_buffers():
                value.copy_(stored[name])
            x = logits.clone().requires_grad_()
            start = time.perf_counter()
            total = loss(x, targets)
            total.backward()
            return time.perf_counter() - start, total.item(), x.grad

        runs = []
        end = time.perf_counter() + 6.0
        while len(runs) < 5 or (time.perf_counter() < end and len(runs) < 40):
            runs.append(step())
        return min(seconds for seconds, _, _ in runs), runs[-1][1], runs[-1][2]

    ours, value, gradient = run(criterion)
    theirs, exact, expected = run(lambda x, y: through_svd(criterion, x, y))
    print(
        f"K = {classes}, batch {size}: CARLoss {1e3 * ours:.2f} ms, through torch.linalg.svd "
        f"{1e3 * theirs:.1f} ms: {theirs / ours:.1f} times; values apart by "
        f"{abs(value - exact) / exact:.1e}, gradients by "
        f"{float((gradient - expected).abs().max() / expected.abs().max()):.1e}, "
        f"residual {float(criterion.last_residual):.1e}"
    )


class Block(nn.Module):
    """Two convolutions with a shortcut without parameters."""

    def __init__(self, before, after):
        super().__init__()
        stride = 1 if before == after else 2
        self.first = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.second = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.norms = nn.ModuleList([nn.BatchNorm2d(after), nn.BatchNorm2d(after)])
        self.pad = after - before

    def forward(self, x):
        y = self.norms[1](self.second(self.norms[0](self.first(x)).relu()))
        if self.pad:
            x = nn.functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 0, self.pad))
        return (x + y).relu()


def resnet32(classes):
    """The ResNet-32 of CIFAR."""
    widths = [16] * 5 + [32] * 5 + [64] * 5
    blocks = [Block(a, b) for a, b in zip([16, *widths], widths, strict=False)]
    stem = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
    return nn.Sequential(
        *stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, classes)
    )


def share_of_a_step(classes=100, size=128):
    """What CAR adds to a step of ResNet-32."""
    network, images = resnet32(classes), torch.randn(size, 3, 32, 32)
    targets = torch.randint(classes, (size,))
    criterion = CARLoss([500 - 4 * j for j in range(classes)])
    plain, logits = least(lambda: forward_backward(network, images, targets), 30.0, 8)
    logits = logits.detach()

    def loss(with_car):
        x = logits.clone().requires_grad_()
        (criterion if with_car else nn.functional.cross_entropy)(x, targets).backward()

    added = least(lambda: loss(True))[0] - least(lambda: loss(False))[0]
    print(
        f"ResNet-32, K = {classes}, batch {size}: a step takes {1e3 * plain:.0f} ms, CAR adds "
        f"{1e3 * added:.2f} ms: {100 * added / plain:.2f} %"
    )


def forward_backward(network, images, targets):
    """A step with plain cross-entropy."""
    network.zero_grad()
    logits = network(images)
    nn.functional.cross_entropy(logits, targets).backward()
    return logits


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    torch.set_num_threads(parser.parse_args().threads)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads")
    against_svd(1000, 128)
    against_svd(100, 128)
    share_of_a_step()
