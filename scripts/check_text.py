"""Checks text: its width, how public Rust docs begin, and how norms are written.

Markdown, doc comments of Rust, and docstrings and comments of Python have at most 100 columns.
Tables and code blocks are left out, in Markdown headings and lines that are one link or one word,
too, and files that a program writes; in Python comments for tools. Docs of modules, of public
items, of the variants of public enums with their fields, and of the arguments of programs begin
with a verb or a noun. A norm is ‖M‖₂. Prints every line that is not so; exit code 1 if there is
one.
"""

from __future__ import annotations

import ast
import io
import re
import subprocess
import sys
import tokenize
import unicodedata
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WIDTH = 100
# Written by programs.
GENERATED = re.compile(r"figures/(.*/)?(table|correlations|evidence)\.md|tests/fixtures/.*")
LINK = re.compile(r"\s*([-*] )?(!?\[[^\]]*\]\([^)]*\)|<?https?://\S+>?)[.,;:]?\s*")

# Neither verbs nor nouns.
NOT_FIRST = re.compile(
    r"(?:As|At|By|For|From|How|If|In|Of|On|To|What|When|Where|Whether|Which|Why|With)\b",
    re.IGNORECASE,
)
PUBLIC = re.compile(r"\s*pub (?!use\b)")
OPENS_PUBLIC = re.compile(r"\s*pub (?:enum|trait) ")
OPENS_VARIANT = re.compile(r"\s*[A-Z]\w* \{$")
# Comments that tools read, which cannot be wrapped.
FOR_TOOLS = re.compile(r"# (type: ignore|noqa)")
NORM = re.compile(r"\|\|[^|\s](?:[^|]*[^|\s])?\|\|")


def columns(line: str) -> int:
    """Counts the columns that a line takes: combining marks stand on the letter before them."""
    return sum(not unicodedata.combining(character) for character in line)


def tracked(pattern: str) -> list[str]:
    """Lists the files under version control whose names match, in order."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", pattern]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout
    return sorted(name for name in listed.split("\0") if name and (ROOT / name).is_file())


def prose(lines: list[str]) -> Iterator[tuple[int, str]]:
    """Yields the numbered lines of a Markdown file that are neither code nor table."""
    fence = ""
    after_blank = False
    in_code = False
    for number, line in enumerate(lines, 1):
        mark = re.match(r"\s*(```+|~~~+)", line)
        if mark and not fence:
            fence = mark[1]
        elif mark and mark[1].startswith(fence):
            fence = ""
        elif not fence and line.strip():
            in_code = line.startswith("    ") and (after_blank or in_code)
            if not in_code and not line.lstrip().startswith(("|", "#", "<!--")):
                yield number, line
        after_blank = not line.strip()


def norm_problems(name: str, number: int, line: str) -> Iterator[str]:
    """Yields a norm between pairs of bars."""
    norm = NORM.search(line)
    if norm:
        yield f"{name}:{number}: {norm[0]} is ‖{norm[0][2:-2]}‖"


def markdown_problems(name: str) -> Iterator[str]:
    """Yields the lines of a Markdown file that are too wide."""
    if GENERATED.fullmatch(name):
        return
    for number, line in prose((ROOT / name).read_text().splitlines()):
        yield from norm_problems(name, number, line)
        alone = LINK.fullmatch(line) or " " not in line.strip()
        if columns(line) > WIDTH and not alone:
            yield f"{name}:{number}: {columns(line)} columns, at most {WIDTH}"


def indent(line: str) -> int:
    """Counts the spaces before a line's text."""
    return len(line) - len(line.lstrip(" "))


def parent(lines: list[str], at: int) -> int | None:
    """Finds the line that opens the block around a line; `None` at the top of the file."""
    before = range(at - 1, -1, -1)
    code = (n for n in before if lines[n].strip() and not lines[n].lstrip().startswith(("//", "#")))
    return next((n for n in code if indent(lines[n]) < indent(lines[at])), None)


def documents_public(lines: list[str], at: int) -> bool:
    """Tells whether the doc comment that begins at a line is of something public."""
    mark = lines[at].lstrip()[:3]
    if mark == "//!":
        return True
    item = at
    while item < len(lines) and lines[item].lstrip().startswith(mark):
        item += 1
    attributes = item
    depth = 0
    while item < len(lines) and (depth > 0 or lines[item].lstrip().startswith("#[")):
        depth += lines[item].count("[") - lines[item].count("]")
        item += 1
    if item < len(lines) and PUBLIC.match(lines[item]):
        return True
    if any("#[arg(" in line for line in lines[attributes:item]):
        return True
    outer = parent(lines, at)
    if outer is not None and OPENS_VARIANT.match(lines[outer]):
        outer = parent(lines, outer)
    return outer is not None and OPENS_PUBLIC.match(lines[outer]) is not None


def rust_problems(name: str) -> Iterator[str]:
    """Yields the doc comments of a Rust file that are too wide or not as said."""
    lines = (ROOT / name).read_text().splitlines()
    within = in_code = False
    for at, line in enumerate(lines):
        comment = re.match(r"\s*//[/!](.*)", line)
        if comment:
            text = comment[1].lstrip()
            in_code = (in_code and within) != text.startswith("```")
            is_code = in_code or comment[1].startswith("     ")
            if columns(line) > WIDTH and not is_code and not text.startswith("|"):
                yield f"{name}:{at + 1}: {columns(line)} columns, at most {WIDTH}"
            yield from norm_problems(name, at + 1, text)
            first = NOT_FIRST.match(text)
            if first and not within and documents_public(lines, at):
                yield f"{name}:{at + 1}: begins with {first[0]!r}, neither a verb nor a noun"
        within = comment is not None


def documented(text: str) -> Iterator[int]:
    """Yields the numbers of a Python file's lines with a comment or with prose of a docstring."""
    lines = text.splitlines()
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Expr(value=ast.Constant(value=str())):
                within = lines[node.lineno - 1 : node.end_lineno]
                for number, _ in prose([line[node.col_offset :] for line in within]):
                    yield node.lineno - 1 + number
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT and not FOR_TOOLS.match(token.string):
            yield token.start[0]


def python_problems(name: str) -> Iterator[str]:
    """Yields the docstrings and comments of a Python file that are too wide."""
    text = (ROOT / name).read_text()
    for number in sorted(set(documented(text))):
        line = text.splitlines()[number - 1]
        yield from norm_problems(name, number, line)
        if columns(line) > WIDTH:
            yield f"{name}:{number}: {columns(line)} columns, at most {WIDTH}"


CHECKS = {
    "*.md": markdown_problems,
    "*.rs": rust_problems,
    "*.py": python_problems,
    "*.pyi": python_problems,
}


def main() -> int:
    """Prints every problem; 1 if there is one."""
    files = ((name, check) for pattern, check in CHECKS.items() for name in tracked(pattern))
    problems = [problem for name, check in files for problem in check(name)]
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
