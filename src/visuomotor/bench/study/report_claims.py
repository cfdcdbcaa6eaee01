"""What a report says of targets, of claims, and of gaps between methods."""

from __future__ import annotations

from collections.abc import Sequence

from visuomotor.bench.study.closed_gap import Closed
from visuomotor.bench.study.comparison import ALPHA, Comparison
from visuomotor.bench.study.markdown import grid, named, percent, signed
from visuomotor.bench.study.pair_tables import row_text
from visuomotor.bench.study.plan import Study
from visuomotor.bench.study.reporting import Claim, Target
from visuomotor.bench.study.table import Row

SEEDS = 3
"""Trainings of which a claim is more than one about these very checkpoints."""


def targets_table(study: Study, found: Sequence[Row]) -> str:
    """A section: what each target asks for, and what was found; "" without targets."""
    lines = [line for target in study.targets for line in _target(target, found)]
    head = ["method", "task", "region", "demonstrations", "target", "found", ""]
    return "## Targets\n\n" + grid(head, lines) if lines else ""


def _target(target: Target, found: Sequence[Row]) -> list[list[str]]:
    lines = []
    for r in found:
        if (
            r.method == target.method
            and r.region in target.regions
            and (not target.tasks or r.task in target.tasks)
            and target.demonstrations in (None, r.demonstrations)
        ):
            met = "met" if r.rate >= target.rate else "**missed**"
            wanted = f"at least {percent(target.rate)}"
            where = [f"`{r.method}`", named(r.task, r.task_variant), r.region]
            lines.append([*where, str(r.demonstrations), wanted, row_text(r), met])
    if not lines:
        tasks, n = ", ".join(target.tasks) or "all", str(target.demonstrations or "")
        where = [f"`{target.method}`", tasks, ", ".join(target.regions), n]
        lines.append([*where, f"at least {percent(target.rate)}", "no cell yet", ""])
    return lines


def claims_table(made: Sequence[Comparison], claims: Sequence[Claim] = ()) -> str:
    """A section: a line per claim and setting, "" without any; also for claims without cells."""
    if not made and not claims:
        return ""
    head = ["claim", "task", "region", "seeds × starts", "difference, points"]
    lines = []
    for c in made:
        s, d = c.setting, c.found
        n = str(s.demonstrations)
        if c.worse_demonstrations != s.demonstrations:
            n = f"{n} against {c.worse_demonstrations}"
        lines.append(
            [
                _claim(c.claim),
                f"{named(s.task, s.task_variant)}, {n}",
                s.region,
                f"{len(c.seeds)} × {c.starts}",
                f"**{signed(d.difference)}** [{signed(d.low)}, {signed(d.high)}]",
                ", ".join(f"{p:.2g}" for p in d.by_seed),
                f"{c.adjusted_p:.2g}",
                _verdict(c),
            ]
        )
    for claim in dict.fromkeys(claims):
        if claim not in {c.claim for c in made}:
            where = [", ".join(claim.tasks), ", ".join(claim.regions)]
            lines.append([_claim(claim), *where, "", "no cells yet", "", "", ""])
    return (
        "## Claims\n\nOn paired starts, with the 95% interval of a bootstrap over starts and "
        "training seeds. p is adjusted for all lines of this table (Holm); a claim is shown if the "
        f"difference is on its side and p < {ALPHA:g}. Of one seed p is McNemar's, of several the "
        "bootstrap's, of a claim with a margin the one-sided bootstrap's. Where no start tells two "
        "methods apart, the interval has no width: look at the tables' intervals. With fewer than "
        f"{SEEDS} training seeds nothing is known of other trainings: it is shown *of these*.\n\n"
        + grid([*head, "McNemar by seed", "p", ""], lines)
    )


def _verdict(c: Comparison) -> str:
    if not c.holds:
        return "not shown"
    return "shown" if len(c.seeds) >= SEEDS else "shown of these"


def gaps_table(found: Sequence[Closed]) -> str:
    """A section: the share of each gap that its method closes; "" without any."""
    if not found:
        return ""
    head = ["method", "from", "to", "task", "region", "seeds × starts", "closed", "target", ""]
    lines = [
        [
            *(f"`{name}`" for name in (c.gap.method, c.gap.lower, c.gap.upper)),
            named(c.setting.task, c.setting.task_variant),
            c.setting.region,
            f"{len(c.seeds)} × {c.starts}",
            f"**{percent(c.share)}** [{percent(c.low, 0)}, {percent(c.high, 0)}]",
            f"at least {percent(c.gap.share)}",
            "met" if c.share >= c.gap.share else "**missed**",
        ]
        for c in found
    ]
    return (
        "## How much of a gap is closed\n\nThe method's distance from the lower of two others, as "
        "a share of theirs, on paired starts; bootstrapped as the claims are.\n\n"
        + grid(head, lines)
    )


def _claim(claim: Claim) -> str:
    if claim.margin:
        return f"`{claim.better}` at most {100 * claim.margin:g} points below `{claim.worse}`"
    return f"`{claim.better}` above `{claim.worse}`"
