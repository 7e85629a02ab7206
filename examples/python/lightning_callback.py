"""A Lightning module with CAR whose worst class is logged after every epoch."""

import argparse

import lightning.pytorch as pl
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset
from train_loop import samples

from car_spectral.lightning import WorstClassCallback
from car_spectral.torch import CARLoss

TRAIN_COUNTS = [int(500 * 0.01 ** (j / 9)) for j in range(10)]


class Classifier(pl.LightningModule):
    """A small network; the state of the loss is in its checkpoints."""

    def __init__(self) -> None:
        super().__init__()
        self.network = nn.Sequential(nn.Linear(2, 64), nn.ReLU(), nn.Linear(64, 10))
        self.criterion = CARLoss(TRAIN_COUNTS)

    def training_step(self, batch: tuple[Tensor, Tensor], _: int) -> Tensor:
        """Give the loss."""
        inputs, labels = batch
        loss: Tensor = self.criterion(self.network(inputs), labels)
        self.log("train/penalty", self.criterion.last_penalty)
        return loss

    def validation_step(self, batch: tuple[Tensor, Tensor], _: int) -> dict[str, Tensor]:
        """Give what the callback counts."""
        inputs, labels = batch
        return {"logits": self.network(inputs), "labels": labels}

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Give the optimizer."""
        return torch.optim.AdamW(self.parameters(), lr=1e-2)


def main() -> None:
    """Train and print what was logged."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--predictions", default=None, help="file for the last scores (.npz)")
    arguments = parser.parse_args()
    pl.seed_everything(0)
    train = DataLoader(TensorDataset(*samples(TRAIN_COUNTS, 1)), batch_size=128, shuffle=True)
    test = DataLoader(TensorDataset(*samples([200] * 10, 2)), batch_size=512)
    trainer = pl.Trainer(
        max_epochs=arguments.epochs,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[WorstClassCallback(TRAIN_COUNTS, predictions=arguments.predictions)],
    )
    trainer.fit(Classifier(), train, test)
    for name, value in sorted(trainer.callback_metrics.items()):
        print(f"{name} {float(value):.4f}")


if __name__ == "__main__":
    main()
