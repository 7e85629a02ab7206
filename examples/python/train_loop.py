"""Train with CAR in a plain PyTorch loop, and print a certified worst class.

The data are made up: 10 classes in the plane, 500 training samples of the first, 5 of the last.
"""

import argparse

import torch
from torch import nn

from car_spectral import ClassWeights, bounds, spectral_norm
from car_spectral.torch import CARLoss, evaluate


def samples(counts: list[int], seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw samples of each class around its centre."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    angles = 2 * torch.pi * torch.arange(len(counts)) / len(counts)
    centres = 3 * torch.stack([angles.cos(), angles.sin()], dim=1)
    return centres[labels] + torch.randn(len(labels), 2, generator=generator), labels


def main() -> None:
    """Train, evaluate, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=30)
    epochs = parser.parse_args().epochs
    torch.manual_seed(0)
    train_counts = [int(500 * 0.01 ** (j / 9)) for j in range(10)]
    images, labels = samples(train_counts, 1)
    train = torch.utils.data.TensorDataset(images, labels)
    loader = torch.utils.data.DataLoader(train, batch_size=128, shuffle=True)
    test = torch.utils.data.TensorDataset(*samples([200] * 10, 2))
    test_loader = torch.utils.data.DataLoader(test, batch_size=512)

    model = nn.Sequential(nn.Linear(2, 64), nn.ReLU(), nn.Linear(64, 10))
    criterion = CARLoss(train_counts)  # the options of the paper; alpha=..., r0=... change them
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(epochs):
        for inputs, targets in loader:
            optimizer.zero_grad()
            criterion(model(inputs), targets).backward()
            optimizer.step()

    counts = evaluate(model, test_loader)
    worst = counts.worst_class
    assert worst is not None  # there are test samples
    low, high = bounds.worst_class_interval(counts)
    norm = spectral_norm(counts, ClassWeights(train_counts))
    print(f"worst class {worst}, test error {counts.class_errors[worst]:.1%}")
    print(f"with probability 95 % the largest error of any class is in [{low:.1%}, {high:.1%}]")
    print(f"weighted spectral norm {norm.value:.4f}, certified in [{norm.lower}, {norm.upper}]")


if __name__ == "__main__":
    main()
