"""Learning curves as pictures in SVG: success on validation over the CPU time of RL."""

from collections.abc import Mapping

from benchmarks.site.markup import Html, escape, join, tag
from benchmarks.site.runs import Curve

WIDTH, HEIGHT = 640, 260
LEFT, RIGHT, TOP, BOTTOM = 60, 32, 14, 52
COLOURS = 6
"""Classes line-0, line-1, ... that the style has; further lines begin again."""


def chart(curves: Mapping[str, Curve], what: str) -> Html:
    """Returns a figure of named curves with a legend; nothing where no curve has a point.

    Args:
        what: of what they are, for those who cannot see it.
    """
    curves = {name: points for name, points in curves.items() if points}
    if not curves:
        return Html()
    most = max(x for points in curves.values() for x, _ in points) or 1.0
    lines = [_line(number, name, points, most) for number, (name, points) in enumerate(curves.items())]
    label = f"Learning curves of {what}: success on validation over CPU minutes of RL"
    picture = tag("svg", *_axes(most), *lines, viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img", aria_label=label)
    legend = [
        tag("li", tag("span", class_=f"swatch line-{number % COLOURS}", aria_hidden="true"), tag("bdi", name),
            f" {points[-1][1]:.3f} after {points[-1][0]:.1f} min")
        for number, (name, points) in enumerate(curves.items())
    ]  # fmt: skip
    caption = "Success on the validation split, greedy, over CPU minutes of RL (imitation, if any, before 0)."
    return tag("figure", picture, tag("ul", *legend, class_="legend"), tag("figcaption", caption), class_="curves")


def _x(minutes: float, most: float) -> float:
    return round(LEFT + (WIDTH - LEFT - RIGHT) * minutes / most, 1)


def _y(success: float) -> float:
    return round(TOP + (HEIGHT - TOP - BOTTOM) * (1 - min(1.0, max(0.0, success))), 1)


def _axes(most: float) -> list[Html]:
    parts: list[Html] = []
    for success in (0, 0.25, 0.5, 0.75, 1):
        parts.append(tag("line", x1=LEFT, x2=WIDTH - RIGHT, y1=_y(success), y2=_y(success), class_="grid"))
        parts.append(tag("text", f"{success:g}", x=LEFT - 8, y=_y(success) + 4, text_anchor="end"))
    for quarter in range(5):
        minutes = most * quarter / 4
        parts.append(tag("text", f"{minutes:.3g}", x=_x(minutes, most), y=HEIGHT - BOTTOM + 20, text_anchor="middle"))
    parts.append(tag("text", "CPU minutes of RL", x=(LEFT + WIDTH - RIGHT) / 2, y=HEIGHT - 4, text_anchor="middle"))
    return parts


def _line(number: int, name: str, points: Curve, most: float) -> Html:
    placed = [(_x(x, most), _y(y)) for x, y in points]
    dots = [
        tag("circle", tag("title", f"{name}: {y:.3f} after {x:.1f} min"), cx=place[0], cy=place[1], r=3)
        for place, (x, y) in zip(placed, points, strict=True)
    ]
    path = tag("polyline", points=" ".join(f"{x},{y}" for x, y in placed))
    return tag("g", path, join(dots), class_=f"line line-{number % COLOURS}")


def interval(success: float, low: float, high: float) -> Html:
    """Returns a bar from 0 to 1 with an interval and the success in it."""
    parts = [
        tag("rect", x=0, y=5, width=100, height=4, rx=2, class_="track"),
        tag("rect", x=round(100 * low, 2), y=4, width=max(1.0, round(100 * (high - low), 2)), height=6, rx=3,
            class_="range"),
        tag("circle", cx=round(100 * success, 2), cy=7, r=3.5, class_="point"),
    ]  # fmt: skip
    label = escape(f"{success:.3f}, 95 % interval {low:.3f} to {high:.3f}")
    return tag("svg", *parts, viewBox="-4 0 108 14", class_="interval", role="img", aria_label=label)
