"""A phone moves the arm: the server, a real WebSocket, the node, and the bridge that accepts."""

from __future__ import annotations

import asyncio
import json
import re
import ssl
import subprocess
import threading
import urllib.error
import urllib.request

import numpy as np
import pytest
from browser import browser
from teleop_graph import HOME, TeleopGraph, command
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from visuomotor.geometry import pose_delta

pytestmark = pytest.mark.alone

# The synchronous client reads and writes one TLS connection in two threads, and loses answers.


def dialled(url: str, context: ssl.SSLContext | None = None, **options) -> str:
    """The first message that the server sends to who connects."""

    async def dial() -> str:
        async with connect(url, ssl=context, **options) as socket:
            return await asyncio.wait_for(socket.recv(), 10)

    return asyncio.run(dial())


class PhoneClient:
    """Speaks as the page does, over a real socket, in a thread."""

    def __init__(self, url: str, context: ssl.SSLContext | None = None) -> None:
        self._url, self._context = url, context
        self.state = {"clutch": False, "gripper": False, "policy": False}
        self.position, self.texts, self.silent = [0.0, 0.0, 0.0], [], False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self._thread.start()

    async def _run(self) -> None:
        async with connect(self._url, ssl=self._context) as socket:
            while not self._stop.is_set():
                stamp = json.loads(await asyncio.wait_for(socket.recv(), 10))
                self.texts.append(stamp["text"])
                pose = {"position": self.position, "quat_xyzw": [0, 0, 0, 1]}
                if not self.silent:
                    await socket.send(json.dumps({**self.state, **pose, "echo": stamp["stamp"]}))

    def close(self) -> None:
        self._stop.set()
        self._thread.join()


@pytest.fixture
def graph():
    made = TeleopGraph()
    yield made
    made.close()


def addressed(graph: TeleopGraph, process) -> str:
    """The address that the node shows."""
    graph.spin(lambda: any("open on the phone" in t for t in graph.log), "the phone's address")
    return next(re.search(r"https?://\S+", t)[0] for t in graph.log if "open on the phone" in t)


def test_a_phone_moves_the_arm_over_tls_and_silence_lets_go(graph, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    process = graph.run(command("phone", host="0.0.0.0", port=0, speed=0.2))
    url = addressed(graph, process)
    assert url.startswith("https://")
    token = url.split("token=")[1]
    port = int(re.search(r":(\d+)/", url)[1])
    folder = tmp_path / "visuomotor" / "teleop"
    assert (folder / "key.pem").stat().st_mode & 0o077 == 0
    context = ssl.create_default_context(cafile=folder / "certificate.pem")

    for wrong in ("", "?token=", f"?token={token[:-1]}", f"?token={token}x", "?token=%ff"):
        with pytest.raises(InvalidStatus, match="401"):
            dialled(f"wss://localhost:{port}/ws{wrong}", context)
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(f"https://localhost:{port}/{wrong}", context=context, timeout=10)
    with urllib.request.urlopen(
        f"https://localhost:{port}/?token={token}", context=context, timeout=10
    ) as page:
        assert b"hold to move" in page.read()
    graph.spin(lambda: graph.diagnosed("refused/token") == "10", "ten refusals")

    phone = PhoneClient(f"wss://localhost:{port}/ws?token={token}", context)
    try:
        graph.spin(lambda: "released" in phone.texts, "the node's answer")
        phone.position = [0.0, 0.0, -5.0]  # far off, but not engaged
        phone.state = {**phone.state, "clutch": True}
        graph.spin(lambda: graph.targets, "the first target")
        np.testing.assert_allclose(graph.targets[0], HOME, atol=1e-6)

        def pushed() -> bool:
            phone.position = [0.0, 0.0, phone.position[2] - 0.01]  # away from the operator
            graph.spin_for(0.06)
            return bool(graph.accepted) and graph.accepted[-1][0, 3] > HOME[0, 3] + 0.06

        graph.spin(pushed, "6 cm forward")
        moved = pose_delta(HOME, graph.accepted[-1])
        np.testing.assert_allclose(moved[1:], 0.0, atol=1e-3)
        assert moved[0] < -5.0 - phone.position[2] + 1e-3
        assert "moving" in phone.texts

        phone.state = {**phone.state, "gripper": True}
        graph.spin(lambda: graph.widths and graph.widths[-1] == 0.0, "a closed hand")
        graph.spin_for(0.3)
        assert graph.widths[-1] == 0.0  # held down is one press
        phone.silent = True
        graph.spin(lambda: graph.enables[-1] is False, "the release")
        phone.silent, phone.state = False, {"clutch": False, "gripper": False, "policy": True}
        graph.spin(lambda: graph.policy and graph.policy[-1], "the policy's dead-man")
        assert graph.enables[-1] is False
        phone.state = {**phone.state, "policy": False}
        graph.spin(lambda: graph.policy[-1] is False, "the policy's release")
        with pytest.raises(ConnectionClosed, match="another phone"):
            dialled(f"wss://localhost:{port}/ws?token={token}", context)
        graph.spin(lambda: graph.diagnosed("refused/busy") == "1", "the second phone's refusal")
    finally:
        phone.close()
    assert not graph.refused("jump", "non_finite", "not_a_pose", "frame", "clock")
    assert graph.stop(process) == 0


def test_on_this_machine_no_other_site_may_steer(graph) -> None:
    process = graph.run(command("phone", port=0))
    url = addressed(graph, process)
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", url)
    address = url.replace("http", "ws") + "ws"
    for headers in ({"Origin": "https://elsewhere.example"}, {"Host": "127.0.0.1, second"}):
        with pytest.raises(InvalidStatus, match="403"):
            dialled(address, additional_headers=headers)
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(urllib.request.Request(url, headers={"Host": "elsewhere.example"}))

    async def speak() -> str:
        async with connect(address, origin=url.rstrip("/")) as socket:
            heard = await asyncio.wait_for(socket.recv(), 10)
            await socket.send("{")
            return heard

    assert "stamp" in json.loads(asyncio.run(speak()))
    graph.spin(lambda: graph.diagnosed("refused/message") == "1", "the count")
    assert graph.diagnosed("refused/origin") == "1"
    assert graph.diagnosed("refused/host") == "2"
    assert graph.stop(process) == 0


def test_the_page_in_a_browser_moves_the_arm(graph, tmp_path, monkeypatch) -> None:
    """Over TLS, by dragging: a browser without tracking has pads, whose touch is the clutch."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    with browser(400, 800) as tab:
        process = graph.run(command("phone", host="0.0.0.0", port=0, timeout_s=1.0))
        url = addressed(graph, process)
        tab.open(re.sub(r"//[^:]+:", "//localhost:", url))
        state = "document.getElementById('state')?.textContent"
        graph.spin(lambda: tab.run(state) == "released", "the page")
        assert not graph.targets
        tab.press("#plane")

        def pushed() -> bool:
            tab.drag(0.0, -4.0)  # up the screen is away from the operator
            graph.spin_for(0.05)
            return bool(graph.accepted) and graph.accepted[-1][0, 3] > HOME[0, 3] + 0.03

        graph.spin(pushed, "3 cm forward")
        moved = pose_delta(HOME, graph.accepted[-1])
        np.testing.assert_allclose(moved[1:], 0.0, atol=1e-3)
        assert tab.run(state) == "moving"
        tab.release()
        graph.spin(lambda: graph.enables[-1] is False, "the release")
        assert set(graph.widths) == {0.08}
        tab.press("#gripper")
        graph.spin(lambda: graph.widths[-1] == 0.0, "a closed hand")
        tab.release()
        graph.spin(lambda: graph.enables[-1] is False, "the release")
        tab.press("#policy")
        graph.spin(lambda: graph.policy and graph.policy[-1], "the policy's dead-man")
        tab.run("dispatchEvent(new Event('blur'))")
        graph.spin(lambda: graph.policy[-1] is False, "the release of a page that is left")
        tab.open("about:blank")
        graph.spin(lambda: graph.diagnosed("state") == "released", "the end")
        assert tab.errors == []
        assert graph.stop(process) == 0


# The other side of WebXR's documented interface: a phone whose place a test says.
TRACKED_PHONE = """
window.place = {x: 0, y: 0, z: 0};
window.lost = false;
window.XRWebGLLayer = class { constructor() { this.framebuffer = null; } };
class Session {
  updateRenderState(state) { this.renderState = state; }
  async requestReferenceSpace(name) { return name; }
  requestAnimationFrame(draw) {
    setTimeout(() => draw(performance.now(), {getViewerPose: () => ({
      emulatedPosition: window.lost,
      transform: {position: window.place, orientation: {x: 0, y: 0, z: 0, w: 1}},
    })}), 16);
  }
}
Object.defineProperty(navigator, "xr", {value: {
  isSessionSupported: async (mode) => mode === "immersive-ar",
  requestSession: async (mode, needs) => {
    if (needs.domOverlay.root !== document.body) throw new Error("no overlay");
    return (window.session = new Session());
  },
}});
"""


def test_the_page_sends_where_a_tracked_phone_is(graph) -> None:
    with browser(400, 800) as tab:
        process = graph.run(command("phone", port=0, timeout_s=1.0))
        tab.open(addressed(graph, process), before=TRACKED_PHONE)
        tab.click("#start")
        tab.until("!!window.session")
        tab.press("#clutch")
        graph.spin(lambda: graph.targets, "the first target")
        np.testing.assert_allclose(graph.targets[0], HOME, atol=1e-6)

        def raised() -> bool:
            tab.run("place.y += 0.005")
            graph.spin_for(0.05)
            return bool(graph.accepted) and graph.accepted[-1][2, 3] > HOME[2, 3] + 0.03

        graph.spin(raised, "3 cm up")
        moved = pose_delta(HOME, graph.accepted[-1])
        np.testing.assert_allclose(moved[[0, 1, 3, 4, 5]], 0.0, atol=1e-3)
        tab.run("window.lost = true")
        graph.spin(lambda: graph.enables[-1] is False, "the release of a phone that is lost")
        tab.run("window.lost = false")
        graph.spin(lambda: graph.enables[-1], "the clutch again")
        tab.run("session.onend()")
        graph.spin(lambda: graph.enables[-1] is False, "the release at the end")
        assert tab.errors == []
        assert graph.stop(process) == 0  # with the page still connected


def test_a_port_in_use_is_one_clear_line(tmp_path) -> None:
    import socket

    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = subprocess.run(
            command("phone", port=port), capture_output=True, text=True, timeout=60
        )
    assert done.returncode == 2
    errors = [line for line in done.stderr.splitlines() if "error" in line]
    assert len(errors) == 1
    assert "another port" in errors[0]
