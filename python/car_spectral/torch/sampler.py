"""A sampler for exact evaluation on several processes."""

from __future__ import annotations

from collections.abc import Iterator, Sized

import torch.distributed as dist
from torch.utils.data import Sampler


class ExactDistributedSampler(Sampler[int]):
    """Gives every sample to one process exactly, where DistributedSampler repeats some.

    Shards differ by one sample where they must: a model that talks to other processes in its
    forward pass (SyncBatchNorm in training mode) would wait for ever in the last batch.

    Args:
        dataset: Anything with a length.
        num_replicas: Number of processes; by default those of the default group.
        rank: This process; by default its rank there.

    """

    def __init__(
        self, dataset: Sized, num_replicas: int | None = None, rank: int | None = None
    ) -> None:
        running = dist.is_available() and dist.is_initialized()
        self.samples = len(dataset)
        if num_replicas is None:
            num_replicas = dist.get_world_size() if running else 1
        if rank is None:
            rank = dist.get_rank() if running else 0
        if not 0 <= rank < num_replicas:
            raise ValueError(
                f"rank {rank} of {num_replicas} processes: give 0 to {num_replicas - 1}"
            )
        self.num_replicas, self.rank = num_replicas, rank

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.rank, self.samples, self.num_replicas))

    def __len__(self) -> int:
        return len(range(self.rank, self.samples, self.num_replicas))
