"""Charts by Vega-Altair, drawn as SVG when the report is made, for a wide and for a narrow screen.

The page needs no chart library then: Vega's is 0.9 MB of script that by itself makes code of text, which the
page's policy forbids. Colours are variables of the page's style, which has them for light and dark; what a
mark says as its accessible name, script.js shows as a tooltip.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import altair as alt
import vl_convert
from markupsafe import Markup

from labelmint.report.formats import count, interval, percent, rate, worth, worth_interval

Entry = Mapping[str, Any]
Layers = alt.LayerChart | alt.FacetChart
WIDE, NARROW = 900, 335
_KINDS = ["real", "mixed", "synthetic", "unlabelled", "other"]
_AXIS = {
    "labelColor": "var(--quiet)",
    "titleColor": "var(--quiet)",
    "titleFontWeight": "normal",
    "labelFontSize": 12,
    "titleFontSize": 12,
    "gridColor": "var(--line)",
    "domain": False,
    "ticks": False,
    "labelPadding": 8,
}
_CONFIG = {
    "background": "transparent",
    "font": "Helvetica, Arial, sans-serif",
    "view": {"stroke": None},
    "axis": _AXIS,
    "legend": {"labelColor": "var(--ink)", "labelFontSize": 12, "symbolSize": 90, "orient": "top"},
}
_DASHED: dict[str, Any] = {"strokeDash": [4, 4], "strokeWidth": 1.5}
_DOT: dict[str, Any] = {"filled": True, "size": 75, "opacity": 1}


def drawn(chart: Callable[[int], Layers], description: str) -> Markup:
    """Return the chart twice, for wide and narrow screens; the style shows one."""
    parts = []
    for name, width in (("wide", WIDE), ("narrow", NARROW)):
        spec = {**chart(width).to_dict(), "config": _CONFIG, "width": width}
        spec["autosize"] = {"type": "fit-x", "contains": "padding"}
        svg = vl_convert.vegalite_to_svg(spec)
        parts.append(f'<div class="chart {name}">{svg}</div>')
    figure = Markup('<div class="charts" role="group" aria-label="{}">').format(description)
    return figure + Markup("".join(parts)) + Markup("</div>")


def _data(entries: Sequence[Entry]) -> alt.Data:
    return alt.Data(values=[dict(entry) for entry in entries])  # type: ignore[no-untyped-call]


def _tip(name: str, score: Entry) -> str:
    return f"{name}: {percent(score['mean'])} ({interval(score)})"


def _bounds(score: Entry) -> dict[str, float]:
    return {"mean": score["mean"], "low": score["ci_low"], "high": score["ci_high"]}


def _colour(entries: Sequence[Entry], *, legend: bool = False) -> alt.Color:
    present = list(dict.fromkeys(entry["kind"] for entry in entries))
    domain = sorted(present, key=lambda kind: _KINDS.index(kind) if kind in _KINDS else len(_KINDS))
    # Names that are no kinds, such as those of arms, take the last kinds' colours in turn.
    colours = [kind if kind in _KINDS else _KINDS[-1 - at % 2] for at, kind in enumerate(domain)]
    scale = alt.Scale(domain=domain, range=[f"var(--{kind})" for kind in colours])
    shown = alt.Legend(title=None, symbolOpacity=1, symbolType="circle") if legend else None
    return alt.Color("kind:N", scale=scale, legend=shown)


def _share_axis(title: str) -> alt.Axis:
    return alt.Axis(format=".0%", title=title, tickCount=6)


def _log_axis(field: str, title: str, values: Sequence[float]) -> alt.X:
    """Return an axis with room on both sides in proportion, as the axis is."""
    domain = [min(values) / 1.25, max(values) * 1.25]
    ticks = [step * 10**power for power in range(9) for step in (1, 3)]
    shown = [tick for tick in ticks if domain[0] <= tick <= domain[1]]
    axis = alt.Axis(title=f"{title} (log scale)", format=",", values=shown, grid=False)
    return alt.X(f"{field}:Q", scale=alt.Scale(type="log", domain=domain, nice=False), axis=axis)


def arms_chart(entries: Sequence[Entry], metric: str) -> Markup:
    """Draw the scores of the arms with intervals, one line each."""
    rows = [
        {"name": entry["name"], "kind": entry["kind"], **_bounds(entry["score"])}
        | {"tip": _tip(entry["name"], entry["score"])}
        for entry in entries
    ]

    def chart(width: int) -> Layers:
        base, colour = alt.Chart(_data(rows)), _colour(rows)
        names = alt.Axis(title=None, labelColor="var(--ink)", labelLimit=190 if width == WIDE else 120)
        y = alt.Y("name:N", sort=[row["name"] for row in rows], axis=names)
        x = alt.X("low:Q", scale=alt.Scale(zero=False, nice=True), axis=_share_axis(metric))
        line, dot = base.mark_rule(strokeWidth=7, opacity=0.3, strokeCap="round"), base.mark_point(**_DOT)
        return alt.layer(
            line.encode(x=x, x2="high:Q", y=y, color=colour, description="tip:N"),
            dot.encode(x="mean:Q", y=y, color=colour, description="tip:N"),
            height=28 * len(rows),
        )

    return drawn(chart, f"{metric} of the arms with 95 % intervals; the table below has the numbers")


def curve_chart(curve: Sequence[Entry], main: Entry, equal: Entry | None, metric: str) -> Markup:
    """Draw the learning curves over the number of rows, and where the main arm's score meets the real one."""
    rows = [
        {key: point[key] for key in ("kind", "rows", "line")}
        | _bounds(point)
        | {"tip": _tip(f"{point['arm']}, {count(point['rows'])} rows", point)}
        for point in curve
    ]
    ends = [equal["ci_low"], equal["ci_high"]] if equal else []
    x = _log_axis("rows", "rows, real or made", [row["rows"] for row in rows] + ends)

    def chart(width: int) -> Layers:
        base = alt.Chart(_data(rows)).encode(detail="line:N")
        # The same in every layer: one without a legend would take it from all.
        colour = _colour(rows, legend=True)
        low = alt.Y("low:Q", scale=alt.Scale(zero=False, nice=True), axis=_share_axis(metric))
        layers = [
            base.mark_area(opacity=0.13).encode(x=x, y=low, y2="high:Q", color=colour),
            base.mark_rule(strokeWidth=1.5, opacity=0.55).encode(x=x, y="low:Q", y2="high:Q", color=colour),
            base.mark_line(strokeWidth=2).encode(x=x, y="mean:Q", color=colour),
            *_meeting(x, main, equal),
            base.mark_point(**_DOT).encode(x=x, y="mean:Q", color=colour, description="tip:N"),
        ]
        return alt.layer(*layers, height=320 if width == WIDE else 260)

    return drawn(chart, f"Learning curves: {metric} by number of rows, with 95 % intervals")


def _meeting(x: alt.X, main: Entry, equal: Entry | None) -> list[alt.Chart]:
    """Return the line of the main arm's score, and the real rows that reach it with their interval."""
    level = {"mean": main["mean"]}
    line = alt.Chart(_data([level])).mark_rule(color="var(--mixed)", **_DASHED).encode(y="mean:Q")
    if not equal:
        return [line]
    tip = f"scores like {worth(equal)} real labels ({worth_interval(equal)})"
    base = alt.Chart(_data([{**level, **equal, "tip": tip, "short": f"{worth(equal)} labels"}]))
    at = {"x": alt.X("rows:Q", scale=x["scale"]), "y": "mean:Q"}
    span = {"x": alt.X("ci_low:Q", scale=x["scale"]), "x2": "ci_high:Q", "y": "mean:Q"}
    rule = base.mark_rule(strokeWidth=7, opacity=0.35, color="var(--mixed)", strokeCap="round")
    mark = base.mark_point(shape="diamond", size=140, filled=True, color="var(--mixed)", opacity=1)
    text = base.mark_text(dy=-16, align="right", fontSize=12, fontWeight="bold", color="var(--mixed)")
    return [
        line,
        rule.encode(**span, description="tip:N"),
        mark.encode(**at, description="tip:N"),
        text.encode(**at, text="short:N"),
    ]


def speed_chart(entries: Sequence[Entry], metric: str) -> Markup:
    """Draw the students' scores over their speeds, and the line through those that nothing beats in both."""
    rows = [
        {"kind": entry["kind"], "speed": entry["texts_per_s"], "name": entry["arm"], **_bounds(entry)}
        # Names above and below in turn: neighbours are often close.
        | {"frontier": entry["frontier"], "above": at % 2 == 0}
        | {"tip": f"{_tip(entry['arm'], entry)}, {rate(entry['texts_per_s'])} texts/s"}
        for at, entry in enumerate(entries)
    ]
    x = _log_axis("speed", "texts per second", [row["speed"] * side for row in rows for side in (0.7, 1.4)])

    def chart(width: int) -> Layers:
        base, colour = alt.Chart(_data(rows)), _colour(rows)
        best = alt.Chart(_data([row for row in rows if row["frontier"]]))
        low = alt.Y("low:Q", scale=alt.Scale(zero=False, nice=True), axis=_share_axis(metric))
        names = [
            alt.Chart(_data([row for row in rows if row["above"] == above]))
            .mark_text(dy=-13 if above else 15, fontSize=12, color="var(--ink)")
            .encode(x=x, y="mean:Q", text="name:N")
            for above in (True, False)
        ]
        return alt.layer(
            best.mark_line(color="var(--quiet)", **_DASHED).encode(x=x, y="mean:Q"),
            base.mark_rule(strokeWidth=1.5, opacity=0.45).encode(x=x, y=low, y2="high:Q", color=colour),
            base.mark_point(**_DOT).encode(x=x, y="mean:Q", color=colour, description="tip:N"),
            *names,
            height=280,
        )

    return drawn(chart, f"{metric} and speed of the students; the table below has the numbers")


def _lines(
    rows: Sequence[Entry], x: alt.X, y: alt.Y, description: str, diagonal: Sequence[float] = ()
) -> Markup:
    """Draw a line with dots per kind: `kind`, `x`, `y`, `tip`; and the diagonal between two values."""

    def chart(_: int) -> Layers:
        base = alt.Chart(_data(rows)).encode(x=x, y=y, color=_colour(rows, legend=True))
        dots = base.mark_point(**_DOT).encode(description="tip:N")
        ends = alt.Chart(_data([{"x": end, "y": end} for end in diagonal])).encode(x=x, y=y)
        ideal = [ends.mark_line(color="var(--quiet)", **_DASHED)] if diagonal else []
        return alt.layer(*ideal, base.mark_line(strokeWidth=2), dots, height=260)

    return drawn(chart, description)


def lengths_chart(bins: Sequence[int], shares: Mapping[str, Sequence[float]]) -> Markup:
    """Draw how many of each set's texts are how long; `bins` are the edges, in words."""
    rows = [
        {"kind": kind, "x": (low + high) / 2, "y": share}
        | {"tip": f"{kind}: {percent(share)} have {low} to {high} words"}
        for kind, of_set in shares.items()
        for low, high, share in zip(bins, bins[1:], of_set, strict=False)
    ]
    x = alt.X("x:Q", axis=alt.Axis(title="words", tickCount=8))
    return _lines(rows, x, alt.Y("y:Q", axis=_share_axis("texts")), "Lengths of the texts in words")


def reliability_chart(curve: Sequence[Entry]) -> Markup:
    """Draw the accuracy over the confidence; the diagonal is what it should be."""
    rows = [
        {"kind": point["kind"], "x": point["confidence"], "y": point["accuracy"]}
        | {
            "tip": f"{point['arm']}: confidence {percent(point['confidence'])}, "
            f"right in {percent(point['accuracy'])}"
        }
        for point in curve
    ]
    lowest = int(min([0.5, *(min(row["x"], row["y"]) for row in rows)]) * 10) / 10
    scale = alt.Scale(domain=[lowest, 1], nice=False)
    x = alt.X("x:Q", scale=scale, axis=_share_axis("confidence"))
    y = alt.Y("y:Q", scale=scale, axis=_share_axis("accuracy"))
    return _lines(rows, x, y, "Reliability: accuracy by confidence", (lowest, 1))


def escalation_chart(curve: Sequence[Entry], metric: str) -> Markup:
    """Draw the score over the share of texts that the language model answers in the main arm's place."""
    rows = [
        {"kind": point["arm"], "x": point["share"], "y": point["score"]}
        | {"tip": f"{percent(point['share'])} by {point['arm']}: {percent(point['score'])}"}
        for point in curve
    ]
    x = alt.X("x:Q", axis=_share_axis("texts passed on"))
    y = alt.Y("y:Q", scale=alt.Scale(zero=False, nice=True), axis=_share_axis(metric))
    return _lines(rows, x, y, f"{metric} by the share of texts passed on")
