"""Reports of nodes, sorted for the page."""

from visuomotor.console.status import FORGOTTEN_S, SILENT_S, Report, StatusBoard
from visuomotor.sync.statistics import StreamStats

S = 10**9


def test_reports_go_where_the_page_shows_them() -> None:
    board = StatusBoard()
    board.add("bridge", Report(1, "hold: by hand", {"state": "hold", "reason": "by hand"}, 0))
    board.add("recorder", Report(0, "", {"state": "idle", "rate_hz": "19.8"}, 0))
    board.add("lidar driver", Report(2, "unplugged", {}, 0))
    state = board.state(S)
    assert state["bridge"]["values"]["state"] == "hold"
    assert state["recorder"]["values"]["rate_hz"] == "19.8", "a node, not a stream"
    assert state["policy"] is None
    assert state["streams"] == []
    assert state["others"]["lidar driver"]["message"] == "unplugged"


def test_a_stream_shows_its_losses_by_reason() -> None:
    stats = StreamStats(19.9, 0.01, 100, 40, 1, {"late": 3, "rate": 56, "bad_size": 0}, None, False)
    values = {
        "state": "alive",
        "rate_hz": f"{stats.rate_hz:.2f}",
        "skew_ms p50/p95/max": "0.00 / 1.00 / 2.00",
        **{f"dropped {k}": str(n) for k, n in stats.dropped.items()},
    }
    board = StatusBoard()
    board.add("rgbd_sync: front/color", Report(0, "", values, 0))
    (row,) = board.state(0)["streams"]
    assert row["drops"] == {"late": 3}
    assert row["spare"] == 56, "what no set needed is no loss"
    assert (row["level"], row["skew_ms"]) == (0, "0.00 / 1.00 / 2.00")
    board.add("rgbd_sync: front/color", Report(1, "", {**values, "state": "dead"}, 0))
    assert board.state(0)["streams"][0]["level"] == 2


def test_who_reports_no_more_is_silent_then_forgotten() -> None:
    board = StatusBoard()
    board.add("policy", Report(0, "", {"active": "True"}, 0))
    assert not board.state(round(SILENT_S * S))["policy"]["silent"]
    assert board.state(round(SILENT_S * S) + 1)["policy"]["silent"]
    assert board.state(round(FORGOTTEN_S * S))["policy"] is None
    board.add("policy", Report(0, "", {"active": "True"}, round(FORGOTTEN_S * S)))
    assert not board.state(round(FORGOTTEN_S * S))["policy"]["silent"]
