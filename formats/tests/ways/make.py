"""Writes one network in the ways in which people save weights, and `ways.json`, the list of them.

Run with PyTorch, safetensors and NumPy: `python make.py` in this folder. The network has the names
of a CIFAR ResNet and few numbers, so that the files are small; `write` takes any other with a last
layer `linear`.

Each way: the file, what it is, the settings that it needs as flags of `analyze`, and what comes of
it: `raw` weights, `averaged` ones (a second set), `cosine` or `no bias` (no bias in the last
layer), or a part of the message that refuses it.
"""

import argparse
import collections
import json
import pathlib
import pickle
import sys
import types
from collections.abc import Callable
from typing import Any

import numpy as np
import safetensors.torch
import torch
from torch import nn

State = dict[str, torch.Tensor]


def tiny() -> nn.Module:
    """Returns a network with the names of a CIFAR ResNet; nothing is computed with it here."""
    net = nn.Module()
    net.conv1 = nn.Conv2d(3, 2, 1, bias=False)
    net.bn1 = nn.BatchNorm2d(2)
    block = nn.Module()
    block.conv1 = nn.Conv2d(2, 2, 1, bias=False)
    net.layer1 = nn.Sequential(block)
    net.linear = nn.Linear(2, 3)
    return net


def fill(net: nn.Module, start: int) -> State:
    """Fills tensor by tensor, by name, with whole numbers that every floating-point type holds."""
    state = net.state_dict()
    names = sorted(name for name, value in state.items() if value.is_floating_point())
    with torch.no_grad():
        for place, name in enumerate(names):
            values = start + 16 * place + torch.arange(state[name].numel(), dtype=torch.float32)
            state[name].copy_(values.reshape(state[name].shape))
    return state


def module_with(name: str, **classes: type) -> None:
    """Puts a module of a training program where pickle looks for it."""
    parts = name.split(".")
    for end in range(1, len(parts)):
        parent = ".".join(parts[:end])
        sys.modules.setdefault(parent, types.ModuleType(parent)).__path__ = []
    module = types.ModuleType(name)
    for attribute, value in classes.items():
        value.__module__, value.__qualname__ = name, attribute
        setattr(module, attribute, value)
    sys.modules[name] = module


class ConfigParser:
    """A configuration as training programs keep it."""


class AttributeDict(dict):
    """Settings as Lightning keeps them."""


class ModelCheckpoint:
    """A callback, which older versions of Lightning use as a key."""


class Writer:
    """Files and the list of them."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder, self.ways = folder, []

    def add(self, file: str, way: str, outcome: str, flags: str, save: Callable[[pathlib.Path], Any]) -> None:
        save(self.folder / file)
        self.ways.append({"file": file, "way": way, "flags": flags, "outcome": outcome})

    def torch(
        self, file: str, way: str, value: object, outcome: str = "raw", flags: str = "", **save: Any
    ) -> None:
        """Adds a file of torch.save."""
        self.add(file, way, outcome, flags, lambda path: torch.save(value, path, **save))


def prefixed(state: State, prefix: str) -> State:
    return {f"{prefix}{name}": value for name, value in state.items()}


def without_last(state: State) -> State:
    return {name: value for name, value in state.items() if not name.startswith("linear.")}


def renamed(state: State, module: str) -> State:
    return {name.replace("linear.", f"{module}."): value for name, value in state.items()}


def last(state: State, module: str) -> State:
    return {f"{module}.weight": state["linear.weight"], f"{module}.bias": state["linear.bias"]}


def plain_files(out: Writer, net: nn.Module, raw: State) -> None:
    """State dictionaries by themselves: containers, element types, layouts."""
    out.torch("state_dict.pth", "torch.save(model.state_dict())", raw)
    out.torch("legacy.pth", "the same by PyTorch before 1.6", raw, _use_new_zipfile_serialization=False)
    out.torch("protocol4.pth", "with another protocol of pickle", raw, pickle_protocol=4)
    out.torch("parameters.pth", "parameters and buffers, not detached", dict(net.state_dict(keep_vars=True)))
    out.torch(
        "half.pth",
        "model.half()",
        {name: value.half() if value.ndim else value for name, value in raw.items()},
    )
    out.torch(
        "bfloat16.pth",
        "in bfloat16",
        {name: value.bfloat16() if value.ndim else value for name, value in raw.items()},
    )
    out.torch(
        "double.pth",
        "model.double()",
        {name: value.double() if value.ndim else value for name, value in raw.items()},
    )
    flat, at, views = torch.cat([value.flatten().float() for value in raw.values()]), 0, {}
    for name, value in raw.items():
        views[name] = flat[at : at + value.numel()].view(value.shape)
        at += value.numel()
    out.torch("flat.pth", "views of one flat buffer", views)
    last = {
        n: v.to(memory_format=torch.channels_last) if v.ndim == 4 else v.t().clone().t() if v.ndim == 2 else v
        for n, v in raw.items()
    }
    out.torch("strided.pth", "channels last, and transposed storages", last)
    old = {name: value for name, value in raw.items() if not name.endswith("num_batches_tracked")}
    out.torch("old_norms.pth", "without counters, as before PyTorch 0.4.1", old)
    nested: dict[str, Any] = collections.defaultdict(dict)
    for name, value in raw.items():
        module, tensor = name.rsplit(".", 1)
        nested[module][tensor] = value
    out.torch("by_module.pth", "a dictionary for each module", dict(nested))
    thop = {
        **raw,
        "total_ops": torch.zeros(1),
        "layer1.0.total_params": torch.zeros(1),
        "total_params": torch.zeros(1),
    }
    out.torch("thop.pth", "after a count of operations (thop)", thop)
    save = safetensors.torch.save_file
    out.add("plain.safetensors", ".safetensors", "raw", "", lambda path: save(raw, path))
    out.add(
        "metadata.safetensors",
        ".safetensors with metadata",
        "raw",
        "",
        lambda path: save(raw, path, {"format": "pt"}),
    )
    for kind in (torch.float16, torch.bfloat16):
        short = {name: value.to(kind) if value.is_floating_point() else value for name, value in raw.items()}
        name = str(kind).removeprefix("torch.")
        out.add(
            f"{name}.safetensors",
            f".safetensors in {name}",
            "raw",
            "",
            lambda path, short=short: save(short, path),
        )


def parts(out: Writer, raw: State) -> None:
    """Weights in several files under one index."""
    names = sorted(raw)
    halves = [
        {name: raw[name] for name in names[: len(names) // 2]},
        {name: raw[name] for name in names[len(names) // 2 :]},
    ]
    for ending, save in (("safetensors", safetensors.torch.save_file), ("bin", torch.save)):
        files = [f"part-{place}-of-2.{ending}" for place in (1, 2)]
        for half, file in zip(halves, files, strict=True):
            save(half, out.folder / file)
        index = {
            "metadata": {"total_size": 0},
            "weight_map": {name: file for half, file in zip(halves, files, strict=True) for name in half},
        }
        out.add(
            f"model.{ending}.index.json",
            f"parts of .{ending} under an index",
            "raw",
            "",
            lambda path, index=index: path.write_text(json.dumps(index, indent=1)),
        )
    index = {"weight_map": {"conv1.weight": "absent-1-of-2.safetensors"}}
    out.add(
        "absent.index.json",
        "an index without its parts",
        "refused: an index of parts, and absent-1-of-2.safetensors",
        "",
        lambda path: path.write_text(json.dumps(index)),
    )


def states_of_training(out: Writer, net: nn.Module, raw: State) -> None:
    """Weights under a key, beside the state of a training."""
    optimizer = torch.optim.SGD(net.parameters(), 0.1, momentum=0.9)
    for parameter in net.parameters():
        optimizer.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
    steps, schedule = (
        optimizer.state_dict(),
        {"last_epoch": 200, "_last_lr": [0.001], "milestones": collections.Counter({160: 1})},
    )
    wrapped = prefixed(raw, "module.")
    ldam = {"epoch": 200, "arch": "resnet20", "optimizer": steps, "state_dict": wrapped}
    out.torch(
        "ldam.pth.tar", "LDAM-DRW, best_acc1 a tensor [1]", {**ldam, "best_acc1": torch.tensor([70.35])}
    )
    out.torch(
        "imagenet.pth.tar",
        "PyTorch's ImageNet example, best_acc1 a tensor",
        {**ldam, "best_acc1": torch.tensor(70.35), "scheduler": schedule},
    )
    out.torch("number.pth.tar", "the same with a number", {**ldam, "best_acc1": 70.35})
    out.torch("net.pth", '{"net", "acc", "epoch"}', {"net": raw, "acc": 81.2, "epoch": 200})
    out.torch(
        "curve.pth", "beside a curve of the loss", {"epoch": 200, "net": raw, "loss_history": torch.rand(20)}
    )
    tutorial = {"epoch": 5, "model_state_dict": raw, "optimizer_state_dict": steps, "loss": torch.tensor(0.4)}
    out.torch("tutorial.pth", '{"model_state_dict", "optimizer_state_dict", "loss"}', tutorial)
    out.torch(
        "model.pth",
        '{"model", "optimizer", "lr_scheduler", "scaler", "args"}',
        {
            "model": raw,
            "optimizer": steps,
            "lr_scheduler": schedule,
            "scaler": {"scale": torch.tensor(65536.0)},
            "args": argparse.Namespace(lr=0.1),
        },
    )
    for key in ("model_state", "network", "module", "weights", "params", "state_dict_best"):
        out.torch(f"{key}.pth", f'{{"{key}"}}', {key: raw, "step": 100})
    out.torch("odd_key.pth", "under a key of one's own", {"my_resnet": raw, "when": 3})
    out.torch("two_keys.pth", "keys in each other", {"checkpoint": {"model": raw}, "epoch": 3})
    out.torch(
        "rng.pth",
        "with states of random numbers",
        {"state_dict": raw, "rng_state": torch.get_rng_state(), "best": torch.tensor(0.7)},
    )
    out.torch("list.pth", "[state_dict, optimizer]", [raw, steps])
    out.torch("tuple.pth", "(state_dict, epoch)", (raw, 200))
    scalars = {
        "state_dict": raw,
        "best_acc": np.float64(0.7),
        "path": pathlib.PurePosixPath("out"),
        "size": torch.Size([3]),
    }
    out.torch("numpy_scalar.pth", "beside a NumPy number, a path, a size", scalars)
    frameworks(out, raw, steps, schedule)


def frameworks(out: Writer, raw: State, steps: dict[str, Any], schedule: dict[str, Any]) -> None:
    """The same by the libraries that train: Lightning, torch_ema, DeepSpeed."""
    lightning = {
        "epoch": 199,
        "global_step": 17000,
        "pytorch-lightning_version": "2.4.0",
        "optimizer_states": [steps],
        "lr_schedulers": [schedule],
        "callbacks": {"ModelCheckpoint": {"best_model_score": torch.tensor(0.7)}},
        "hyper_parameters": {"lr": 0.1},
    }
    model = prefixed(raw, "model.")
    out.torch("lightning.ckpt", "Lightning", {**lightning, "state_dict": model})
    beside = {
        "criterion.weight": torch.rand(3),
        "criterion.m_list": torch.rand(3),
        "val_acc.tp": torch.zeros(3),
    }
    out.torch(
        "lightning_loss.ckpt",
        "Lightning with buffers of losses and metrics",
        {**lightning, "state_dict": {**model, **beside}},
    )
    module_with("pytorch_lightning.utilities.parsing", AttributeDict=AttributeDict)
    module_with("pytorch_lightning.callbacks.model_checkpoint", ModelCheckpoint=ModelCheckpoint)
    older = {
        "pytorch-lightning_version": "1.2.0",
        "callbacks": {ModelCheckpoint: {"best_model_score": torch.tensor(0.7)}},
        "hyper_parameters": AttributeDict(lr=0.1, arch="resnet20"),
        "state_dict": model,
    }
    out.torch("lightning_old.ckpt", "Lightning 1.x, settings and callbacks by their classes", older)
    shadow = {"decay": 0.999, "shadow_params": [value + 1 for value in raw.values()]}
    out.torch("shadow.pth", "beside averages without names (torch_ema)", {"model": raw, "ema": shadow})
    version = {"state_dict": raw, "version": torch.torch_version.TorchVersion("2.4.0")}
    out.torch("version.pth", "beside the version of PyTorch", version)
    deepspeed = {
        "module": raw,
        "optimizer": None,
        "ds_version": "0.14",
        "dp_world_size": 2,
        "param_shapes": [{"conv1.weight": torch.Size([2, 3, 1, 1])}],
    }
    out.torch("mp_rank_00_model_states.pt", "DeepSpeed", deepspeed)


def lists_and_libraries(out: Writer, raw: State) -> None:
    """State dictionaries as lists, and below what libraries of training put above them."""
    momentum = {"state": {0: {"momentum_buffer": torch.zeros(2)}}}
    trunk = prefixed(without_last(raw), "_feature_blocks.")
    classy = {
        "base_model": {"model": {"trunk": trunk, "heads": last(raw, "0.clf.0")}},
        "optimizer": {"optim": momentum, "param_groups": torch.ones(1)},
        "phase_idx": 28,
        "losses": [0.5],
    }
    vissl = {"classy_state_dict": classy, "iteration": 100, "loss": {"criterion": torch.ones(2)}}
    out.torch("vissl.torch", "VISSL, classy_vision", vissl)
    classy = {
        **classy,
        "base_model": {
            "model": {"trunk": trunk, "heads": {**last(raw, "0.clf.0"), "0.channel_bn.weight": torch.ones(2)}}
        },
    }
    out.torch(
        "vissl_linear.torch",
        "VISSL with a normalisation in front of its last layer",
        {"classy_state_dict": classy},
        'refused: beside the tensors of the network stand "heads.0.channel_bn.weight"',
    )
    out.torch("pairs.pth", "list(model.state_dict().items())", list(raw.items()))
    out.torch("pairs_key.pth", "the same under a key", {"state_dict": list(raw.items()), "epoch": 3})
    values = list(raw.values())
    named = "refused: torch.save(dict(zip(model.state_dict(), "
    out.torch("nameless.pth", "list(model.state_dict().values())", values, f"{named}torch.load(")
    out.torch(
        "arrays_list.pth",
        "the same as arrays of NumPy",
        [value.numpy() for value in values],
        f"{named}map(torch.from_numpy, torch.load(",
    )
    channels = torch.rand(2, 1, 3, 1, 1) + 0.1
    kept = {"normalize.mean": channels[0], "normalize.std": channels[1], **prefixed(raw, "model.")}
    out.torch("normalize.pth", "beside `normalize.mean` and `normalize.std`", kept)
    steps = {"0.mean": channels[0], "0.std": channels[1], **prefixed(raw, "1.")}
    out.torch("normalize_first.pth", "a normalisation of the input as the first step of a sequence", steps)
    dropout = renamed(raw, "fc.1")
    out.torch("last_fc.1.pth", "last layer in a sequence, behind dropout", dropout)
    out.torch(
        "last_fc.bn.pth",
        "the same behind a normalisation",
        {**dropout, "fc.0.weight": torch.ones(2)},
        "refused: stand \"fc.0.weight\"",
    )


def wrappers(out: Writer, raw: State) -> None:
    """Names with something in front or between."""
    for file, prefix, way in [
        ("parallel", "module.", "DataParallel"),
        ("compiled", "_orig_mod.", "torch.compile"),
        ("compiled_parallel", "module._orig_mod.", "torch.compile in DistributedDataParallel"),
        ("parallel_compiled", "_orig_mod.module.", "DistributedDataParallel in torch.compile"),
        ("parallel_twice", "module.module.", "wrapped twice"),
        ("backbone", "backbone.", "an attribute `backbone`"),
        ("encoder", "model.net.encoder.", "attributes in each other"),
    ]:
        out.torch(f"{file}.pth", way, prefixed(raw, prefix))
    fsdp = {
        f"_fsdp_wrapped_module.{name.replace('layer1.', 'layer1._fsdp_wrapped_module.')}": value
        for name, value in raw.items()
    }
    out.torch("fsdp.pth", "FSDP, wrapped layer by layer", fsdp)
    compiled = {name.replace("layer1.", "layer1._orig_mod."): value for name, value in raw.items()}
    out.torch("compiled_layers.pth", "torch.compile layer by layer", compiled)
    out.add(
        "compiled.safetensors",
        "torch.compile, .safetensors",
        "raw",
        "",
        lambda path: safetensors.torch.save_file(prefixed(raw, "_orig_mod."), path),
    )


def averages(out: Writer, net: nn.Module, raw: State, averaged: State) -> None:
    """Averaged weights, alone or beside the raw ones."""
    sets = [
        ("timm.pth.tar", "state_dict", "state_dict_ema"),
        ("deit.pth", "model", "model_ema"),
        ("fixmatch.pth.tar", "state_dict", "ema_state_dict"),
        ("params_ema.pth", "params", "params_ema"),
        ("ema.pth", "model", "ema"),
        ("dino.pth", "student", "teacher"),
    ]
    for file, first, second in sets:
        out.torch(
            file,
            f'{{"{first}", "{second}"}}',
            {first: raw, second: averaged, "epoch": 300},
            "averaged",
            f"--key {second}",
        )
    out.ways.append(
        {
            "file": "timm.pth.tar",
            "way": "two sets without `--key`",
            "flags": "",
            "outcome": 'refused: "state_dict", "state_dict_ema"; name the one to read with `key`',
        }
    )
    out.torch("equal_sets.pth", "two sets that are equal", {"state_dict": raw, "state_dict_ema": raw})
    swa = torch.optim.swa_utils.AveragedModel(net)
    swa.module.load_state_dict(averaged)
    out.torch("swa.pth", "AveragedModel", swa.state_dict(), "averaged")
    out.torch(
        "swa_model.pth", 'AveragedModel under "model"', {"model": swa.state_dict(), "epoch": 3}, "averaged"
    )
    moco = {
        **prefixed(raw, "module.encoder_k."),
        **prefixed(averaged, "module.encoder_q."),
        "module.queue": torch.rand(2, 4),
    }
    out.torch(
        "moco.pth.tar",
        "two encoders in one dictionary",
        {"state_dict": moco},
        "averaged",
        "--key module.encoder_q",
    )


def last_layers(out: Writer, raw: State) -> None:
    """The last layer under other names, elsewhere, or of another kind."""
    for module in ("fc", "classifier", "head", "head.fc", "last_linear"):
        out.torch(f"last_{module}.pth", f"last layer `{module}`", renamed(raw, module))
    bcl = {
        **prefixed(without_last(raw), "module.encoder."),
        **last(raw, "module.fc"),
        "module.head.0.weight": torch.rand(2, 2),
        "module.head.2.weight": torch.rand(5, 2),
        "module.head_fc.0.weight": torch.rand(2, 2),
        "module.head_fc.3.weight": torch.rand(5, 2),
    }
    out.torch(
        "bcl.pth.tar",
        "BCL: encoder, fc and contrastive heads",
        {"epoch": 200, "state_dict": bcl, "best_acc1": torch.tensor([44.77])},
    )
    pair = {"feat_model": prefixed(without_last(raw), "module."), "classifier": last(raw, "module.fc")}
    out.torch(
        "balancing.pth",
        "classifier-balancing: two networks in one file",
        {"state_dict_best": pair, "best_acc": 0.47, "centroids": torch.rand(3, 2)},
    )
    scaled = {**pair["classifier"], "module.scales": torch.rand(3)}
    out.torch(
        "balancing_scaled.pth",
        "the same with a learned scale of each class (LWS)",
        {"state_dict_best": {**pair, "classifier": scaled}, "best_acc": 0.47, "centroids": None},
        "refused: weight *= s.view(-1, 1)",
    )
    mislas = {
        "epoch": 1,
        "state_dict_model": pair["feat_model"],
        "state_dict_classifier": pair["classifier"],
        "best_acc1": torch.tensor([47.0]),
        "its_ece": torch.tensor([4.83]),
    }
    out.torch("mislas.pth.tar", "MiSLAS, first stage: two networks under two keys", mislas)
    scales = {"state_dict_lws_model": {"module.learned_norm": torch.rand(1, 3)}}
    out.torch(
        "mislas_scaled.pth.tar",
        "MiSLAS, second stage: a learned scale of each class beside them",
        {**mislas, **scales},
        "refused: weight *= s.view(-1, 1)",
    )
    out.torch(
        "features.pth",
        "a network whose last layer is in a second file",
        without_last(raw),
        "raw",
        "--classifier-file classifier.pth",
    )
    torch.save({"state_dict": last(raw, "fc")}, out.folder / "classifier.pth")
    mm = {**prefixed(without_last(raw), "backbone."), **last(raw, "head.fc")}
    out.torch("mmpretrain.pth", "MMPretrain", {"meta": {"epoch": 3}, "state_dict": mm})
    last_layers_by_flags(out, raw)


def last_layers_by_flags(out: Writer, raw: State) -> None:
    """Last layers that only a flag can tell."""
    bare = {name: value for name, value in raw.items() if name != "linear.bias"}
    out.torch("no_bias.pth", "last layer without bias", bare, "no bias", "--classifier linear")
    out.ways.append(
        {
            "file": "no_bias.pth",
            "way": "the same without a word",
            "flags": "",
            "outcome": "refused: give `classifier` linear",
        }
    )
    out.torch("cosine.pth", "cosine layer [K, D]", bare, "cosine", "--classifier cosine --scale 30")
    turned = {**bare, "linear.weight": bare["linear.weight"].t().contiguous()}
    out.torch(
        "cosine_turned.pth.tar",
        "cosine layer [D, K], LDAM-DRW's NormedLinear",
        {"state_dict": prefixed(turned, "module.")},
        "cosine",
        "--classifier cosine --scale 30",
    )
    out.torch(
        "odd_last.pth",
        "last layer of one's own name",
        renamed(raw, "answer.2"),
        "raw",
        "--rename answer.2=linear",
    )
    stage = {name.replace("layer1.", "stages.0."): value for name, value in raw.items()}
    out.torch("odd_stage.pth", "layers of one's own names", stage, "raw", "--rename stages.0=layer1")
    out.torch("two_last.pth", "two last layers", {**raw, **last(raw, "fc_aux")}, "raw", "")


def refused(out: Writer, net: nn.Module, raw: State) -> None:
    """What is refused, with what the message says."""
    module_with("parse_config", ConfigParser=ConfigParser)
    out.torch(
        "config.pth",
        "beside an object of the training program",
        {"state_dict": raw, "config": ConfigParser()},
        "refused: weights_only=False)['state_dict'], 'weights.pt')",
    )
    whole = nn.Sequential(collections.OrderedDict(conv1=nn.Conv2d(3, 2, 1)))
    out.torch(
        "whole.pth", "torch.save(model)", whole, "refused: weights_only=False).state_dict(), 'weights.pt')"
    )
    arrays = {name: value.numpy() for name, value in raw.items()}
    out.torch("arrays.pth", "torch.save of NumPy arrays", {"state_dict": arrays}, "refused: arrays of NumPy")
    out.add(
        "pickled.pkl",
        "pickle.dump of NumPy arrays",
        "refused: pickle.load(open(",
        "",
        lambda path: path.write_bytes(pickle.dumps(arrays)),
    )
    out.add("arrays.npz", "numpy.savez", "refused: numpy.load(", "", lambda path: np.savez(path, **arrays))

    class Net(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + 1

    out.add(
        "script.pt",
        "TorchScript",
        "refused: `run-torchscript`",
        "",
        lambda path: torch.jit.script(Net()).save(str(path)),
    )
    out.add(
        "exported.pt2",
        "torch.export",
        "refused: torch.export.load(",
        "",
        lambda path: torch.export.save(torch.export.export(nn.Linear(2, 3), (torch.zeros(1, 2),)), path),
    )
    out.torch(
        "other.pth",
        "another network",
        prefixed({"w.weight": raw["linear.weight"]}, "gpt."),
        "refused: missing: ",
    )
    diverged = {**raw, "conv1.weight": raw["conv1.weight"] * float("nan")}
    out.torch("diverged.pth", "a training that diverged", diverged, "refused: take an earlier checkpoint")
    out.torch(
        "optimizer.pth",
        "an optimizer alone",
        {"optimizer": {"state": {0: {"momentum_buffer": torch.zeros(2)}}}},
        "refused: only the state of a training",
    )


def write(folder: pathlib.Path, net: nn.Module, raw: State, averaged: State) -> list[dict[str, str]]:
    """Writes all files and returns the list."""
    out = Writer(folder)
    plain_files(out, net, raw)
    parts(out, raw)
    states_of_training(out, net, raw)
    lists_and_libraries(out, raw)
    wrappers(out, raw)
    averages(out, net, raw, averaged)
    last_layers(out, raw)
    refused(out, net, raw)
    return out.ways


if __name__ == "__main__":
    torch.manual_seed(0)
    here = pathlib.Path(__file__).parent
    net, other = tiny(), tiny()
    ways = write(here, net, fill(net, 0), fill(other, 64))
    here.joinpath("ways.json").write_text(json.dumps(ways, indent=1) + "\n")
