"""Draw certificates.svg from table.json: the worst class's certificate of each split beside the
measured error.

    python3 figures/class-mean-head/figure.py
"""

import json
import pathlib

HERE = pathlib.Path(__file__).parent
WIDTH, LEFT, RIGHT, ROW, TOP = 900, 330, 30, 88, 96
MARKS = [
    ("T7, trained on all images", "#d55e00", "triangle"),
    ("held out (T5'), trained without T", "#0072b2", "square"),
    ("test error of T7's head, with interval", "#5a5a5a", "circle"),
    ("floor of any bound (T4)", "#009e73", "tick"),
]


def x(share: float) -> float:
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def mark(kind: str, at: float, y: float, colour: str) -> str:
    if kind == "triangle":
        return f'<path d="M{at - 7:.1f} {y + 6:.1f}h14l-7 -13z" fill="{colour}"/>'
    if kind == "square":
        return f'<rect x="{at - 5.5:.1f}" y="{y - 5.5:.1f}" width="11" height="11" fill="{colour}"/>'
    if kind == "tick":
        return f'<path d="M{at:.1f} {y - 30:.1f}v60" stroke="{colour}" stroke-width="3"/>'
    return f'<circle cx="{at:.1f}" cy="{y:.1f}" r="5.5" fill="{colour}"/>'


def main() -> None:
    table = json.loads((HERE / "table.json").read_text())
    rows = table["rows"]
    bottom = TOP + ROW * len(rows)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {bottom + 66}" font-family="DejaVu Sans, sans-serif" font-size="15">',
        f'<rect width="{WIDTH}" height="{bottom + 66}" fill="#ffffff"/>',
        '<text x="20" y="30" font-size="19" font-weight="bold">A certificate of the worst of ten classes from training images</text>',
    ]
    for n, (label, colour, kind) in enumerate(MARKS):
        px, py = 20 + 420 * (n % 2), 54 + 22 * (n // 2)
        symbol = mark(kind, px + 8, py - 5, colour) if kind != "tick" else f'<path d="M{px + 8} {py - 14}v18" stroke="{colour}" stroke-width="3"/>'
        out.append(f'{symbol}<text x="{px + 24}" y="{py}">{label}</text>')
    for tick in range(0, 101, 20):
        px = x(tick / 100)
        out.append(f'<path d="M{px:.1f} {TOP}V{bottom}" stroke="#e4e4e4"/>')
        out.append(f'<text x="{px:.1f}" y="{bottom + 22}" text-anchor="middle">{tick}</text>')
    out.append(f'<text x="{x(0.5):.1f}" y="{bottom + 50}" text-anchor="middle">error of the worst class (%), δ = {table["delta"]}</text>')
    for n, row in enumerate(rows):
        middle = TOP + ROW * (n + 0.5)
        data, _, classes = row["data"].partition(":")
        name = f"{data}, ten classes" if classes else data
        out.append(f'<text x="20" y="{middle - 14:.1f}" font-weight="bold">{name}</text>')
        out.append(f'<text x="20" y="{middle + 6:.1f}">{row["features"].replace(" (ImageNet), 96 px", "")}</text>')
        out.append(f'<text x="20" y="{middle + 26:.1f}" fill="#5a5a5a">{row["images_per_class"]} images a class</text>')
        out.append(mark("tick", x(row["floor"]), middle, MARKS[3][1]))
        for k, split in enumerate(row["splits"]):
            y = middle + 26 * (k - 1)
            lower, upper = split["test"]["worst_interval"]
            out.append(f'<path d="M{x(lower):.1f} {y:.1f}H{x(upper):.1f}" stroke="{MARKS[2][1]}" stroke-width="2"/>')
            out.append(mark("circle", x(split["test"]["worst"]), y, MARKS[2][1]))
            out.append(mark("square", x(split["held_out_worst"]), y, MARKS[1][1]))
            out.append(mark("triangle", x(split["certificate_worst"]), y, MARKS[0][1]))
        if n:
            out.append(f'<path d="M20 {TOP + ROW * n}H{WIDTH - RIGHT}" stroke="#d9d9d4"/>')
    out.append(f'<path d="M{LEFT} {TOP}V{bottom}H{WIDTH - RIGHT}" fill="none" stroke="#222222" stroke-width="1.4"/></svg>')
    (HERE / "certificates.svg").write_text("\n".join(out) + "\n")


if __name__ == "__main__":
    main()
