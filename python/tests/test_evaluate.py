"""evaluate and the metrics: exact, in batches of any size, on one process and on two."""

import copy
import datetime
import warnings

import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from torchmetrics import MetricCollection

from car_spectral import ClassWeights, MarginCounts, spectral_norm
from car_spectral.metrics import (
    ManyMediumFew,
    MarginConfusion,
    WeightedSpectralNorm,
    WorstClassAccuracy,
)
from car_spectral.torch import CARLoss, ExactDistributedSampler, evaluate, predict, sample_margins

K = 12
TRAIN = [500, 300, 200, 150, 101, 100, 50, 20, 19, 10, 5, 2]


def scored(seed=0, samples=301, classes=K):
    generator = torch.Generator().manual_seed(seed)
    # Quarters, so that ties occur.
    scores = torch.randint(-8, 8, (samples, classes), generator=generator) / 4
    # Class 3 has no sample.
    labels = torch.randint(classes - 1, (samples,), generator=generator)
    return scores, labels + (labels >= 3)


def counted(scores, labels, margins=(0.0,)):
    counts = MarginCounts(scores.shape[1], margins)
    counts.update(scores, labels)
    return counts


def loader(indexed=False, sampler=None, size=32):
    scores, labels = scored()
    columns = [scores, labels, torch.arange(len(labels))][: 3 if indexed else 2]
    return DataLoader(TensorDataset(*columns), batch_size=size, sampler=sampler)


def test_evaluate_counts_what_the_model_scores():
    model = nn.Sequential(nn.Linear(K, K), nn.Dropout(0.5))
    with torch.no_grad():
        model[0].weight.copy_(torch.eye(K))
        model[0].bias.zero_()
    model.train()
    counts = evaluate(model, loader(), margins=[0.0, 0.5])
    assert counts == counted(*scored(), margins=[0.0, 0.5])
    assert model.training and model[1].training
    twice = [*loader(indexed=True), *loader(indexed=True)]
    assert evaluate(model, twice, indexed=True) == counted(*scored())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_on_cuda_the_counts_are_the_same():
    assert evaluate(nn.Identity(), loader(), "cuda") == counted(*scored())
    metric = MarginConfusion(K, [0.0, 0.5]).cuda()
    metric.update(*(part.cuda() for part in scored()))
    assert metric.compute() == counted(*scored(), margins=[0.0, 0.5])


class Wrong(nn.Module):
    def __init__(self, give):
        super().__init__()
        self.give = give

    def forward(self, x):
        return self.give(x)


def test_what_does_not_fit_gets_a_sentence():
    for kind, words, give in [
        (TypeError, "that gives its logits", lambda x: (x, x)),
        (ValueError, "sample 0: the score of class 0 is nan", lambda x: x * torch.nan),
        (ValueError, "expected \\[N, K\\]", lambda x: x[0]),
        (TypeError, "one a class", lambda x: x.argmax(1)[:, None].expand(-1, K)),
        (ValueError, "is no class", lambda x: x[:, :5]),
    ]:
        with pytest.raises(kind, match=words):
            evaluate(Wrong(give), loader())
    with pytest.raises(ValueError, match="with K >= 2"):
        evaluate(Wrong(lambda x: x[:, :1]), loader())
    for batches in ([torch.zeros(2, K)], [{"image": 1}], [(torch.zeros(2, K),)]):
        for run in (evaluate, predict):
            with pytest.raises(TypeError, match=r"expected batches \(inputs, labels\)"):
                run(nn.Identity(), batches)
    for run in (evaluate, predict):
        with pytest.raises(TypeError, match=r"type list, .* torch\.as_tensor\(labels\)"):
            run(nn.Identity(), [(torch.zeros(2, K), [0, 1])])
    with pytest.raises(TypeError, match="labels are of type list"):
        sample_margins(torch.zeros(2, K), [0, 1])
    scores, labels = scored()
    ways = [sample_margins, lambda scores, labels: WorstClassAccuracy(K).update(scores, labels)]
    for way in ways:
        with pytest.raises(ValueError, match=r"whole numbers\? call \.long\(\)"):
            way(scores, labels.float())
        with pytest.raises(ValueError, match=r"labels from 1\? subtract 1"):
            way(scores, labels + 1)
    with pytest.raises(ValueError, match="no batch"):
        evaluate(nn.Identity(), [])
    with pytest.raises(ValueError, match="inputs, labels, index"):
        evaluate(nn.Identity(), loader(), indexed=True)


def test_a_loader_that_leaves_samples_out_is_warned_of():
    scores, labels = scored()
    data = TensorDataset(scores, labels, torch.arange(len(labels)))
    drawn = torch.utils.data.RandomSampler(data, replacement=True)
    weighted = torch.utils.data.WeightedRandomSampler([1.0] * len(data), len(data))
    part = torch.utils.data.SubsetRandomSampler(range(300))
    for words, options in [
        ("last incomplete batch out", {"batch_size": 32, "drop_last": True}),
        ("with replacement", {"batch_size": 32, "sampler": drawn}),
        ("with replacement", {"batch_size": 32, "sampler": weighted}),
        (
            "last incomplete batch out",
            {"batch_sampler": torch.utils.data.BatchSampler(range(301), 32, drop_last=True)},
        ),
        ("300 samples were counted of the 301", {"batch_size": 32, "sampler": part}),
    ]:
        batches = DataLoader(data, **options)
        for run in (evaluate, predict):
            with pytest.warns(UserWarning, match=words) as warned:
                run(nn.Identity(), batches)
            assert [warning.filename for warning in warned] == [__file__]
        with pytest.warns(UserWarning, match=words):
            evaluate(nn.Identity(), batches, indexed=True)

    class Stream(torch.utils.data.IterableDataset):
        def __iter__(self):
            return zip(scores, labels, strict=True)

    # Warnings are errors here.
    assert evaluate(nn.Identity(), DataLoader(Stream(), batch_size=32)) == counted(*scored())


def test_the_sampler_gives_every_sample_once():
    for samples in (0, 1, 7, 12):
        shards = [list(ExactDistributedSampler(range(samples), 3, rank)) for rank in range(3)]
        assert sorted(at for shard in shards for at in shard) == list(range(samples))
        assert [len(ExactDistributedSampler(range(samples), 3, r)) for r in range(3)] == [
            len(shard) for shard in shards
        ]
    with pytest.raises(ValueError, match="rank 3"):
        ExactDistributedSampler(range(9), 3, 3)


def metrics(margins=(0.0, 0.5)):
    return MetricCollection(
        {
            "worst": WorstClassAccuracy(K),
            "worst_three": WorstClassAccuracy(K, k=3),
            "worst_tenth": WorstClassAccuracy(K, share=0.1),
            "groups": ManyMediumFew(TRAIN),
            "macro": ManyMediumFew(TRAIN, average="macro"),
            "pairs": MarginConfusion(K, margins),
            "spectral": WeightedSpectralNorm(TRAIN),
        }
    )


def expected():
    counts = counted(*scored())
    right = 1 - counts.class_errors
    few = np.array(TRAIN) < 20
    norm = spectral_norm(counts, ClassWeights(TRAIN))
    samples = counts.class_counts.astype(float)
    return {
        "worst": np.nanmin(right),
        "worst_three": np.sort(right)[:3].mean(),
        "worst_tenth": np.sort(right)[:2].mean(),
        "groups_few": 1 - counts.errors[few].sum() / samples[few].sum(),
        "macro_many": np.nanmean(right[:5]),
        "norm": norm.value,
        "norm_upper": norm.upper,
    }


def test_metrics_are_those_of_the_counts():
    collection = metrics()
    scores, labels = scored()
    for part in torch.arange(len(labels)).split(50):
        collection.update(scores[part], labels[part])
    found = collection.compute()
    for name, value in expected().items():
        assert np.isclose(float(find(found, name)), value, rtol=1e-6), (name, list(found))
    assert find(found, "pairs") == counted(scores, labels, [0.0, 0.5])
    collection.reset()
    with pytest.warns(UserWarning, match="before the ``update``"):
        assert torch.isnan(collection["worst"].compute())
    with pytest.warns(UserWarning, match="before the ``update``"):
        assert collection["pairs"].compute() == MarginCounts(K, [0.0, 0.5])


def find(found, name):
    """A value of a collection, whose dicts are flattened under names of their own."""
    candidates = [name, name.replace("groups_", ""), name.replace("macro_", "")]
    prefixed = {key: value for key, value in found.items() if key in (name, f"spectral_{name}")}
    if prefixed:
        return next(iter(prefixed.values()))
    for candidate in candidates:
        if candidate in found:
            return found[candidate]
    raise KeyError((name, list(found)))


def test_fifty_thousand_classes_are_counted_by_what_occurs():
    classes = 50_000
    metric, counts = MarginConfusion(classes), MarginCounts(classes)
    for seed in range(3):
        scores, labels = scored(seed, 256, classes)
        metric.update(scores, labels)
        counts.update(scores, labels)
    assert metric.compute() == counts
    assert sum(len(keys) for keys in metric.keys) == 1 << 12


def test_waiting_keys_are_merged(monkeypatch):
    from car_spectral.metrics import confusion

    monkeypatch.setattr(confusion, "_PLACES", 40)
    metric, whole = MarginConfusion(K, [0.0, 1.0]), MarginCounts(K, [0.0, 1.0])
    for seed in range(30):
        scores, labels = scored(seed)
        metric.update(scores, labels)
        whole.update(scores, labels)
    assert sum(len(keys) for keys in metric.keys) < 30 * len(labels) / 3
    assert metric.compute() == whole
    assert metric(*scored(30)) == counted(*scored(30), margins=[0.0, 1.0])
    whole.update(*scored(30))
    copied = copy.deepcopy(metric)
    copied.update(*scored(30))
    assert metric.compute() == whole != copied.compute()


def test_states_of_another_metric_are_not_written_over():
    # As metrics of one compute group share theirs.
    first, second = MarginConfusion(K), MarginConfusion(K)
    first.update(*scored())
    second.keys, second.key_counts = first.keys, first.key_counts
    second.update(*scored(1))
    assert first.compute() == counted(*scored())
    assert second.compute() == counted(*scored()) + counted(*scored(1))
    first.merge_state(second)
    first.update(*scored(2))
    parts = [counted(*scored(seed)) for seed in (0, 0, 1, 2)]
    assert first.compute() == parts[0] + parts[1] + parts[2] + parts[3]


def test_keys_are_the_same_on_any_device():
    metric = MarginConfusion(K, [-0.5, 0.0, 1.0])
    for seed in range(5):
        scores, labels = scored(seed)
        metric.update(scores, labels)
        filled = metric._open[1]
        found = metric.keys[0][filled - len(labels) : filled]
        assert torch.equal(found, metric._keys_of(sample_margins(scores, labels)))


REFUSED = [
    ("at least 2 classes", lambda: WorstClassAccuracy(1)),
    ("k = 4", lambda: WorstClassAccuracy(3, k=4)),
    ("share = 0", lambda: WorstClassAccuracy(3, share=0.0)),
    ("micro or macro", lambda: ManyMediumFew([1, 2], average="mean")),
    ("class 1 has -2", lambda: ManyMediumFew([1, -2])),
    (
        "predicted classes have no margins",
        lambda: MarginConfusion(3).update(torch.tensor([1]), torch.tensor([1])),
    ),
    (
        "target on meta; move",
        lambda: MarginConfusion(3).update(torch.zeros(1, 3), torch.zeros(1, device="meta")),
    ),
    (
        "score of class 2 is NaN",
        lambda: MarginConfusion(3).update(torch.tensor([[0.0, 1.0, torch.nan]]), torch.tensor([0])),
    ),
    (
        "label 3 is not below",
        lambda: MarginConfusion(3).update(torch.zeros(1, 3), torch.tensor([3])),
    ),
    ("at least 2 classes", lambda: WeightedSpectralNorm([3])),
    (
        "expected scores .B, 2.",
        lambda: WeightedSpectralNorm([3, 2]).update(torch.zeros(1, 3), torch.tensor([0])),
    ),
    (
        "label 3, predicted 0",
        lambda: WorstClassAccuracy(3).update(torch.tensor([0]), torch.tensor([3])),
    ),
    (
        "expected \\[1, 3\\]",
        lambda: WorstClassAccuracy(3).update(torch.zeros(1, 4), torch.tensor([0])),
    ),
    (
        "not all finite",
        lambda: WorstClassAccuracy(3).update(torch.full((1, 3), torch.nan), torch.tensor([0])),
    ),
]


@pytest.mark.parametrize(("words", "call"), REFUSED, ids=[case[0] for case in REFUSED])
def test_metrics_refuse_with_a_sentence(words, call):
    with pytest.raises(ValueError, match=words):
        call()


# Uneven shards: the first process has most samples, the second sees few classes only.
SHARDS = (slice(0, 19), slice(19, 24))


def training_batches():
    generator = torch.Generator().manual_seed(7)
    for _ in range(3):
        x = torch.randn(24, 6, generator=generator, dtype=torch.float64)
        y = torch.randint(4, (24,), generator=generator)
        y[19:] = 0
        yield x, y


def train(rank=None):
    """Two steps with plain SGD: losses, gradients and the average."""
    torch.manual_seed(0)
    model = nn.Linear(6, 4).double()
    criterion = CARLoss([40, 20, 10, 5], start="bias-corrected", columns="present").double()
    if rank is not None:
        model = nn.parallel.DistributedDataParallel(model)
    seen = []
    for x, y in training_batches():
        part = slice(None) if rank is None else SHARDS[rank]
        model.zero_grad()
        loss = criterion(model(x[part]), y[part])
        loss.backward()
        gradients = [parameter.grad.clone() for parameter in model.parameters()]
        with torch.no_grad():
            for parameter in model.parameters():
                parameter -= 0.5 * parameter.grad
        seen.append((loss.detach(), gradients))
    return seen, criterion.ema


def process(rank, store, results):
    dist.init_process_group(
        "gloo",
        init_method=f"file://{store}",
        rank=rank,
        world_size=2,
        timeout=datetime.timedelta(seconds=120),
    )
    try:
        trained = train(rank)
        if rank == 0:  # would wait for the other if evaluation were not a process's own
            x, y = next(training_batches())
            criterion = CARLoss([40, 20, 10, 5]).double()
            with torch.no_grad():
                criterion(x[:, :4], y)
            criterion.eval()(x[:, :4], y)
        criterion = CARLoss([40, 20, 10, 5], validate=False).double()
        x, y = next(training_batches())
        criterion(x[:, :4], y)
        unspoilt = criterion.ema
        criterion(x[:, :4] / (rank or torch.nan), y)  # of one process alone
        counts = evaluate(nn.Identity(), loader(sampler=ExactDistributedSampler(range(301))))
        padded = torch.utils.data.DistributedSampler(range(301), shuffle=False)
        deduplicated = evaluate(nn.Identity(), loader(True, padded), indexed=True)
        collection = metrics()
        scores, labels = scored()
        mine = slice(0, 200) if rank == 0 else slice(200, None)
        collection.update(scores[mine], labels[mine])
        found = collection.compute()
        sparse = MarginConfusion(K, [0.0, 0.5])
        if rank == 0:  # the other has seen nothing
            sparse.update(scores, labels)
        with sparse.sync_context():
            gathered = len(sparse.keys)
        warnings.simplefilter("ignore")
        pairs = found.pop("pairs")
        results[rank] = {
            "trained": trained,
            "spoilt": int((criterion.ema != unspoilt).sum()),
            "counts": [counts.to_bytes(), deduplicated.to_bytes()],
            "pairs": [pairs.to_bytes(), sparse.compute().to_bytes()],
            "gathered": gathered,
            "metrics": {name: float(value) for name, value in found.items()},
        }
        dist.barrier()
    finally:
        dist.destroy_process_group()


@pytest.fixture(scope="module")
def two_processes(tmp_path_factory):
    store = tmp_path_factory.mktemp("gloo") / "store"
    with mp.Manager() as manager:
        results = manager.dict()
        mp.spawn(process, (str(store), results), nprocs=2)
        yield dict(results)


def test_two_processes_give_the_gradient_of_one_with_the_whole_batch(two_processes):
    alone, average = train()
    for rank in (0, 1):
        steps, theirs = two_processes[rank]["trained"]
        assert (theirs - average).abs().max() <= 1e-12
        for (loss, gradients), (expected_loss, expected_gradients) in zip(
            steps, alone, strict=True
        ):
            assert abs(loss - expected_loss) <= 1e-6
            for found, expected in zip(gradients, expected_gradients, strict=True):
                assert (found - expected).abs().max() <= 1e-6 * expected.abs().max()


def test_one_process_with_a_nan_leaves_the_average_of_both(two_processes):
    assert [two_processes[rank]["spoilt"] for rank in (0, 1)] == [0, 0]


def test_two_processes_count_bit_for_bit(two_processes):
    single, with_margins = counted(*scored()), counted(*scored(), margins=[0.0, 0.5])
    collection = metrics()
    collection.update(*scored())
    alone = collection.compute()
    alone.pop("pairs")
    sparse = MarginConfusion(K, [0.0, 0.5])
    sparse.update(*scored())
    occurring = len(sparse._merge()[0])
    for rank in (0, 1):
        found = two_processes[rank]
        assert found["counts"] == [single.to_bytes()] * 2
        assert found["pairs"] == [with_margins.to_bytes()] * 2
        assert found["gathered"] == occurring < len(sparse.keys[0])  # no empty place
        assert found["metrics"] == {name: float(value) for name, value in alone.items()}


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_probabilities_are_told_from_logits(dtype):
    scores, labels = scored()
    probabilities = scores.softmax(1).to(dtype)
    ways = [
        lambda scores: MarginCounts(K).update(scores, labels),
        lambda scores: MarginConfusion(K).update(scores, labels),
        lambda scores: evaluate(nn.Identity(), [(scores, labels)]),
    ]
    for way in ways:
        with pytest.warns(UserWarning, match="look like probabilities"):
            way(probabilities)
        # Logits, logarithms and classes written out are none; warnings are errors here.
        for sound in [scores, scores.log_softmax(1), torch.eye(K)[labels], scores.sigmoid()]:
            way(sound.to(dtype))
    counts = MarginCounts(K)
    counts.update(scores, labels)
    counts.update(probabilities, labels)
