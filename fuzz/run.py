"""Builds the fuzz targets with a stable compiler and runs each for some seconds, as many at a time
as there are processors; prints a table of what they did.

`python3 fuzz/run.py --seconds 60 [TARGET ...]`. Needs Rust and a C++ compiler. What libFuzzer keeps
is in out/fuzz/: the corpus of each target, and what it found, in finds/. Exit code 1 if anything
was found.
"""

import argparse
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

FUZZ = Path(__file__).resolve().parent
ROOT = FUZZ.parent
OUT = ROOT / "out" / "fuzz"
# What cargo-fuzz passes for coverage, all of it stable; no sanitizer, which would need a nightly
# compiler.
RUSTFLAGS = [
    "--cfg=fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
]
# Folders that hold files of a target's kind, beside corpus-seed/TARGET.
FIXTURES = {
    "predictions": ["tests/fixtures/predictions", "tests/fixtures/hostile"],
    "weights": ["formats/tests/ways", "tests/fixtures/hostile"],
    "onnx": ["tests/fixtures/onnx"],
    "experiment": ["figures/cifar10-lt", "figures/cifar100-lt"],
    "tables": ["formats/tests/tables"],
}
# Longer files are cut: mutants of long files are slow and rarely new.
LONGEST = 16384
SECONDS_A_FILE = 10
MEGABYTES = 2048


class Figures(NamedTuple):
    """What libFuzzer says of a run."""

    target: str
    executions: int
    edges: int
    features: int
    corpus: int
    finds: list[Path]


def targets() -> dict[str, list[str]]:
    """Gives the features that each target needs."""
    package = tomllib.loads((FUZZ / "Cargo.toml").read_text())
    return {target["name"]: target.get("required-features", []) for target in package["bin"]}


def build(chosen: list[str], features: set[str]) -> Path:
    """Builds the targets; gives the folder that they are in."""
    version = subprocess.run(["rustc", "-vV"], capture_output=True, check=True, text=True).stdout
    host = re.search("host: (.*)", version)
    assert host, version
    environment = os.environ | {"RUSTFLAGS": " ".join(RUSTFLAGS)}
    folder = Path(environment.setdefault("CARGO_TARGET_DIR", str(ROOT / "target" / "fuzz")))
    # With a target named, flags are not those of build scripts.
    command = ["cargo", "build", "--locked", "--release", "--target", host[1]]
    command += [f"--bin={target}" for target in chosen] + [
        f"--features={feature}" for feature in features
    ]
    subprocess.run(command, cwd=FUZZ, env=environment, check=True)
    return folder / host[1] / "release"


def run(binary: Path, seconds: int, seed: int, memory: Path | None) -> Figures:
    """Runs one target to its end or first find."""
    target = binary.name
    corpus, finds = OUT / "corpus" / target, OUT / "finds"
    corpus.mkdir(parents=True, exist_ok=True)
    finds.mkdir(exist_ok=True)
    seeds = [FUZZ / "corpus-seed" / target, *(ROOT / folder for folder in FIXTURES.get(target, []))]
    dictionary = FUZZ / "dictionaries" / f"{target}.dict"
    command: list[Path | str] = [binary, corpus, *(folder for folder in seeds if folder.is_dir())]
    command += [f"-max_total_time={seconds}", f"-seed={seed}"]
    command += [f"-max_len={LONGEST}", f"-timeout={SECONDS_A_FILE}"]
    command += [
        f"-rss_limit_mb={MEGABYTES}",
        f"-artifact_prefix={finds}/{target}-",
        "-print_final_stats=1",
    ]
    command += [f"-dict={dictionary}"] if dictionary.is_file() else []
    before = set(finds.glob(f"{target}-*"))
    with (
        tempfile.TemporaryDirectory(dir=memory) as folder,
        (OUT / f"{target}.log").open("w") as log,
    ):
        ran = subprocess.run(
            command, env=os.environ | {"TMPDIR": folder}, stdout=log, stderr=log, check=False
        )
    said = (OUT / f"{target}.log").read_text(errors="replace")
    lines = re.findall(r"^#(\d+)\t.*?cov: (\d+) ft: (\d+) corp: (\d+)/", said, re.M) or [
        ("0", "0", "0", "0")
    ]
    executions, edges, features, kept = map(int, lines[-1])
    counted = re.search(r"stat::number_of_executed_units:\s*(\d+)", said)
    found = sorted(set(finds.glob(f"{target}-*")) - before)
    if ran.returncode and not found:
        sys.exit(f"{target} ended with {ran.returncode}; see {log.name}")
    return Figures(target, int(counted[1]) if counted else executions, edges, features, kept, found)


def main() -> int:
    """Builds, runs, prints."""
    known = targets()
    parser = argparse.ArgumentParser(description="Fuzzes the readers and the core.")
    parser.add_argument(
        "targets",
        nargs="*",
        metavar="TARGET",
        help=f"all but those with features: {', '.join(known)}",
    )
    parser.add_argument("--seconds", type=int, default=10, help="of each target [10]")
    parser.add_argument(
        "--seed",
        type=int,
        default=random.randrange(1, 1 << 31),
        help="of what is tried [random]",
    )
    arguments = parser.parse_args()
    chosen = arguments.targets or [target for target, features in known.items() if not features]
    unknown = sorted(set(chosen) - set(known))
    if unknown:
        parser.error(f"no target {', '.join(unknown)}; there are {', '.join(known)}")
    folder = build(chosen, {feature for target in chosen for feature in known[target]})
    memory = Path("/dev/shm")
    shared = memory if memory.is_dir() and shutil.disk_usage(memory).free > 1 << 30 else None
    OUT.mkdir(parents=True, exist_ok=True)
    print(f"seed {arguments.seed}\n")
    print(
        "| target | executions | edges | features | corpus | finds |\n| --- | ---: | ---: | ---: | ---: | ---: |"
    )
    found: list[Path] = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for figures in pool.map(
            lambda target: run(folder / target, arguments.seconds, arguments.seed, shared), chosen
        ):
            numbers = [
                figures.executions,
                figures.edges,
                figures.features,
                figures.corpus,
                len(figures.finds),
            ]
            print(
                f"| {figures.target} | {' | '.join(f'{number:,}' for number in numbers)} |",
                flush=True,
            )
            found += figures.finds
    for path in found:
        log = OUT / f"{path.name.split('-')[0]}.log"
        print(
            f"found: {path.relative_to(ROOT)}; the end of {log.relative_to(ROOT)}:\n{log.read_text('utf-8', 'replace')[-4000:]}"
        )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
