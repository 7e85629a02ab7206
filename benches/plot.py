"""Draw what the bench `scaling` prints: plot.py TABLE.txt PICTURE.svg"""

import math
import sys
from pathlib import Path

INK, MUTED, GRID = "#222222", "#5a5a5a", "#e4e4e4"
WIDTH, HEIGHT = 1200, 500
# Left, top, width and height of the panels.
PANELS = [(90, 70, 460, 350), (690, 70, 460, 350)]


def read(table):
    rows = [line.split() for line in Path(table).read_text().splitlines()]
    rows = [row for row in rows if len(row) == 6 and row[1].isdigit()]
    return [(what, int(k), int(n), float(seconds)) for what, k, n, seconds, _, _ in rows]


def curves(rows):
    """Gives the curves (name, colour, shape, points) of both panels, against K and against N."""
    each = [(k, seconds / n) for what, k, n, seconds in rows if what == "counting"]
    norms = {
        kind: [(k, seconds) for what, k, _, seconds in rows if what == f"norm-{kind}"] for kind in ("dense", "sparse")
    }
    of_many = {
        classes: [(n, seconds) for what, k, n, seconds in rows if what == "counted-N" and k == classes]
        for classes in (100, 1000)
    }
    return [
        [
            ("counting, a sample", "#0045df", "circle", each),
            ("certified norm, dense", "#8d1700", "square", norms["dense"]),
            ("certified norm, sparse", "#e47020", "triangle", norms["sparse"]),
        ],
        [
            ("counting, K = 1000", "#5d1d86", "square", of_many[1000]),
            ("counting, K = 100", "#197c47", "circle", of_many[100]),
        ],
    ]


def text(x, y, words, size=20, anchor="start", fill=INK, more=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="{fill}"{more}>{words}</text>'


def marker(shape, x, y, colour):
    if shape == "circle":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="6" fill="{colour}"/>'
    if shape == "square":
        return f'<rect x="{x - 5.5:.1f}" y="{y - 5.5:.1f}" width="11" height="11" fill="{colour}"/>'
    corners = " ".join(f"{x + a:.1f},{y + b:.1f}" for a, b in ((0, -7), (6.5, 5), (-6.5, 5)))
    return f'<polygon points="{corners}" fill="{colour}"/>'


def seconds(power):
    names = {-9: "1 ns", -8: "10 ns", -7: "100 ns", -6: "1 µs", -5: "10 µs", -4: "100 µs", -3: "1 ms", -2: "10 ms"}
    return names.get(power) or f"{10**power:g} s"


def number(power):
    return f"{10**power:,}"


def panel(box, title, across, lines):
    left, top, width, height = box
    places = [[value for *_, points in lines for value in (point[axis] for point in points)] for axis in (0, 1)]
    (x0, x1), (y0, y1) = (
        (math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))) for values in places
    )
    at_x = lambda value: left + width * (math.log10(value) - x0) / (x1 - x0)
    at_y = lambda value: top + height * (y1 - math.log10(value)) / (y1 - y0)
    yield text(left, top - 22, title, more=' font-weight="bold"')
    for power in range(x0, x1 + 1):
        x = at_x(10**power)
        yield f'<line x1="{x:.1f}" y1="{top}" x2="{x:.1f}" y2="{top + height}" stroke="{GRID}"/>'
        yield text(x, top + height + 26, number(power), 16, "middle", MUTED)
    for power in range(y0, y1 + 1):
        y = at_y(10.0**power)
        yield f'<line x1="{left}" y1="{y:.1f}" x2="{left + width}" y2="{y:.1f}" stroke="{GRID}"/>'
        yield text(left - 10, y + 6, seconds(power), 16, "end", MUTED)
    yield text(left + width, top + height + 54, across, 18, "end")
    for at, (name, colour, shape, points) in enumerate(lines):
        path = " ".join(f"{at_x(x):.1f},{at_y(y):.1f}" for x, y in points)
        yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2.5"/>'
        yield from (marker(shape, at_x(x), at_y(y), colour) for x, y in points)
        y = top + 24 + 26 * at
        yield marker(shape, left + 20, y - 6, colour)
        yield text(left + 36, y, name, 17)


def main():
    table, picture = sys.argv[1:]
    against_k, against_n = curves(read(table))
    title = "Time of counting a sample and of the certified norm against the number of classes"
    shapes = [
        *panel(PANELS[0], "One thread, against the classes", "classes K", against_k),
        *panel(PANELS[1], "Counting, against the samples", "samples N", against_n),
    ]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'role="img" aria-label="{title}" font-family="\'DejaVu Sans\', Verdana, Arial, sans-serif">'
    )
    paper = f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>'
    Path(picture).write_text("\n".join([head, paper, *shapes, "</svg>", ""]), encoding="utf-8")


if __name__ == "__main__":
    main()
