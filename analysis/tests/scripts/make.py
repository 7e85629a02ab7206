"""Writes TorchScript modules that return what programs return: run with PyTorch in this folder.

Each takes images [N, 1, 2, 2] and its logits [N, 3] are (x0, x1 + 1, x2 + x3) of the pixels x.
"""

import torch
from torch import Tensor, nn


class Net(nn.Module):
    """The logits."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 3)
        with torch.no_grad():
            self.linear.weight.copy_(torch.tensor([[1.0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 1]]))
            self.linear.bias.copy_(torch.tensor([0.0, 1.0, 0.0]))

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x.flatten(1))


class Pair(Net):
    """Features and logits."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x.flatten(1), self.linear(x.flatten(1))


class Named(Net):
    """A dictionary."""

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"features": x.flatten(1), "logits": self.linear(x.flatten(1))}


class Experts(Net):
    """A list."""

    def forward(self, x: Tensor) -> list[Tensor]:
        logits = self.linear(x.flatten(1))
        return [logits - 1, logits]


class Flat(Net):
    """Logits as a map of one pixel."""

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x.flatten(1)).unsqueeze(2).unsqueeze(3)


class OfFour(Net):
    """Batches of four only."""

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x.reshape(4, 4))


for kind in (Net, Pair, Named, Experts, Flat, OfFour):
    torch.jit.script(kind().eval()).save(f"{kind.__name__.lower()}.pt")
torch.jit.script(Net().eval().bfloat16()).save("bfloat16.pt")
