"""The other side of benches/training_step.rs: training steps of ResNet-32 in PyTorch, as its users
write them.

Reads `VARIANT STEPS` a line and answers with images a second: float32, channels-last (the same in
PyTorch's memory format for CPUs) and bf16 (channels-last under torch.autocast). Crop and flip on
tensors in memory, cross-entropy, SGD.

    training_step.py IMAGES.npy LABELS.npy THREADS
"""

import sys
import time

import numpy
import torch
from torch import nn
from torch.nn import functional

BATCH, CLASSES = 128, 100


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.stride, self.added = stride, outputs - inputs

    def forward(self, x):
        shortcut = x
        if self.added:
            half = self.added // 2
            shortcut = functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, half, self.added - half))
        y = functional.relu(self.bn1(self.conv1(x)))
        return functional.relu(self.bn2(self.conv2(y)) + shortcut)


class ResNet32(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16)
        blocks, channels = [], 16
        for stage, width in enumerate((16, 32, 64)):
            for block in range(5):
                blocks.append(Block(channels, width, 2 if stage and not block else 1))
                channels = width
        self.blocks, self.linear = nn.Sequential(*blocks), nn.Linear(64, CLASSES)

    def forward(self, x):
        x = self.blocks(functional.relu(self.bn1(self.conv1(x))))
        return self.linear(x.mean((2, 3)))


class Trainer:
    def __init__(self, images, labels, variant):
        torch.manual_seed(0)
        self.padded, self.labels, self.bf16 = functional.pad(images, (4, 4, 4, 4)), labels, variant == "bf16"
        self.format = torch.contiguous_format if variant == "float32" else torch.channels_last
        self.model = ResNet32().to(memory_format=self.format).train()
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.1, momentum=0.9, weight_decay=2e-4)
        self.order, self.at = torch.randperm(len(labels)), 0
        self.mean = torch.tensor([0.5071, 0.4865, 0.4409]).view(1, 3, 1, 1)
        self.std = torch.tensor([0.2673, 0.2564, 0.2762]).view(1, 3, 1, 1)

    def batch(self):
        if self.at + BATCH > len(self.order):
            self.order, self.at = torch.randperm(len(self.labels)), 0
        chosen = self.order[self.at:self.at + BATCH]
        self.at += BATCH
        return self.augmented(chosen), self.labels[chosen]

    def augmented(self, chosen):
        each = (len(chosen), 1, 1, 1)
        top, left = torch.randint(9, each), torch.randint(9, each)
        rows, columns = torch.arange(32).view(1, 1, 32, 1) + top, torch.arange(32).view(1, 1, 1, 32)
        columns = torch.where(torch.rand(each) < 0.5, 31 - columns, columns) + left
        images = self.padded[chosen.view(-1, 1, 1, 1), torch.arange(3).view(1, 3, 1, 1), rows, columns]
        return self.normalised(images)

    def normalised(self, images):
        return (images.float() / 255 - self.mean) / self.std

    def images_per_second(self, steps):
        started = time.perf_counter()
        for _ in range(steps):
            images, labels = self.batch()
            with torch.autocast("cpu", torch.bfloat16, enabled=self.bf16):
                logits = self.model(images.to(memory_format=self.format))
            loss = functional.cross_entropy(logits.float(), labels)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            if not loss.item() < float("inf"):
                raise ArithmeticError("the loss diverged")
        return steps * BATCH / (time.perf_counter() - started)


def main():
    images, labels, threads = sys.argv[1:]
    torch.set_num_threads(int(threads))
    images, labels = torch.from_numpy(numpy.load(images)), torch.from_numpy(numpy.load(labels))
    trainers = {variant: Trainer(images, labels, variant) for variant in ("float32", "channels-last", "bf16")}
    parameters = sum(parameter.numel() for parameter in trainers["float32"].model.parameters())
    print(f"torch {torch.__version__}, {parameters} parameters", flush=True)
    for line in sys.stdin:
        variant, steps = line.split()
        print(trainers[variant].images_per_second(int(steps)), flush=True)


if __name__ == "__main__":
    main()
