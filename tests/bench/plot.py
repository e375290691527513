#!/usr/bin/python3
"""Draws fault latency against the number of lifts, predicted and measured, from the bench's JSON:

    tests/bench/bench.py lifts --json figures.json && tests/bench/plot.py figures.json > latency.svg
"""

import json
import math
import sys

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 640, 360, 64, 40, 150, 48
SERIES = [("predicted_ms", "predicted, at most", "#b33", "6 4"), ("max_ms", "measured, longest", "#236", ""),
          ("median_ms", "measured, median", "#38a", "")]


def position(lifts, ms, most):
    """Both axes are logarithmic."""
    x = LEFT + math.log2(lifts) / 6 * (WIDTH - LEFT - RIGHT)
    y = HEIGHT - BOTTOM - (math.log10(ms) - 1) / (math.log10(most) - 1) * (HEIGHT - TOP - BOTTOM)
    return x, y


def text(x, y, words, anchor="middle", color="#333"):
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" fill="{color}">{words}</text>'


def main():
    by_lifts = json.load(open(sys.argv[1]))["lifts"]["by_lifts"]
    points = [(int(lifts), figures) for lifts, figures in by_lifts.items()]
    most = 10 ** math.ceil(math.log10(max(value for _, figures in points for value in figures.values())))
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
             'font-size="12">', f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
             text(LEFT, 20, "From the fault to the operator: one bus of generic-ba at 9600 8N1, milliseconds", "start")]
    for power in range(1, round(math.log10(most)) + 1):
        x, y = position(1, 10 ** power, most)
        parts += [f'<line x1="{x:.0f}" y1="{y:.0f}" x2="{WIDTH - RIGHT}" y2="{y:.0f}" stroke="#ddd"/>',
                  text(x - 8, y + 4, f"{10 ** power:,}", "end")]
    for lifts, _ in points:
        x, y = position(lifts, 10, most)
        parts.append(text(x, y + 18, lifts))
    parts.append(text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, "lifts on the bus"))
    for key, name, color, dash in SERIES:
        line = [position(lifts, figures[key], most) for lifts, figures in points]
        parts.append(f'<polyline fill="none" stroke="{color}" stroke-width="2" stroke-dasharray="{dash}" points="'
                     + " ".join(f"{x:.1f},{y:.1f}" for x, y in line) + '"/>')
        parts.append(text(line[-1][0] + 8, line[-1][1] + 4, name, "start", color))
    print("\n".join(parts + ["</svg>"]))


if __name__ == "__main__":
    main()
