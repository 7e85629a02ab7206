"""Checks the width of text: Markdown at most 100 columns, Rust doc comments at most 120.

In Markdown, tables, code blocks, headings and lines that are one link or one word are left out, and
so are files that a program writes. Prints every line that is too wide; exit code 1 if there is one.
"""

from __future__ import annotations

import re
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MARKDOWN_WIDTH = 100
RUST_WIDTH = 120
# Written by programs.
GENERATED = re.compile(r"figures/(.*/)?(table|correlations|evidence)\.md|tests/fixtures/.*")
LINK = re.compile(r"\s*([-*] )?(!?\[[^\]]*\]\([^)]*\)|<?https?://\S+>?)[.,;:]?\s*")


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


def markdown_problems(name: str) -> Iterator[str]:
    """Yields the lines of a Markdown file that are too wide."""
    if GENERATED.fullmatch(name):
        return
    for number, line in prose((ROOT / name).read_text().splitlines()):
        alone = LINK.fullmatch(line) or " " not in line.strip()
        if columns(line) > MARKDOWN_WIDTH and not alone:
            yield f"{name}:{number}: {columns(line)} columns, at most {MARKDOWN_WIDTH}"


def rust_problems(name: str) -> Iterator[str]:
    """Yields the doc comments of a Rust file that are too wide, tables left out."""
    for number, line in enumerate((ROOT / name).read_text().splitlines(), 1):
        comment = re.match(r"\s*//[/!](.*)", line)
        if comment and columns(line) > RUST_WIDTH and not comment[1].lstrip().startswith("|"):
            yield f"{name}:{number}: {columns(line)} columns, at most {RUST_WIDTH}"


def main() -> int:
    """Prints every problem; 1 if there is one."""
    problems = [problem for name in tracked("*.md") for problem in markdown_problems(name)]
    problems += [problem for name in tracked("*.rs") for problem in rust_problems(name)]
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
