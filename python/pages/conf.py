"""Pages of the Python package, made of docs/ and the docstrings: `make docs` at the root."""

import re
from pathlib import Path

import car_spectral

project = "car-spectral"
version = release = car_spectral.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
html_theme = "furo"
html_title = f"car-spectral {version} for Python"
html_copy_source = False
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_default_options = {"members": True}
default_role = "code"
# Files of the repository that are pages.
PAGES = {"python.md": "use.md", "far.md": "far.md"}


def _read(app: object, page: str, source: list[str]) -> None:
    """Put the text in that a page names, its links sent to the pages; of other links the words."""

    def link(match: re.Match[str]) -> str:
        words, target = match.groups()
        if target.startswith(("http", "#")):
            return match[0]
        file, mark, place = target.rpartition("/")[2].partition("#")
        return f"[{words}]({PAGES[file]}{mark}{place})" if file in PAGES else words

    def text(match: re.Match[str]) -> str:
        content = (Path(__file__).parents[2] / match[1]).read_text()
        return re.sub(r"\[([^\]]*)\]\(([^)\s]+)\)", link, content)

    source[0] = re.sub(r"^% Its text is (.*)\.$", text, source[0], flags=re.M)


def setup(app: object) -> None:
    """Look at pages before they are parsed."""
    app.connect("source-read", _read)  # type: ignore[attr-defined]
