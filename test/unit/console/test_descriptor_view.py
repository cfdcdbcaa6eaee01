"""The viewer over real HTTP: what a browser asks for, and what it gets."""

import base64
import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

import cv2
import numpy as np
import pytest
from box_pictures import SPEC, a_set
from box_scene import CAMERA, FRONT, SIDE, view_of

from visuomotor.console.descriptor_view import DescriptorView
from visuomotor.console.gallery import Gallery
from visuomotor.console.server import PageServer
from visuomotor.descriptors.masks import points_in_base
from visuomotor.errors import ConfigError
from visuomotor.geometry import inverse, transform_points
from visuomotor.observations import observe

ON_THE_BOX = (46, 27)


@pytest.fixture
def server(gallery: Gallery) -> Iterator[PageServer]:
    server = PageServer(DescriptorView(gallery, "boxes", first=1, running=True).routes)
    server.start()
    yield server
    server.close()


def get(server: PageServer, path: str) -> bytes:
    with urllib.request.urlopen(server.url + path, timeout=10) as reply:
        return bytes(reply.read())


def ask(server: PageServer, path: str) -> Any:
    return json.loads(get(server, path))


def refusal(server: PageServer, path: str) -> tuple[int, str]:
    with pytest.raises(urllib.error.HTTPError) as error:
        get(server, path)
    return error.value.code, error.value.read().decode()


def match(server: PageServer, targets: str, source: str = "1/0/front", more: str = "") -> Any:
    u, v = ON_THE_BOX
    return ask(server, f"match?source={source}&u={u}&v={v}&targets={targets}{more}")["matches"]


def true_pixel() -> np.ndarray:
    """Where ON_THE_BOX of front is in side."""
    view = view_of(FRONT)
    points, _ = points_in_base(view.depth_m, view.K, view.T_base_camera)
    point = points[0, ON_THE_BOX[1], ON_THE_BOX[0]].numpy()
    return CAMERA.project(transform_points(inverse(SIDE), point))


def test_the_page_and_all_that_it_loads_is_served_from_here(server: PageServer) -> None:
    assert server.url.startswith("http://127.0.0.1:")
    page = get(server, "").decode()
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert "descriptors.js" in loaded
    for name in loaded:
        assert not name.startswith(("http", "//"))
        if not name.startswith("data:"):
            assert get(server, name)
    pages = files("visuomotor.console") / "pages"
    for name in ("descriptors.html", "descriptors.css", "descriptors.js"):
        assert not re.search(r"https?://", (pages / name).read_text())


def test_what_the_script_asks_for_exists(server: PageServer) -> None:
    """Every id that the script looks up is in the page, every path among the routes."""
    script = get(server, "descriptors.js").decode()
    page = get(server, "").decode()
    for name in re.findall(r'\$\("(\w+)"\)', script):
        assert f'id="{name}"' in page, name
    paths = set(re.findall(r'(?:get\(|loadImage\()["`](\w+)["?]', script))
    assert paths == {"about", "episode", "image", "match"}
    for path in paths:
        assert refusal(server, path)[0] == 400 if path != "about" else ask(server, path)


def test_about_and_episodes(server: PageServer) -> None:
    about = ask(server, "about")
    assert about["cameras"] == ["front", "side"]
    assert (about["title"], about["first"], about["live"]) == ("boxes", 1, None)
    assert len(about["episodes"]) == 3
    assert np.shape(about["colors"]) == (256, 3)
    assert ask(server, "episode?number=2") == {"steps": 2}


def test_images_are_the_recorded_ones(server: PageServer) -> None:
    image = cv2.imdecode(np.frombuffer(get(server, "image?id=1/1/side"), np.uint8), 1)
    np.testing.assert_array_equal(image[..., ::-1], view_of(SIDE).color[0].numpy())


def test_a_point_is_found_where_it_is(server: PageServer) -> None:
    same, itself, other = match(server, "1/0/side,1/0/front,2/1/side")
    assert np.abs(same["pixel"] - true_pixel()).max() < 2
    np.testing.assert_allclose(same["truth"][:2], true_pixel(), atol=0.1)
    assert same["truth"][2] == "visible"
    assert itself["pixel"] == list(ON_THE_BOX)
    assert itself["likeness"] == 1.0
    assert 0.3 < same["likeness"] <= 1.0
    assert other["pixel"] == same["pixel"]
    assert other["truth"] is None


def test_heat_is_greatest_at_the_match_and_spreads_as_asked(server: PageServer) -> None:
    def heat(percent: int) -> np.ndarray:
        (found,) = match(server, "1/0/side", more=f"&spread={percent}")
        width, height = found["size"]
        values = np.frombuffer(base64.b64decode(found["heat"]), np.uint8).reshape(height, width)
        u, v = found["pixel"]
        assert values[v, u] == values.max()
        return values.astype(float)

    narrow, wide = heat(100), heat(300)
    assert wide.sum() > 2 * narrow.sum()
    assert (wide >= narrow - 1).all()


def test_nonsense_is_refused_with_what_is_wrong(server: PageServer) -> None:
    for path, text in (
        ("match?source=1/0/back&u=1&v=1", r"expected EPISODE/STEP/CAMERA .* front, side"),
        ("match?source=9/0/front&u=1&v=1", "got episode 9, expected 0 to 2"),
        ("match?source=1/7/front&u=1&v=1", "got step 7, expected 0 to 1"),
        ("match?source=1/0/front&u=96&v=1", r"got pixel \(96, 1\).*inside 96x72"),
        ("match?source=1/0/front&u=1", "v: got '', expected a whole number"),
        ("match?source=1/0/front&u=1&v=1&spread=0", "spread 0"),
        (f"match?source=1/0/front&u=1&v=1&targets={'1/0/side,' * 25}", "got 25 targets"),
        ("image?id=live/3/front", "is gone"),
        ("image?id=../0/front", "expected an episode's number"),
        ("episode?number=x", "number: got 'x'"),
    ):
        code, answer = refusal(server, path)
        assert code == 400
        assert re.search(text, json.loads(answer)["error"]), answer
    code, answer = refusal(server, "secret")
    assert code == 404
    assert "/about" in answer


def test_running_cameras_are_targets_and_sources(server: PageServer, gallery: Gallery) -> None:
    assert match(server, "live/side") == [{"id": "live/side", "waiting": True}]
    gallery.add_live(observe(a_set(1), SPEC))
    (now,) = match(server, "live/side")
    assert np.abs(now["pixel"] - true_pixel()).max() < 2
    assert now["set"] == "live/0/side"
    image = cv2.imdecode(np.frombuffer(base64.b64decode(now["image"]), np.uint8), 1)
    assert image.shape == (CAMERA.height, CAMERA.width, 3)
    taken = ask(server, "about")["live"]
    for i in range(60):
        gallery.add_live(observe(a_set(2 + i), SPEC))
        if i == 30:  # still remembered; from then on kept, for it is looked at
            get(server, f"image?id=live/{taken}/front")
    (later,) = match(server, "live/side", source=f"live/{taken}/front")
    assert later["set"] == "live/60/side"
    assert later["truth"] is None
    assert "is gone" in refusal(server, "image?id=live/5/side")[1]


def test_other_sites_cannot_read_it_under_their_name(server: PageServer) -> None:
    address = urlsplit(server.url)
    for host, status in (("evil.example:80", 403), (f"localhost:{address.port}", 200)):
        connection = HTTPConnection("127.0.0.1", address.port or 0, timeout=10)
        connection.request("GET", "/about", headers={"Host": host})
        assert connection.getresponse().status == status
        connection.close()


def test_answers_are_quick_and_right_under_many_requests(server: PageServer) -> None:
    targets = ",".join(f"{e}/{s}/{c}" for e in range(2) for s in range(2) for c in SPEC.names)
    expected = match(server, targets)  # also describes them
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: match(server, targets), range(16)))
    assert all(a == expected for a in answers)
    took = []
    for _ in range(5):
        start = time.perf_counter()
        match(server, targets)
        took.append(time.perf_counter() - start)
    assert min(took) < 0.1


def test_a_taken_port_is_named(server: PageServer) -> None:
    port = urlsplit(server.url).port or 0
    with pytest.raises(ConfigError, match=rf"127\.0\.0\.1:{port}: .* another --port"):
        PageServer({}, port)
