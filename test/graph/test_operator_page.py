"""A stranger with a browser and nothing else: the real page on the running simulation."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

rclpy = pytest.importorskip("rclpy")
pytest.importorskip("mujoco")

from browser import browser  # noqa: E402
from browser_tab import Tab  # noqa: E402
from diagnostic_msgs.msg import DiagnosticArray  # noqa: E402
from rclpy.node import Node  # noqa: E402
from ros_node import running  # noqa: E402
from std_msgs.msg import Bool  # noqa: E402

from visuomotor.console.server import PageServer  # noqa: E402
from visuomotor.recording import discarded, find_episodes, load_sidecar, read_frames  # noqa: E402
from visuomotor.ros import messages, topics  # noqa: E402

pytestmark = pytest.mark.alone

LAUNCH = Path(__file__).parents[2] / "launch"
POLICY = LAUNCH.parent / "models" / "checkpoints" / "lift_dense"
UP = "import sys; from visuomotor.ros.launch import up; sys.exit(up(sys.argv[1], sys.argv[2:]))"
START_ATTEMPTS = 5
STATE = "document.querySelector('#machine [aria-current]')?.textContent"
REASON = "document.getElementById('reason').textContent"
POLICY_STATE = "document.getElementById('policy-state').textContent"
CALM = "!document.querySelector('.more.bad')"
DOTS = "document.querySelector('figure[data-camera=front]').dataset.dots"
# what has no GPU draws the scene seldom
DRAWN_ANEW = """new Promise((drawn) => new MutationObserver(drawn).observe(
  document.getElementById("scene"), { attributeFilter: ["data-drawn"] })).then(() => true)"""
RECORDER_STATE = "document.getElementById('recorder-state').textContent"
ROWS = "[...document.querySelectorAll('#episode-rows tr')].map((r) => r.innerText).join('\\n')"


def free_port() -> int:
    server = PageServer({})
    server.close()
    return int(server.url.rstrip("/").rpartition(":")[2])


@contextlib.contextmanager
def up(logs: Path, *launches: list[str]) -> Iterator[None]:
    """Launch files and their arguments, up together and down together, in the folder `logs`."""
    processes = []
    try:
        for words in launches:
            with (logs / f"{words[0]}.log").open("wb") as out:
                command = [sys.executable, "-c", UP, str(LAUNCH / words[0]), *words[1:]]
                processes.append(
                    subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, cwd=logs)
                )
        yield
        assert [p.poll() for p in processes] == [None] * len(processes), "none has ended by itself"
    finally:
        for process in processes:
            process.send_signal(signal.SIGINT)
        for process in processes:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("operator") / "dataset"


@pytest.fixture(scope="module")
def page(dataset: Path) -> Iterator[Tab]:
    """The page of a running cell, cameras and scene shown."""
    logs, port = dataset.parent, free_port()
    console = ["recorder:=true", f"dataset:={dataset.name}", f"port:={port}", "task:=lift"]
    launches = (
        ["console.launch.xml", *console],
        ["sim.launch.xml"],
        ["policy.launch.xml", f"policy:={POLICY}"],
    )
    size = (1500, 920) if os.environ.get("VISUOMOTOR_PICTURES") else (1100, 700)
    with up(logs, *launches), browser(*size) as tab:
        end = time.monotonic() + 90
        while f":{port}/" not in (text := (logs / "console.launch.xml.log").read_text()):
            assert time.monotonic() < end, text
            time.sleep(0.05)
        tab.open(f"http://127.0.0.1:{port}/")
        tab.until("document.querySelectorAll('figure[data-pictures]:not(.old)').length === 2", 90)
        yield tab
        assert tab.errors == []


@pytest.fixture
def listener() -> Iterator[Node]:
    yield from running(lambda: Node("listener"))


def keep_picture(tab: Tab, name: str, folder: Path, seen: str = "true") -> None:
    """Of what a person sees once `seen` is true, also into VISUOMOTOR_PICTURES if that is set.

    The docs' pictures are made so: there no node warns that the machine is too slow.
    """
    wanted = os.environ.get("VISUOMOTOR_PICTURES")
    seen = f"{seen} && {CALM}" if wanted else seen
    tab.until(seen, 120)
    tab.run(DRAWN_ANEW)
    tab.until(seen, 120)
    path = folder / f"{name}.png"
    tab.picture(path)
    assert path.stat().st_size > 20_000, "an empty page is smaller"
    if wanted:
        assert path.stat().st_size < 300_000, f"{name} is too large for the docs"
        shutil.copy(path, Path(wanted) / path.name)


def test_the_cell_is_seen(page: Tab, tmp_path: Path) -> None:
    drawn = "document.getElementById('scene').dataset.drawn"
    page.until(f"/link7:\\d{{3}}/.test({drawn}) && /workspace:24/.test({drawn})")
    page.until(f"/cloud-front:\\d{{3}}/.test({drawn}) && /cloud-side:\\d{{3}}/.test({drawn})")
    page.until("document.querySelectorAll('#stream-rows tr').length >= 8")
    page.until(
        "[...document.querySelectorAll('#stream-rows tr')]"
        ".every((r) => r.children[1].textContent > 1)"
    )
    assert page.run(STATE) in ("idle", "hold")
    before = int(page.run("document.querySelector('figure').dataset.pictures"))
    page.until(f"document.querySelector('figure').dataset.pictures > {before + 3}")
    shades = page.run(
        "(() => { const c = document.querySelector('figure canvas'); const d = c.getContext('2d')"
        ".getImageData(0, 0, c.width, c.height).data; return new Set(d).size; })()"
    )
    assert shades > 30, "a picture, not a flat colour"


def start_policy(page: Tab) -> None:
    """Until it moves the arm and its keypoints are seen; it is refused while sets are missing."""
    said = "document.getElementById('said').innerText"
    for _ in range(START_ATTEMPTS):
        page.run("document.getElementById('said').replaceChildren()")
        page.click("#policy-start")
        page.until(f"{POLICY_STATE} !== 'stopped' || /refused/.test({said})")
        if page.run(f"{POLICY_STATE} !== 'stopped'"):
            break
    page.until(f"{STATE} === 'policy' && {DOTS} > 2")


def stop_policy(page: Tab) -> None:
    page.click("#policy-stop")
    page.until(f"['idle', 'hold'].includes({STATE}) && {POLICY_STATE} === 'stopped'")


def test_the_policy_is_started_seen_and_stopped(page: Tab) -> None:
    start_policy(page)
    page.until("/keypoints:\\d\\d/.test(document.getElementById('scene').dataset.drawn)")
    stop_policy(page)


def test_an_episode_is_recorded_labelled_discarded_and_restored(
    page: Tab, dataset: Path, tmp_path: Path
) -> None:
    page.until("document.getElementById('task').value === 'lift'")
    page.type_into("#operator", "ada")
    start_policy(page)
    page.click("#start")
    page.until(f"/recording, [1-9]\\d+ sets/.test({RECORDER_STATE})")
    keep_picture(page, "operator_recording", tmp_path, f"{STATE} === 'policy' && {DOTS} > 2")
    stop_policy(page)
    page.click("#success")
    page.until("/success: /.test(document.getElementById('said').innerText)")
    page.click("#stop")
    page.until(f"/success/.test({ROWS}) || document.querySelector('#episode-rows select')")
    (episode,) = find_episodes(dataset)
    sidecar = load_sidecar(episode)
    assert (sidecar.task, sidecar.operator, sidecar.outcome) == ("lift", "ada", "success")
    assert len(list(read_frames(episode))) == sidecar.sets >= 10
    name = f"lift/{episode.name}"
    page.until(f"{ROWS}.includes('{name}')")

    # relabelled in the list
    page.run(
        "(() => { const s = document.querySelector('#episode-rows select'); s.value = 'failure'; "
        "s.dispatchEvent(new Event('change')); })()"
    )
    page.until(f"document.getElementById('said').innerText.includes('{name}: failure')")
    assert load_sidecar(episode).outcome == "failure"

    # discarded by the recorder, which the list shows, and undone
    page.click("#discard")
    page.until("document.getElementById('show-trash').textContent === 'Trash 1'")
    assert (find_episodes(dataset), len(discarded(dataset))) == ([], 1)
    page.click("#undo")
    page.until("document.getElementById('show-kept').textContent === 'Kept 1'")
    assert find_episodes(dataset) == [episode]

    # discarded and restored from the list
    page.click("#episode-rows button")
    page.until("document.getElementById('show-trash').textContent === 'Trash 1'")
    page.click("#show-trash")
    page.until(f"{ROWS}.includes('{name}')")
    keep_picture(page, "operator_trash", tmp_path)
    page.click("#episode-rows button")
    page.until("document.getElementById('show-kept').textContent === 'Kept 1'")
    page.click("#show-kept")
    page.until(f"{ROWS}.includes('{name}')")
    keep_picture(page, "operator_restored", tmp_path)
    assert find_episodes(dataset) == [episode]
    assert load_sidecar(episode).outcome == "failure", "it came back as it went"


def test_hold_stops_the_policy_until_recover(page: Tab, listener: Node, tmp_path: Path) -> None:
    """On the page, and in what the bridge itself says."""
    heard: list[dict[str, dict[str, str]]] = []
    listener.create_subscription(
        DiagnosticArray,
        topics.COMMAND_STATUS,
        lambda m: heard.append(messages.diagnostics_from_msg(m)),
        topics.RELIABLE,
    )

    def until(condition: Callable[[], bool]) -> None:
        end = time.monotonic() + 60
        while not (heard and condition()):
            assert time.monotonic() < end, heard[-1:]
            rclpy.spin_once(listener, timeout_sec=0.1)

    def count(status: dict[str, dict[str, str]], name: str) -> int:
        return int(status["counters"].get(name, 0))

    start_policy(page)
    until(lambda: heard[-1]["bridge"]["state"] == "policy")
    page.click("#hold")
    until(lambda: "the operator holds the arm" in heard[-1]["bridge"]["reason"])
    page.until(f"{STATE} === 'hold' && /operator holds/.test({REASON})")

    # it stays, although the policy goes on
    held = heard[-1]
    del heard[:]
    until(lambda: count(heard[-1], "refused/policy/held") >= count(held, "refused/policy/held") + 5)
    assert {status["bridge"]["state"] for status in heard} == {"hold"}
    assert count(heard[-1], "accepted/policy") == count(held, "accepted/policy") > 0
    keep_picture(page, "operator_hold", tmp_path)

    page.click("#recover")
    until(lambda: heard[-1]["bridge"]["state"] == "policy")
    page.until(f"{STATE} === 'policy'")
    assert count(heard[-1], "accepted/policy") > count(held, "accepted/policy")
    stop_policy(page)


def test_the_policy_is_enabled_only_while_the_button_is_held(page: Tab, listener: Node) -> None:
    heard: list[bool] = []
    listener.create_subscription(
        Bool, topics.POLICY_ENABLE, lambda m: heard.append(m.data), topics.RELIABLE
    )

    def listen(seconds: float) -> list[bool]:
        del heard[:]
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            rclpy.spin_once(listener, timeout_sec=0.02)
        return list(heard)

    assert listen(0.5) == [], "nobody holds it"
    for _ in range(5):  # where the machine stalls, the page lets go: press again
        page.press("#enable")
        held = listen(2.0)
        if len(held) >= 8 and all(held):
            break
        page.release()
        end = time.monotonic() + 20  # what it said last would count as this one's
        while listen(0.5):
            assert time.monotonic() < end, "it goes on after it was let go"
    assert len(held) >= 8
    assert all(held)
    page.release()
    assert listen(0.8)[-1:] in ([False], [])
    assert listen(0.5) == [], "let go: silence"

    # a hidden page is silent, too
    page.press("#enable")
    page.run(
        "Object.defineProperty(document, 'hidden', { get: () => true, configurable: true }); "
        "document.dispatchEvent(new Event('visibilitychange'))"
    )
    listen(0.8)
    assert listen(0.5) == []
    page.run("delete document.hidden")
    page.release()


def test_the_page_asks_this_machine_only(page: Tab) -> None:
    origin = page.run("location.origin")
    foreign = [u for u in page.requests if not u.startswith((origin, "data:", "blob:", "about:"))]
    assert page.requests
    assert foreign == []


def test_another_scene_is_asked_for(page: Tab) -> None:
    page.type_into("#seed", "12")
    page.click("#sim-reset")
    page.until("/seed 12/.test(document.getElementById('sim-state').textContent)")


def test_a_console_that_ends_leaves_no_stale_page(page: Tab) -> None:
    page.run("window.kept = fetch; window.fetch = () => Promise.reject(new Error('gone'))")
    page.until("!document.getElementById('alarm').hidden && document.body.matches('.lost')")
    page.run("window.fetch = window.kept")
    page.until("document.getElementById('alarm').hidden && !document.body.matches('.lost')")
