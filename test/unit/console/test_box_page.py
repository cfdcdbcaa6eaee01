"""Boxes that a person draws are checked before they are taken."""

import json

import cv2
import numpy as np
import pytest

from visuomotor.console.box_page import BoxPage
from visuomotor.errors import DataError


@pytest.fixture
def page() -> BoxPage:
    images = np.stack([np.full((40, 60, 3), 20 * t, np.uint8) for t in range(5)])
    return BoxPage(images, ("hand", "moved"), ("static",), "cup.mp4")


def test_it_tells_what_to_draw_and_shows_every_frame(page) -> None:
    state = json.loads(page.state({})[1])
    assert state["bodies"] == ["hand", "moved", "static"]
    assert (state["frames"], state["size"], state["done"]) == (5, [60, 40], False)
    kind, data = page.frame({"n": "3"})
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert kind == "image/jpeg"
    assert abs(float(image.mean()) - 60) < 2
    for wrong in ("5", "-1", "x", "²", "9" * 5000, None):
        with pytest.raises(DataError, match="from 0 to 4"):
            page.frame({"n": wrong} if wrong is not None else {})


def test_boxes_are_taken_in_any_direction_and_within_the_frame(page) -> None:
    assert page.wait(0.0) is None
    page.take({"frame": 2, "boxes": {"hand": [30, 30, 10, 5], "moved": [-9, 10, 20, 99]}})
    assert page.wait(0.0) == (2, {"hand": (10, 5, 30, 30), "moved": (0, 10, 20, 40)})
    assert json.loads(page.state({})[1])["done"]


@pytest.mark.parametrize(
    ("posted", "said"),
    [
        ({"frame": 0, "boxes": {"hand": [1, 1, 20, 20]}}, "draw a box around: moved"),
        ({"frame": 9, "boxes": {}}, "frame: got 9"),
        ({"frame": 0, "boxes": {"cup": [1, 1, 20, 20]}}, "boxes: got"),
        ({"frame": 0, "boxes": [1]}, "boxes: got"),
        ({"frame": 0, "boxes": {"hand": [1, 1, 2, 20]}}, "smaller than 4 px"),
        ({"frame": 0, "boxes": {"hand": [1, "1", 2, 20]}}, "expected \\[x1, y1, x2, y2\\]"),
        ({"frame": 0, "boxes": {"hand": [float("nan"), 1, 30, 20]}}, "expected \\[x1"),
    ],
)
def test_what_cannot_be_is_refused(page, posted, said) -> None:
    with pytest.raises(DataError, match=said):
        page.take(posted)
    assert page.wait(0.0) is None
