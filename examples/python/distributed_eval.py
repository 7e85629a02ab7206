"""Evaluate on several processes exactly: no sample twice, the same bits as on one.

Starts its processes itself: python distributed_eval.py --processes 2. Under torchrun call `run` in
each process instead.
"""

import argparse
import tempfile

import torch
import torch.distributed as dist
from torch import nn
from torch.multiprocessing.spawn import spawn
from torch.utils.data import DataLoader, TensorDataset
from train_loop import samples

from car_spectral import MarginCounts, bounds
from car_spectral.torch import ExactDistributedSampler, evaluate


def run(rank: int, processes: int, store: str) -> None:
    """Evaluate this process's share; every process gets the whole counts."""
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=processes)
    torch.manual_seed(0)
    model = nn.Linear(2, 10)
    test = TensorDataset(*samples([101] * 10, 2))  # 1010 samples: the shards differ
    counts = evaluate(model, DataLoader(test, batch_size=64, sampler=ExactDistributedSampler(test)))
    if rank == 0:
        alone = MarginCounts(10)
        with torch.inference_mode():
            alone.update(model(test.tensors[0]), test.tensors[1])
        low, high = bounds.worst_class_interval(counts)
        print(f"{counts}; largest error in [{low:.3f}, {high:.3f}]")
        print(f"the same as on one process: {counts == alone}")
    dist.destroy_process_group()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, default=2)
    processes = parser.parse_args().processes
    with tempfile.TemporaryDirectory() as folder:
        spawn(run, (processes, f"{folder}/store"), nprocs=processes)  # type: ignore[no-untyped-call]
