"""Checks the walls of the workspace: which crate may need which, no circle between files, no giant
file or function, no library that prints.

Run by `make lint`. It reads manifests and `use` paths; code in `#[cfg(test)]` is left out.
"""

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CORE = "car-spectral"
# What each crate may need of the others; an optional need is behind a feature.
ARROWS: dict[str, tuple[str, set[str]]] = {
    CORE: (".", set()),
    "car-spectral-formats": ("formats", {CORE}),
    "car-spectral-data": ("data", {CORE, "car-spectral-formats"}),
    "car-spectral-runs": ("runs", {CORE, "car-spectral-formats", "car-spectral-data"}),
    "car-spectral-training": (
        "training",
        {CORE, "car-spectral-formats", "car-spectral-data", "car-spectral-runs"},
    ),
    "car-spectral-analysis": (
        "analysis",
        {CORE, "car-spectral-formats", "car-spectral-data", "car-spectral-runs"},
    ),
    "car-spectral-python": (
        "python",
        {CORE, "car-spectral-formats", "car-spectral-analysis"},
    ),
    "proofs-checks": ("proofs-checks", {CORE}),
}
OPTIONAL = {"car-spectral-analysis": {"car-spectral-training", "tch", "torch-sys"}}
LIBTORCH = {"tch", "torch-sys"}
WITH_LIBTORCH = {"car-spectral-training"}
# Tests of all crates together, with libtorch; nothing needs them.
TEST_CRATES = {"tests"}
# Built by maturin.
EXTENSION_MODULE = {"car-spectral-python"}
# Only there may a crate print; what proofs-checks prints is its evidence.
PRINTING = {"bin", "programs", "terminal.rs", "proofs-checks"}
# These alone read no file: a release build of every other crate checks that no number overflows.
READING_NOTHING = {CORE, "proofs-checks"}
LONGEST_FILE = 500
LONGEST_FUNCTION = 80


def needs_of(manifest: Path) -> Iterator[tuple[str, object]]:
    """Yields what a manifest needs: to run, to build and to test, everywhere and on one platform.
    """
    content = tomllib.loads(manifest.read_text())
    for sections in [content, *content.get("target", {}).values()]:
        for kind in ("dependencies", "dev-dependencies", "build-dependencies"):
            yield from sections.get(kind, {}).items()


def dependency_problems() -> Iterator[str]:
    """Yields dependencies without a line of docs/dependencies.md, and lines without a dependency.
    """
    page = ROOT / "docs" / "dependencies.md"
    rows = [line.split("|")[1] for line in page.read_text().splitlines() if line.startswith("| `")]
    told = {name for row in rows for name in re.findall("`([^`]+)`", row)}
    needed: set[str] = set()
    manifests = ["Cargo.toml", *(f"{folder}/Cargo.toml" for folder, _ in ARROWS.values()), "tests/Cargo.toml"]
    for manifest in manifests:
        needed |= {name for name, _ in needs_of(ROOT / manifest)}
    needed = {name for name in needed if not name.startswith(CORE) and name not in ARROWS}
    for name in sorted(needed - told):
        yield f"docs/dependencies.md: no line says why {name} is there"
    for name in sorted(told - needed):
        yield f"docs/dependencies.md: {name} is in no manifest"


def manifest_problems() -> Iterator[str]:
    """Yields needs that no arrow allows, and libtorch where it must not be."""
    workspace = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]
    light = {str(Path(member)) for member in workspace["default-members"]}
    folders = {folder for folder, _ in ARROWS.values()} | TEST_CRATES
    for folder in {str(Path(member)) for member in workspace["members"]} - folders:
        yield f"Cargo.toml: scripts/check_structure.py does not know {folder}"
    for crate, (folder, allowed) in ARROWS.items():
        features = tomllib.loads((ROOT / folder / "Cargo.toml").read_text()).get("features", {})
        if folder in light and "torch" in features.get("default", []):
            yield f"{folder}/Cargo.toml: the feature torch is on by default"
        for name, need in needs_of(ROOT / folder / "Cargo.toml"):
            if isinstance(need, dict) and "torch" in need.get("features", []) and crate not in WITH_LIBTORCH:
                yield f"{folder}/Cargo.toml: {name} with the feature torch"
            optional = isinstance(need, dict) and need.get("optional", False)
            if optional and name in OPTIONAL.get(crate, set()):
                continue
            if name in LIBTORCH and crate not in WITH_LIBTORCH:
                yield f"{folder}/Cargo.toml: {name} only behind a feature of analysis, or in training"
            if (name.startswith(CORE) or name in ARROWS) and name not in allowed | {crate}:
                yield f"{folder}/Cargo.toml: no arrow from {crate} to {name}"
        if (crate in WITH_LIBTORCH | EXTENSION_MODULE) == (folder in light):
            yield f"Cargo.toml: default-members are the crates without libtorch and Python; see {folder}"


def profile_problems() -> Iterator[str]:
    """Yields crates that read files and do not check for overflow in a release build."""
    release = tomllib.loads((ROOT / "Cargo.toml").read_text())["profile"]["release"]["package"]
    checked = {name for name, settings in release.items() if settings.get("overflow-checks")}
    for crate in sorted(ARROWS.keys() - READING_NOTHING - checked):
        yield f"Cargo.toml: {crate} reads files, and is without overflow-checks in [profile.release.package]"


def without_tests(text: str) -> str:
    """Cuts modules under `#[cfg(test)]` out of a file, keeping its lines."""
    lines = text.split("\n")
    kept: list[str] = []
    at = 0
    while at < len(lines):
        is_test = lines[at].strip() == "#[cfg(test)]"
        if is_test and at + 1 < len(lines) and re.match(r"\s*(pub\S* )?mod \w+ \{", lines[at + 1]):
            indent = len(lines[at]) - len(lines[at].lstrip())
            end = at + 2
            while end < len(lines) and lines[end] != " " * indent + "}":
                end += 1
            kept.extend([""] * (end + 1 - at))
            at = end + 1
        elif is_test:
            kept.extend(["", ""])
            at += 2
        else:
            kept.append(lines[at])
            at += 1
    return "\n".join(kept)


def module_of(path: Path, source: Path) -> tuple[str, ...]:
    """Gives the path of modules that a file is."""
    parts = list(path.relative_to(source).with_suffix("").parts)
    return tuple(parts[:-1] if parts[-1] in ("mod", "lib", "main") else parts)


def expanded(path: str) -> Iterator[list[str]]:
    """Splits a `use` path with braces into whole paths."""
    match = re.match(r"([^{]*)\{(.*)\}$", path, re.S)
    if not match:
        yield [part.split(" as ")[0].strip() for part in path.split("::")]
        return
    depth, start, inner = 0, 0, match[2]
    for at, character in enumerate([*inner, ","]):
        depth += {"{": 1, "}": -1}.get(character, 0)
        if character == "," and depth == 0:
            piece = inner[start:at].strip()
            start = at + 1
            if piece:
                yield from expanded(match[1].strip() + piece)


def uses(text: str, module: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yields the paths below the crate's root that a file names in its `use` lines and expressions.
    """
    code = re.sub(r"//.*", "", text)
    found = [match[2] for match in re.finditer(r"^\s*(pub(?:\([^)]*\))? )?use ([^;]+);", code, re.M)]
    found += re.findall(r"(?<![\w:])((?:crate|super)(?:::\w+)+)", re.sub(r"^\s*(pub\S* )?use [^;]+;", "", code, flags=re.M))
    children = set(re.findall(r"^\s*(?:pub(?:\([^)]*\))? )?mod (\w+);", code, re.M))
    found += re.findall(r"(?<![\w:])(\w+(?:::\w+)+)", re.sub(r"^\s*pub\S* use [^;]+;", "", code, flags=re.M))
    for path in found:
        for parts in expanded(re.sub(r"\s+", " ", path)):
            if parts[0] in children:
                yield (*module, *parts)
            elif parts[0] == "crate":
                yield tuple(parts[1:])
            elif parts[0] in ("super", "self"):
                base = list(module)
                while parts and parts[0] in ("super", "self"):
                    if parts[0] == "super":
                        base = base[:-1]
                    parts = parts[1:]
                yield tuple(base + parts)


def graph(source: Path) -> dict[Path, set[Path]]:
    """Maps each file of a crate to the files it names, looked up through re-exports."""
    files = {
        module_of(path, source): path
        for path in sorted(source.rglob("*.rs"))
        if "tests" not in path.stem and "bin" not in path.relative_to(source).parts
    }
    for module, path in list(files.items()):
        for name in re.findall(r"#\[cfg\(test\)\]\s*(?:pub\S* )?mod (\w+);", path.read_text()):
            files.pop((*module, name), None)
    texts = {module: without_tests(path.read_text()) for module, path in files.items()}
    exports: dict[tuple[str, ...], dict[str, tuple[str, ...]]] = {}
    for module, text in texts.items():
        exports[module] = {}
        for match in re.finditer(r"^\s*pub(?:\([^)]*\))? use ([^;]+);", re.sub(r"//.*", "", text), re.M):
            for parts in expanded(re.sub(r"\s+", " ", match[1])):
                if parts[0] == "crate":
                    exports[module][parts[-1]] = tuple(parts[1:])
                elif parts[0] not in ("super", "self"):
                    exports[module][parts[-1]] = (*module, *parts)
        # `pub type Result<T> = std::result::Result<T, OwnError>` is of the file of the error.
        for alias, meaning in re.findall(r"^\s*pub(?:\([^)]*\))? type (\w+)[^=;]*=([^;]+);", text, re.M):
            for word in re.findall(r"\b[A-Z]\w+", meaning):
                if word in exports[module]:
                    exports[module].setdefault(alias, exports[module][word])

    def file_of(path: tuple[str, ...], depth: int = 0) -> Path | None:
        deepest = next((n for n in range(len(path), -1, -1) if path[:n] in files), 0)
        rest = path[deepest:]
        target = exports.get(path[:deepest], {}).get(rest[0]) if rest else None
        if target and depth < 5:
            return file_of((*target, *rest[1:]), depth + 1)
        return files.get(path[:deepest])

    edges: dict[Path, set[Path]] = {}
    for module, text in texts.items():
        own = files[module]
        named = {file_of(path) for path in uses(text, module)}
        # A module's table of contents names its files; that is no need.
        children = {path for other, path in files.items() if other[: len(module)] == module}
        is_table = own.stem in ("mod", "lib")
        edges[own] = {path for path in named if path and path != own and not (is_table and path in children)}
    return edges


def circles(edges: dict[Path, set[Path]]) -> Iterator[list[Path]]:
    """Yields one circle for each file that needs itself over others."""
    done: set[Path] = set()
    for start in edges:
        stack, seen = [(start, [start])], set[Path]()
        while stack:
            at, way = stack.pop()
            for following in sorted(edges.get(at, set())):
                if following == start and not done & set(way):
                    done.update(way)
                    yield way
                elif following not in seen:
                    seen.add(following)
                    stack.append((following, [*way, following]))


def members(source: Path, edges: dict[Path, set[Path]]) -> Iterator[dict[Path, set[Path]]]:
    """Yields, for each folder, which of its files and folders need which; a crate's error may
    gather those below it.
    """
    for folder in [source, *(path for path in source.rglob("*") if path.is_dir())]:

        def member(path: Path, folder: Path = folder) -> Path | None:
            if not path.is_relative_to(folder):
                return None
            name = path.relative_to(folder).parts[0]
            return None if Path(name).stem in ("mod", "lib", "main", "error") else folder / name

        needs: dict[Path, set[Path]] = {}
        for path, named in edges.items():
            own = member(path)
            if own:
                needs.setdefault(own, set()).update(m for other in named if (m := member(other)) and m != own)
        yield needs


def size_problems(source: Path) -> Iterator[str]:
    """Yields files and functions that are too long, tests left out."""
    for path in sorted(source.rglob("*.rs")):
        if "tests" in path.stem:
            continue
        lines = without_tests(path.read_text()).rstrip().split("\n")
        name = path.relative_to(ROOT)
        if len(lines) > LONGEST_FILE:
            yield f"{name}: {len(lines)} lines without tests, at most {LONGEST_FILE}"
        for at, line in enumerate(lines):
            match = re.match(r"( *)(?:pub(?:\([^)]*\))? )?(?:const )?(?:unsafe )?fn (\w+)", line)
            if match and not line.endswith(";"):
                end = next((n for n in range(at, len(lines)) if lines[n] == match[1] + "}"), at)
                if end - at + 1 > LONGEST_FUNCTION:
                    yield f"{name}: {match[2]} has {end - at + 1} lines, at most {LONGEST_FUNCTION}"


def printing_problems(source: Path) -> Iterator[str]:
    """Yields files of a library that write to the terminal."""
    for path in sorted(source.rglob("*.rs")):
        name = path.relative_to(ROOT)
        if "tests" in path.stem or PRINTING & set(name.parts):
            continue
        for at, line in enumerate(without_tests(path.read_text()).split("\n"), 1):
            if re.search(r"\be?print(ln)?!|\bterminal::|\bindicatif::", line.split("//")[0]):
                yield f"{name}:{at}: prints, which is for programs"


def main() -> int:
    """Prints every problem; 1 if there is one."""
    problems = [*manifest_problems(), *dependency_problems(), *profile_problems()]
    for folder, _ in ARROWS.values():
        source = ROOT / folder / "src"
        edges = graph(source)
        found = {tuple(circle) for needs in (edges, *members(source, edges)) for circle in circles(needs)}
        for circle in sorted(found):
            names = " -> ".join(str(path.relative_to(source)) for path in [*circle, circle[0]])
            problems.append(f"{folder}/src: a circle, {names}")
        problems.extend([*size_problems(source), *printing_problems(source)])
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
