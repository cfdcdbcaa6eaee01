"""How old and how good the calibration file is, for `visuomotor doctor`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from visuomotor.bench.diagnosis import Check, ok, warning
from visuomotor.config import read_yaml
from visuomotor.errors import VisuomotorError
from visuomotor.sync import load_calibration, load_latency
from visuomotor.sync.latency import LATENCY

OLD_DAYS = 30.0
POOR_PX, POOR_MM = 1.0, 5.0
AGAIN = "visuomotor calibrate extrinsics (docs/calibration.md)"
LATENCY_AGAIN = "visuomotor calibrate latency (docs/calibration.md)"


def check_calibration(path: Path, now_ns: int) -> list[Check]:
    """A line per camera of the file, and one for the latencies."""
    if not path.is_file():
        remedy = f"only for a real arm: {AGAIN}, or name the file: --calibration"
        return [warning("calibration", f"no {path} here", remedy)]
    try:
        values = read_yaml(path)
        names = [name for name in values if name != LATENCY]
        load_calibration(path, names)
        latency = load_latency(path)
    except VisuomotorError as error:
        return [warning("calibration", str(error), AGAIN)]
    if not names:
        return [warning("calibration", f"{path} has no camera", AGAIN)]
    checks = [_camera(name, values[name], now_ns) for name in names]
    if not latency.known:
        checks.append(warning("latency", f"not in {path}", f"only for a real arm: {LATENCY_AGAIN}"))
        return checks
    late = [f"{name} {1e3 * s:.0f} ms" for name, s in latency.cameras.items()]
    late += [f"command {1e3 * latency.command_s:.0f} ms"] if latency.command_s else []
    days = _days(latency.date, now_ns)
    found = f"{', '.join(late)}, {_age(days)}"
    missing = [name for name in names if name not in latency.cameras]
    if missing:
        found = f"{found}; none of {', '.join(missing)}"
    good = days is not None and days <= OLD_DAYS and not missing
    checks.append(ok("latency", found) if good else warning("latency", found, LATENCY_AGAIN))
    return checks


def _camera(name: str, values: Mapping[str, Any], now_ns: int) -> Check:
    days = _days(values.get("date"), now_ns)
    parts = [_age(days)]
    poor = days is None or days > OLD_DAYS
    for key, unit, bound in (("reprojection_px", "px", POOR_PX), ("error_mm", "mm", POOR_MM)):
        error = values.get(key)
        if isinstance(error, (int, float)):
            parts.append(f"{error:.2g} {unit}")
            poor = poor or not error <= bound
    title = f"camera {name}"
    found = ", ".join(parts)
    return warning(title, found, AGAIN) if poor else ok(title, found)


def _age(days: float | None) -> str:
    return "of unknown age" if days is None else f"{days:.1f} days old"


def _days(date: object, now_ns: int) -> float | None:
    """Days since an ISO date, which YAML may have read as a time; None where it is none."""
    try:
        when = datetime.fromisoformat(str(date).strip().replace("Z", "+00:00"))
    except ValueError:
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=timezone.utc)
    return (now_ns * 1e-9 - when.timestamp()) / 86400
