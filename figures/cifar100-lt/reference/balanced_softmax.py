"""Balanced Softmax on CIFAR100-LT in plain PyTorch: what 02-bs.toml is compared with, on the same
images and schedule.

    balanced_softmax.py CIFAR_DIR RUN/train.npz --weight-decay 2e-4 --seed 0 --out LOG.jsonl

RUN is any finished run of `train` on CIFAR100-LT; its predictions file says which images were
chosen. Network, crop and flip are those of benches/training_step.py. One line of LOG.jsonl an
epoch; every fifth also tests.
"""

import argparse
import json
import math
import pathlib
import sys

import numpy
import torch
from torch import nn
from torch.nn import functional

sys.path.insert(0, str(pathlib.Path(__file__).parents[3] / "benches"))
from training_step import BATCH, CLASSES, Trainer  # noqa: E402

EPOCHS, WARM_UP, PEAK_RATE = 200, 5, 0.1


def read(path):
    """Images (N, 3, 32, 32) and fine labels of a file of CIFAR-100's binary version."""
    rows = numpy.fromfile(path, numpy.uint8).reshape(-1, 3074)
    return torch.from_numpy(rows[:, 2:].reshape(-1, 3, 32, 32).copy()), torch.from_numpy(rows[:, 1].astype(numpy.int64))


def rate(step, steps):
    """Linear warm-up, then a half cosine."""
    total, warm = EPOCHS * steps, WARM_UP * steps
    return PEAK_RATE * (step + 1) / warm if step < warm else PEAK_RATE / 2 * (1 + math.cos(math.pi * (step - warm) / (total - warm)))


def train_epoch(trainer, epoch, prior):
    """Mean loss and share of right predictions of the augmented images."""
    trainer.model.train()
    count = len(trainer.labels)
    steps = math.ceil(count / BATCH)
    order, loss_sum, right = torch.randperm(count), 0.0, 0
    for step in range(steps):
        for group in trainer.optimizer.param_groups:
            group["lr"] = rate(epoch * steps + step, steps)
        chosen = order[step * BATCH:(step + 1) * BATCH]
        images, labels = trainer.augmented(chosen), trainer.labels[chosen]
        with torch.autocast("cpu", torch.bfloat16):
            logits = trainer.model(images.to(memory_format=trainer.format))
        logits = logits.float()
        loss = functional.cross_entropy(logits + prior, labels)
        trainer.optimizer.zero_grad()
        loss.backward()
        trainer.optimizer.step()
        loss_sum += loss.item() * len(chosen)
        right += (logits.argmax(1) == labels).sum().item()
    return loss_sum / count, right / count


def accuracy(trainer, images, labels):
    trainer.model.eval()
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        parts = [trainer.model(trainer.normalised(part).to(memory_format=trainer.format)).float().argmax(1) for part in images.split(500)]
    return (torch.cat(parts) == labels).float().mean().item()


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("cifar", type=pathlib.Path)
    arguments.add_argument("chosen", type=pathlib.Path)
    arguments.add_argument("--weight-decay", type=float, default=2e-4)
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--epochs", type=int, default=EPOCHS, help="stop after so many of the 200")
    arguments.add_argument("--out", type=pathlib.Path, required=True)
    options = arguments.parse_args()

    torch.set_num_threads(1)
    images, labels = read(options.cifar / "train.bin")
    with numpy.load(options.chosen) as chosen:
        indices = torch.from_numpy(chosen["indices"])
        if not (labels[indices].numpy() == chosen["labels"]).all():
            sys.exit(f"{options.chosen}: its labels are not those of {options.cifar}")
    images, labels = images[indices], labels[indices]
    test = read(options.cifar / "test.bin")

    trainer = Trainer(images, labels, "bf16")
    torch.manual_seed(options.seed + 1000)
    for module in trainer.model.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(module.weight)
    trainer.optimizer = torch.optim.SGD(trainer.model.parameters(), PEAK_RATE, 0.9, weight_decay=options.weight_decay)
    prior = torch.log(torch.bincount(labels, minlength=CLASSES) / len(labels))

    with open(options.out, "x") as log:
        for epoch in range(options.epochs):
            loss, right = train_epoch(trainer, epoch, prior)
            line = {"epoch": epoch + 1, "loss": loss, "train": right}
            if (epoch + 1) % 5 == 0:
                line["test"] = accuracy(trainer, *test)
            print(json.dumps(line), file=log, flush=True)
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
