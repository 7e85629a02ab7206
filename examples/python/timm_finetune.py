"""Train a model of timm with CAR for a few steps, and analyse its scores."""

import argparse

import timm
import torch

from car_spectral import analyze
from car_spectral.torch import CARLoss


def main() -> None:
    """Train, analyse, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="resnet18")
    parser.add_argument("--pretrained", action="store_true", help="fetch timm's weights")
    parser.add_argument("--steps", type=int, default=20)
    arguments = parser.parse_args()
    torch.manual_seed(0)
    train_counts = [40, 20, 10, 5]
    model = timm.create_model(
        arguments.model, pretrained=arguments.pretrained, num_classes=4, in_chans=3
    )
    # Made-up images: each class has a colour of its own, under noise.
    labels = torch.repeat_interleave(torch.arange(4), torch.tensor(train_counts))
    colours = torch.eye(4)[:, :3, None, None] - 0.3
    images = colours[labels] + torch.randn(len(labels), 3, 32, 32)
    criterion = CARLoss(train_counts, beta=0.9)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.05)
    for _ in range(arguments.steps):
        batch = torch.randperm(len(labels))[:32]
        optimizer.zero_grad()
        criterion(model(images[batch]), labels[batch]).backward()
        optimizer.step()

    model.eval()
    test_labels = torch.arange(4).repeat_interleave(25)
    with torch.inference_mode():
        logits = model(colours[test_labels] + torch.randn(100, 3, 32, 32))
    report = analyze((logits, test_labels), train_counts=train_counts, name=arguments.model)
    print(repr(report))


if __name__ == "__main__":
    main()
