"""CARLoss against the numbers of the authors' code, and itself under PyTorch's machinery."""

import copy
import io
import json
import math
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from car_spectral.torch import CARLoss, CAROptions

REFERENCE = Path(__file__).parents[2] / "tests" / "car_reference_values.json"
CASES = json.loads(REFERENCE.read_text())["cases"]
SWITCHES = {
    "detach_gate_delta": lambda on: {"gate_gradient": not on},
    "detach_baseline_in_softmax": lambda on: {"baseline_gradient": not on},
    "tau": lambda value: {"temperature": value},
    "gamma": lambda value: {"margin": value},
    "ablate_no_sigmoid": lambda on: {"gate": "one"},
    "ablate_no_softmax": lambda on: {"competition": "relu"},
    "ablate_no_both": lambda on: {"gate": "relu", "competition": "relu"},
}


def of_case(case):
    options = CAROptions.official_code(
        beta=case["beta"],
        r0=case["r0"],
        weights="official" if case["mean_normalised"] else "paper",
    )
    changes = {}
    for name, value in case["options"].items():
        changes |= SWITCHES[name](value)
    return CARLoss(case["class_counts"], options, **changes).double()


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"seed{case['seed']}-{case['options']}")
def test_the_numbers_of_the_authors_code(case):
    criterion = of_case(case)
    expected = torch.tensor(case["weights"], dtype=torch.float64)
    assert (criterion.class_weights - expected).abs().max() <= 1e-9
    for step in case["steps"]:
        logits = torch.tensor(step["logits"], dtype=torch.float64, requires_grad=True)
        penalty = criterion.regulariser(logits, torch.tensor(step["targets"]))
        assert abs(penalty.item() - step["spectral"]) <= 1e-9
        assert (criterion.ema - torch.tensor(step["ema"], dtype=torch.float64)).abs().max() <= 1e-9
        penalty.backward()
        if step["grad_logits"] is None:
            assert logits.grad.abs().max() == 0.0
        else:
            found = torch.tensor(step["grad_logits"], dtype=torch.float64)
            assert (logits.grad - found).abs().max() <= 1e-9


def test_the_file_holds_all_six_option_sets():
    assert len(CASES) == 6


def counts_of(classes):
    return [int(500 * 0.01 ** (j / (classes - 1))) for j in range(classes)]


def batch(seed, classes, size, dtype=torch.float64, device="cpu"):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(size, classes, generator=generator, dtype=torch.float64)
    targets = torch.randint(classes, (size,), generator=generator)
    return logits.to(device, dtype), targets.to(device)


@pytest.mark.parametrize("norm", ["spectral", "one", "ky-fan:2"])
@pytest.mark.parametrize("start", ["zero", "bias-corrected", "first-batch"])
@pytest.mark.parametrize("columns", ["all", "present"])
def test_gradcheck_where_the_top_value_is_simple(norm, start, columns):
    criterion = CARLoss(counts_of(4), norm=norm, start=start, columns=columns).double()
    # A class that is first seen now would enter as a constant under first-batch.
    logits, targets = batch(1, 4, 9)
    targets[:4] = torch.arange(4)
    criterion(logits, targets)
    logits, targets = batch(2, 4, 6)
    logits.requires_grad_()
    assert torch.autograd.gradcheck(lambda x: copy.deepcopy(criterion)(x, targets), (logits,))


def test_repeated_steps_leave_a_residual_near_zero():
    criterion = CARLoss(counts_of(300))
    logits, targets = batch(3, 300, 128, torch.float32)
    for _ in range(5):
        criterion(logits, targets)
    exact = torch.linalg.matrix_norm(criterion.ema * criterion.class_weights, 2)
    assert criterion.last_residual < 1e-3
    assert abs(criterion.last_penalty - exact) <= 1e-5 * exact
    left = criterion.left
    assert abs(left.norm() - 1) < 1e-5


def test_blocks_where_another_takes_over_are_found():
    # Two blocks of classes; the second overtakes the first, of which the last u is.
    criterion = CARLoss([10] * 40, weights="none", beta=0.5, gate="one")
    targets = torch.arange(40)

    def logits(first, second):
        rows = torch.full((40, 40), -30.0)
        rows[:20, :20], rows[20:, 20:] = 0.0, 0.0
        own = torch.cat([torch.full((20,), first), torch.full((20,), second)])
        rows[targets, targets] = own
        return rows

    for strengths in [(1.0, 6.0), (6.0, 1.0), (6.0, 1.0)]:
        criterion.options = CAROptions(weights="none", gate="sigmoid", margin=0.0)
        criterion(logits(*strengths), targets)
        exact = torch.linalg.matrix_norm(criterion.ema, 2)
        assert abs(criterion.last_penalty - exact) <= 1e-5 * exact


def test_nothing_confused_is_zero_with_a_zero_gradient():
    for norm in ["spectral", "one", "ky-fan:3"]:
        criterion = CARLoss([5, 4, 3], gate="relu", competition="relu", norm=norm)
        logits = torch.tensor([[3.0, 0.0, 0.0]], requires_grad=True)
        penalty = criterion.regulariser(logits, torch.tensor([0]))
        penalty.backward()
        assert penalty.item() == 0.0 and logits.grad.abs().max() == 0.0, norm


def test_the_loss_is_cross_entropy_and_alpha_times_the_penalty():
    criterion = CARLoss(counts_of(7), alpha=0.3).double()
    logits, targets = batch(4, 7, 20)
    loss = criterion(logits, targets)
    plain = torch.nn.functional.cross_entropy(logits, targets)
    assert torch.allclose(criterion.last_cross_entropy, plain)
    assert torch.allclose(loss, plain + 0.3 * criterion.last_penalty)
    before = criterion.ema
    criterion.eval()
    assert torch.allclose(criterion(logits, targets), loss) and torch.equal(criterion.ema, before)


BAD = [math.nan, math.inf, -math.inf]


@pytest.mark.parametrize("columns", ["all", "present"])
@pytest.mark.parametrize("start", ["zero", "first-batch", "bias-corrected"])
def test_a_batch_that_is_not_finite_leaves_the_average(start, columns):
    torch.compiler.reset()
    criterion = CARLoss(counts_of(4), start=start, columns=columns, validate=False)
    never = copy.deepcopy(criterion)
    compiled = torch.compile(copy.deepcopy(criterion), fullgraph=True, backend="aot_eager")
    for seed in range(3):
        for bad in BAD if seed else BAD[:1]:  # the first batch, too
            logits, targets = batch(seed, 4, 9, torch.float32)
            logits[2, targets[2]] = bad
            for there in (criterion, compiled):
                x = logits.clone().requires_grad_()
                loss = there(x, targets)
                loss.backward()
                assert not loss.isfinite() and not x.grad.isfinite().all()
        logits, targets = batch(seed, 4, 9, torch.float32)
        losses = [there(logits, targets) for there in (criterion, compiled, never)]
        assert torch.allclose(losses[0], losses[2]) and torch.allclose(losses[1], losses[2])
    assert torch.equal(criterion.ema, never.ema) and criterion.ema.isfinite().all()
    assert torch.equal(criterion.average.batches, never.average.batches)
    # A class that is masked out makes no loss infinite, but is not finite either.
    logits[:, 0] = -math.inf
    criterion(logits, torch.ones_like(targets))
    assert torch.equal(criterion.ema, never.ema)


def test_without_gradients_the_average_stays():
    criterion = CARLoss(counts_of(4))
    criterion(*batch(0, 4, 9, torch.float32))
    before, new = copy.deepcopy(criterion.state_dict()), batch(1, 4, 9, torch.float32)
    with torch.no_grad():
        unseen = criterion(*new)
    with torch.inference_mode():
        assert torch.equal(criterion(*new), unseen)
    after = criterion.state_dict()
    assert all(torch.equal(x, after[name]) for name, x in before.items() if torch.is_tensor(x))
    assert torch.equal(copy.deepcopy(criterion).eval()(*new), unseen)
    criterion(*new)
    assert not torch.equal(criterion.ema, before["average.by_true_class"].t())


def test_state_goes_through_state_dict_and_deepcopy_bit_for_bit():
    for columns in ["all", "present"]:
        criterion = CARLoss(counts_of(6), columns=columns, start="bias-corrected")
        for seed in range(3):
            criterion(*batch(seed, 6, 10, torch.float32))
        stored = io.BytesIO()
        torch.save(criterion.state_dict(), stored)
        stored.seek(0)
        again = CARLoss(counts_of(6), columns=columns, start="bias-corrected")
        again.load_state_dict(torch.load(stored, weights_only=True))
        copied = copy.deepcopy(criterion)
        new = batch(9, 6, 10, torch.float32)
        expected = criterion(*new)
        assert torch.equal(again(*new), expected) and torch.equal(copied(*new), expected)
        with pytest.raises(ValueError, match=r"saved under beta 0\.5, this loss has 0\.9"):
            CARLoss(
                counts_of(6), columns=columns, start="bias-corrected", beta=0.9
            ).load_state_dict(criterion.state_dict())


def test_state_goes_through_safetensors_and_names_other_counts(tmp_path):
    safetensors = pytest.importorskip("safetensors.torch")
    criterion = CARLoss(counts_of(6), beta=0.3)
    criterion(*batch(1, 6, 10, torch.float32))
    safetensors.save_file(criterion.state_dict(), tmp_path / "loss.safetensors")
    again = CARLoss(counts_of(6), beta=0.3)
    again.load_state_dict(safetensors.load_file(tmp_path / "loss.safetensors"))
    assert torch.equal(again.ema, criterion.ema)
    other, fewer = [500, 7, *counts_of(6)[2:]], counts_of(5)
    with pytest.raises(ValueError, match="class 1 had 199 training images, here it has 7"):
        CARLoss(other, beta=0.3).load_state_dict(criterion.state_dict())
    with pytest.raises(ValueError, match="of 6 classes, this loss is of 5"):
        CARLoss(fewer, beta=0.3).load_state_dict(criterion.state_dict())
    # As it was stored before: a dict without the counts.
    state = criterion.state_dict()
    state["_extra_state"] = {"beta": 0.3, "start": "zero", "columns": "all"}
    CARLoss(other, beta=0.3).load_state_dict(state)
    with pytest.raises(ValueError, match=r"saved under beta 0\.3, this loss has 0\.5"):
        CARLoss(other).load_state_dict(state)
    for damaged in (torch.tensor([123], dtype=torch.uint8), torch.tensor([0.5])):
        state["_extra_state"] = damaged
        with pytest.raises(ValueError, match="damaged options"):
            criterion.load_state_dict(state)


def test_the_history_never_becomes_subnormal():
    criterion = CARLoss([5, 4, 3])
    criterion(torch.tensor([[0.0, 1.0, 2.0]]), torch.tensor([0]))
    for _ in range(160):
        criterion(torch.tensor([[0.0, 1.0, 2.0]]), torch.tensor([1]))
    assert criterion.average.by_true_class[0].abs().max() == 0.0


def test_autocast_and_half_logits_are_computed_in_float32():
    criterion = CARLoss(counts_of(6))
    logits, targets = batch(5, 6, 16, torch.float32)
    plain = copy.deepcopy(criterion)(logits.bfloat16().float(), targets)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast = copy.deepcopy(criterion)(logits.bfloat16(), targets)
    assert cast.dtype == torch.float32 and torch.equal(cast, plain)
    half = CARLoss(counts_of(6)).half()
    assert half.average.by_true_class.dtype == torch.float32
    assert torch.equal(half(logits.bfloat16(), targets), plain)


@pytest.mark.parametrize(
    ("backend", "sizes"),
    [
        ("aot_eager", [12, 7, 20, 1]),  # a changing batch, too
        pytest.param("inductor", [12, 7], marks=pytest.mark.slow),
    ],
)
def test_compiled_whole_it_is_the_same(backend, sizes):
    torch.compiler.reset()
    eager = CARLoss(counts_of(9), start="first-batch", steps=4)
    compiled = torch.compile(copy.deepcopy(eager), fullgraph=True, backend=backend)
    for seed, size in enumerate(sizes):
        logits, targets = batch(seed, 9, size, torch.float32)
        gradients = []
        for criterion in (eager, compiled):
            x = logits.clone().requires_grad_()
            loss = criterion(x, targets)
            loss.backward()
            gradients.append((loss.detach(), x.grad))
        assert torch.allclose(gradients[0][0], gradients[1][0], atol=1e-5)
        assert torch.allclose(gradients[0][1], gradients[1][1], atol=1e-5)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_on_cuda_it_is_the_same_without_a_synchronisation():
    here, there = CARLoss(counts_of(50)), CARLoss(counts_of(50)).cuda()
    for seed in range(4):
        logits, targets = batch(seed, 50, 64, torch.float32)
        expected = here(logits, targets)
        logits, targets = logits.cuda(), targets.cuda()
        torch.cuda.synchronize()
        torch.cuda.set_sync_debug_mode("error")
        try:
            if seed == 2:
                there(logits / torch.zeros_like(logits), targets)
            found = there(logits, targets)
        finally:
            torch.cuda.set_sync_debug_mode("default")
        assert torch.allclose(found.cpu(), expected, rtol=1e-4)


GOOD = (torch.zeros(2, 3), torch.tensor([0, 1]))
REFUSED = [
    (ValueError, "expected \\[batch, 3\\]", lambda c: c(torch.zeros(2, 4), GOOD[1])),
    (ValueError, "empty", lambda c: c(torch.zeros(0, 3), torch.zeros(0, dtype=torch.int64))),
    (TypeError, "call .long()", lambda c: c(GOOD[0], GOOD[1].int())),
    (TypeError, "whole numbers. call .long", lambda c: c(GOOD[0], GOOD[1].float())),
    (TypeError, "targets are of type list, expected a tensor", lambda c: c(GOOD[0], [0, 1])),
    (TypeError, "type ndarray.*as_tensor.targets", lambda c: c(GOOD[0], GOOD[1].numpy())),
    (TypeError, "logits are of type ndarray", lambda c: c(GOOD[0].numpy(), GOOD[1])),
    (ValueError, "is 3, .*labels from 1. subtract 1", lambda c: c(GOOD[0], torch.tensor([1, 3]))),
    (ValueError, "is 4, expected 0 to 2$", lambda c: c(GOOD[0], torch.tensor([1, 4]))),
    (TypeError, "Mixup", lambda c: c(GOOD[0], torch.full((2, 3), 1 / 3))),
    (TypeError, "call .double()", lambda c: c(GOOD[0].double(), GOOD[1])),
    (TypeError, "before softmax", lambda c: c(GOOD[0].long(), GOOD[1])),
    (ValueError, "one class index a sample", lambda c: c(GOOD[0], torch.tensor([0]))),
    (ValueError, "targets are on meta", lambda c: c(GOOD[0], GOOD[1].to("meta"))),
    (ValueError, '\\.to\\("meta"\\)', lambda c: c(GOOD[0].to("meta"), GOOD[1].to("meta"))),
    (ValueError, "target of sample 1 is 3", lambda c: c(GOOD[0], torch.tensor([0, 3]))),
    (ValueError, "ignored", lambda c: c(GOOD[0], torch.tensor([-100, 1]))),
    (
        ValueError,
        "sample 1 for class 2 is nan",
        lambda c: c(torch.tensor([[0.0, 1, 2], [0, 1, math.nan]]), GOOD[1]),
    ),
]


@pytest.mark.parametrize(("kind", "words", "call"), REFUSED, ids=[case[1] for case in REFUSED])
def test_wrong_use_gets_a_sentence_and_leaves_the_state(kind, words, call):
    criterion = CARLoss([5, 4, 3])
    before = copy.deepcopy(criterion.state_dict())
    with pytest.raises(kind, match=words):
        call(criterion)
    after = criterion.state_dict()
    assert all(torch.equal(x, after[name]) for name, x in before.items() if torch.is_tensor(x))


def test_options_out_of_range_are_named():
    for changes, words in [
        ({"alpha": -1}, "alpha"),
        ({"beta": 1.0}, "beta"),
        ({"temperature": 0.0}, "temperature"),
        ({"gate": "tanh"}, "choose sigmoid, one, relu"),
        ({"norm": "ky-fan:0"}, "unknown norm"),
        ({"norm": "ky-fan:4"}, "has 1 to 3"),
        ({"margin": math.nan}, "margin"),
    ]:
        with pytest.raises(ValueError, match=words):
            CARLoss([5, 4, 3], **changes)
    with pytest.raises(ValueError, match="at least 2 classes"):
        CARLoss([5])
    for counts, kind, words in [
        ([5.5, 4], TypeError, "class_counts are float64, expected whole numbers"),
        ([5, -4], ValueError, "class_counts: class 1 has -4"),
        (torch.ones(2, 3), ValueError, "class_counts have shape .2, 3., expected .K."),
    ]:
        with pytest.raises(kind, match=words):
            CARLoss(counts)
    assert CARLoss(count for count in torch.tensor([5.0, 4.0])).num_classes == 2
    for make, words in [
        (
            lambda: CARLoss([5, 4], lambda_=1),
            "CARLoss has no option 'lambda_'; there are alpha, .*",
        ),
        (lambda: CAROptions.paper(a=1), "CAROptions has no option 'a'; there are alpha, margin"),
        (lambda: CAROptions.official_code(a=1), "CAROptions has no option 'a'"),
    ]:
        with pytest.raises(TypeError, match=words):
            make()
    with pytest.raises(ValueError, match="weights = None: choose paper, official, none"):
        CARLoss([5, 4], weights=None)
    with pytest.raises(ValueError, match="steps"):
        CARLoss([5, 4], steps=0)


def test_probabilities_are_warned_of():
    logits, targets = batch(6, 3, 8, torch.float32)
    with pytest.warns(UserWarning, match="before softmax"):
        CARLoss([5, 4, 3])(logits.softmax(1), targets)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        CARLoss([5, 4, 3])(logits, targets)
        CARLoss([5, 4, 3])(torch.eye(3), torch.arange(3))


def test_presets_are_those_of_the_paper_and_the_code():
    assert CAROptions.paper() == CAROptions()
    code = CAROptions.official_code(alpha=0.2)
    assert (code.alpha, code.r0, code.start, code.gate_gradient) == (0.2, 0.5, "first-batch", False)
    assert np.isclose(CARLoss([9, 1], code).class_weights.double().mean(), 1.0)
