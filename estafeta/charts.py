"""Charts for reports, as PNG or SVG; drawn by matplotlib, which is installed with `estafeta[charts]`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from estafeta.report_words import Say, pool_name
from estafeta.trouble import Trouble

Answer = Mapping[str, Any]
KINDS = (".svg", ".png")
_RECEIVED, _FAIR = "#4878a8", "#1a1a1a"


def draw_fairness(members: Sequence[Answer], to: Path, title: str, say: Say) -> None:
    """Received leads as bars with the fair share as a mark, pool by pool; the same figures give the same file.

    Raises `Trouble` for a name that ends otherwise, when matplotlib is not installed, and when nothing can be written.
    """
    if to.suffix.lower() not in KINDS:
        raise Trouble(f"{to} is no chart.", f"Name a file that ends with {' or '.join(KINDS)}.")
    if not members:
        raise Trouble("There is nothing to draw: no lead was shared out.", "Name other days: --from, --to.", code=1)
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ImportError:
        raise Trouble(
            "Charts need matplotlib, which is not installed.", "Install it: pip install 'estafeta[charts]'.", code=1
        ) from None
    pools = {pool: list(those) for pool, those in groupby(members, key=lambda one: one["pool"])}
    heights = [len(those) + 1.5 for those in pools.values()]
    with rc_context({"svg.hashsalt": "estafeta", "font.family": "DejaVu Sans"}):  # it has Cyrillic and comes along
        figure = Figure(figsize=(9, 0.9 + 0.32 * sum(heights)), layout="constrained")
        figure.suptitle(title)
        panels = figure.subplots(len(pools), 1, squeeze=False, height_ratios=heights)[:, 0]
        for axes, (pool, those) in zip(panels, pools.items(), strict=True):
            places = range(len(those))
            received, fair = [one["shared"] for one in those], [one["fair_share"] for one in those]
            axes.barh(places, received, color=_RECEIVED, label=say("received"))
            low, high = [n - 0.45 for n in places], [n + 0.45 for n in places]
            axes.vlines(fair, low, high, colors=_FAIR, label=say("fair_share"))
            for place, one in zip(places, those, strict=True):
                told = f"{one['shared']:,} ({one['deviation']:+.2f})"
                end = (max(one["shared"], one["fair_share"]), place)
                axes.annotate(told, end, (6, 0), textcoords="offset points", va="center", fontsize=8)
            axes.set_yticks(places, [str(one["name"]) for one in those])
            axes.invert_yaxis()
            axes.set_title(pool_name(pool, say), loc="left", fontsize=10)
            axes.set_xlim(0, 1.18 * max(1.0, *fair, *received))
            axes.spines[["top", "right"]].set_visible(False)
        figure.legend(
            *panels[0].get_legend_handles_labels(), loc="outside lower right", ncols=2, fontsize=8, frameon=False
        )
        panels[-1].set_xlabel(f"{say('leads')} ({say('deviation')})")
        try:
            figure.savefig(to, dpi=150, metadata={"Date": None} if to.suffix.lower() == ".svg" else None)
        except OSError as error:
            raise Trouble(
                f"{to} cannot be written: {error.strerror}.", "Name a file in a directory you may write to."
            ) from None
