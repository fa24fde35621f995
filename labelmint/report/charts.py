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

from labelmint.report.formats import count, interval, percent, points, points_interval

Entry = Mapping[str, Any]
Layers = alt.LayerChart | alt.FacetChart
WIDE, NARROW = 900, 335
_KINDS = ["real", "mixed", "synthetic", "other"]
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


def drawn(chart: Callable[[int], Layers], said: str) -> Markup:
    """Return the chart twice, for wide and narrow screens; the style shows one. `said` is its description."""
    parts = []
    for name, width in (("wide", WIDE), ("narrow", NARROW)):
        spec = {**chart(width).to_dict(), "config": _CONFIG, "width": width}
        spec["autosize"] = {"type": "fit-x", "contains": "padding"}
        svg = vl_convert.vegalite_to_svg(spec)
        parts.append(f'<div class="chart {name}">{svg}</div>')
    figure = Markup('<div class="charts" role="group" aria-label="{}">').format(said)
    return figure + Markup("".join(parts)) + Markup("</div>")


def _data(entries: Sequence[Entry]) -> alt.Data:
    return alt.Data(values=[dict(entry) for entry in entries])  # type: ignore[no-untyped-call]


def _tip(name: str, score: Entry) -> str:
    return f"{name}: {percent(score['mean'])} ({interval(score)})"


def _colour(domain: Sequence[str] = _KINDS, *, legend: bool = False) -> alt.Color:
    scale = alt.Scale(domain=list(domain), range=[f"var(--{kind})" for kind in domain])
    shown = alt.Legend(title=None, symbolOpacity=1, symbolType="circle") if legend else None
    return alt.Color("kind:N", scale=scale, legend=shown)


def _percent_axis(title: str) -> alt.Axis:
    return alt.Axis(format=".0%", title=title, tickCount=6)


def arms_chart(entries: Sequence[Entry]) -> Markup:
    """Draw the accuracy of the arms with intervals, one line each."""
    rows = [
        {
            "name": entry["name"],
            "kind": entry["kind"],
            "mean": entry["accuracy"]["mean"],
            "low": entry["accuracy"].get("ci_low", entry["accuracy"]["mean"]),
            "high": entry["accuracy"].get("ci_high", entry["accuracy"]["mean"]),
            "tip": _tip(entry["name"], entry["accuracy"]),
        }
        for entry in entries
    ]

    def chart(width: int) -> Layers:
        base = alt.Chart(_data(rows))
        axis = alt.Axis(title=None, labelColor="var(--ink)", labelLimit=190 if width == WIDE else 120)
        y = alt.Y("name:N", sort=[row["name"] for row in rows], axis=axis)
        x = alt.Scale(zero=False, nice=True)
        line = base.mark_rule(strokeWidth=7, opacity=0.3, strokeCap="round").encode(
            x=alt.X("low:Q", scale=x, axis=_percent_axis("accuracy")), x2="high:Q", y=y, color=_colour()
        )
        dot = base.mark_point(filled=True, size=80, opacity=1).encode(x="mean:Q", y=y, color=_colour())
        return alt.layer(
            line.encode(description="tip:N"), dot.encode(description="tip:N"), height=28 * len(rows)
        )

    return drawn(chart, "Accuracy of the arms with 95 % intervals; the table below has the numbers")


def curve_chart(curve: Sequence[Entry], mixed: Entry | None, worth: Entry | None) -> Markup:
    """Draw the learning curves over the number of rows, and where mixed meets the real one."""
    rows = [
        {
            **{key: point[key] for key in ("kind", "rows")},
            "mean": point["mean"],
            "low": point.get("ci_low", point["mean"]),
            "high": point.get("ci_high", point["mean"]),
            "tip": _tip(f"{point['arm']}, {count(point['rows'])} rows", point),
        }
        for point in curve
    ]
    kinds = [kind for kind in _KINDS if any(row["kind"] == kind for row in rows)]
    x = _log_rows([row["rows"] for row in rows] + ([worth["ci_low"], worth["ci_high"]] if worth else []))

    def chart(width: int) -> Layers:
        base = alt.Chart(_data(rows))
        y = alt.Scale(zero=False, nice=True)
        # The same in every layer: one without a legend would take it from all.
        colour = _colour(kinds, legend=True)
        layers = [
            base.mark_area(opacity=0.13).encode(
                x=x,
                y=alt.Y("low:Q", scale=y, axis=_percent_axis("accuracy")),
                y2="high:Q",
                color=colour,
            ),
            base.mark_rule(strokeWidth=1.5, opacity=0.55).encode(x=x, y="low:Q", y2="high:Q", color=colour),
            base.mark_line(strokeWidth=2).encode(x=x, y="mean:Q", color=colour),
            *_meeting(x, mixed, worth),
            base.mark_point(filled=True, size=70, opacity=1).encode(
                x=x, y="mean:Q", color=colour, description="tip:N"
            ),
        ]
        return alt.layer(*layers, height=320 if width == WIDE else 260)

    return drawn(chart, "Learning curves: accuracy by number of rows, with 95 % intervals")


def _log_rows(ends: Sequence[float]) -> alt.X:
    """Return the axis of rows, with room on both sides in proportion, as the axis is."""
    domain = [min(ends) / 1.25, max(ends) * 1.25]
    ticks = [step * 10**power for power in range(9) for step in (1, 3)]
    shown = [tick for tick in ticks if domain[0] <= tick <= domain[1]]
    axis = alt.Axis(title="rows, real or synthetic (log scale)", format=",", values=shown, grid=False)
    return alt.X("rows:Q", scale=alt.Scale(type="log", domain=domain, nice=False), axis=axis)


def _meeting(x: alt.X, mixed: Entry | None, worth: Entry | None) -> list[alt.Chart]:
    """Return the line of mixed's accuracy, and the real rows that reach it with their interval."""
    if not mixed:
        return []
    score = [{"mean": mixed["mean"]}]
    level = alt.Chart(_data(score)).mark_rule(strokeDash=[4, 4], color="var(--mixed)", strokeWidth=1.5)
    layers = [level.encode(y="mean:Q")]
    if worth:
        said = f"{count(worth['rows'])} real labels ({count(worth['ci_low'])} to {count(worth['ci_high'])})"
        data = _data(
            [
                {
                    **score[0],
                    **worth,
                    "tip": f"scores like {said}",
                    "short": f"{count(worth['rows'])} labels",
                }
            ]
        )
        span = alt.Chart(data).mark_rule(strokeWidth=7, opacity=0.35, color="var(--mixed)", strokeCap="round")
        layers.append(
            span.encode(
                x=alt.X("ci_low:Q", scale=x["scale"]), x2="ci_high:Q", y="mean:Q", description="tip:N"
            )
        )
        mark = alt.Chart(data).mark_point(
            shape="diamond", size=140, filled=True, color="var(--mixed)", opacity=1
        )
        at = {"x": alt.X("rows:Q", scale=x["scale"]), "y": "mean:Q"}
        text = alt.Chart(data).mark_text(
            dy=-16, align="right", fontSize=12, fontWeight="bold", color="var(--mixed)"
        )
        layers += [mark.encode(**at, description="tip:N"), text.encode(**at, text="short:N")]
    return layers


def ablation_chart(rules: Sequence[Entry]) -> Markup:
    """Draw what each rule gains over a random subset of the same size."""
    rows = [
        {
            "rule": name,
            "mean": gain["accuracy"],
            "low": gain.get("ci_low", gain["accuracy"]),
            "high": gain.get("ci_high", gain["accuracy"]),
            "tip": f"{name}: {points(gain['accuracy'])} points ({points_interval(gain)})",
        }
        for name, gain in ((rule["rule"], rule["gain"]) for rule in rules)
    ]

    def chart(width: int) -> Layers:
        base = alt.Chart(_data(rows))
        y = alt.Y(
            "rule:N",
            sort=[row["rule"] for row in rows],
            axis=alt.Axis(title=None, labelColor="var(--ink)", labelLimit=190 if width == WIDE else 130),
        )
        axis = alt.Axis(format="+.1%", title="accuracy gained by the rule", tickCount=5)
        zero = (
            alt.Chart(_data([{"at": 0}])).mark_rule(color="var(--quiet)", strokeDash=[3, 3]).encode(x="at:Q")
        )
        line = base.mark_rule(strokeWidth=7, opacity=0.3, color="var(--mixed)", strokeCap="round")
        dot = base.mark_point(filled=True, size=80, opacity=1, color="var(--mixed)")
        return alt.layer(
            zero.encode(x="at:Q"),
            line.encode(x=alt.X("low:Q", axis=axis), x2="high:Q", y=y, description="tip:N"),
            dot.encode(x="mean:Q", y=y, description="tip:N"),
            height=28 * len(rows),
        )

    return drawn(chart, "Accuracy gained by each rule with 95 % intervals; the table below has the numbers")


def lengths_chart(bins: Sequence[int], shares: Mapping[str, Sequence[float]]) -> Markup:
    """Draw how many of each set's texts are how long; `bins` are the edges, in words."""
    rows = [
        {
            "kind": kind,
            "words": (low + high) / 2,
            "share": share,
            "tip": f"{kind}: {percent(share)} have {low} to {high} words",
        }
        for kind, found in shares.items()
        for low, high, share in zip(bins, bins[1:], found, strict=False)
    ]

    def chart(width: int) -> Layers:
        base = alt.Chart(_data(rows)).encode(
            x=alt.X("words:Q", axis=alt.Axis(title="words", tickCount=8)),
            y=alt.Y("share:Q", axis=_percent_axis("texts")),
            color=_colour(list(shares), legend=True),
        )
        return alt.layer(
            base.mark_line(strokeWidth=2),
            base.mark_point(filled=True, size=50, opacity=1).encode(description="tip:N"),
            height=200,
        )

    return drawn(chart, "Lengths of real and synthetic texts in words")


def reliability_chart(curve: Sequence[Entry]) -> Markup:
    """Draw the accuracy over the confidence; the diagonal is what it should be."""
    rows = [
        {
            "kind": point["kind"],
            "confidence": point["confidence"],
            "accuracy": point["accuracy"],
            "tip": f"{point['arm']}: confidence {percent(point['confidence'])}, "
            f"right in {percent(point['accuracy'])}",
        }
        for point in curve
    ]
    kinds = [kind for kind in _KINDS if any(row["kind"] == kind for row in rows)]
    lowest = min([0.5, *(min(row["confidence"], row["accuracy"]) for row in rows)])
    domain = alt.Scale(domain=[int(lowest * 10) / 10, 1], nice=False)

    def chart(width: int) -> Layers:
        x = alt.X("confidence:Q", scale=domain, axis=_percent_axis("confidence"))
        y = alt.Y("accuracy:Q", scale=domain, axis=_percent_axis("accuracy"))
        ends = [{"confidence": end, "accuracy": end} for end in (int(lowest * 10) / 10, 1)]
        ideal = alt.Chart(_data(ends)).mark_line(strokeDash=[4, 4], color="var(--quiet)", strokeWidth=1.5)
        base, colour = alt.Chart(_data(rows)), _colour(kinds, legend=True)
        return alt.layer(
            ideal.encode(x=x, y=y),
            base.mark_line(strokeWidth=2).encode(x=x, y=y, color=colour),
            base.mark_point(filled=True, size=60, opacity=1).encode(
                x=x, y=y, color=colour, description="tip:N"
            ),
            height=280,
        )

    return drawn(chart, "Reliability: accuracy by confidence")
