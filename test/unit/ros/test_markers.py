"""What a policy sees and wants, as RViz and Foxglove draw it."""

import numpy as np
import pytest

pytest.importorskip("visualization_msgs")

from visualization_msgs.msg import Marker

from visuomotor.errors import DataError
from visuomotor.geometry import pose
from visuomotor.ros.markers import keypoint_cloud, keypoints_from_cloud, policy_markers

TARGET = pose(position=(0.5, 0.1, 0.2))


def by_name(info):
    markers = policy_markers(info, TARGET, 5).markers
    assert len({m.id for m in markers}) == len(markers)
    assert all(m.header.frame_id == "fr3_link0" for m in markers)
    return {m.ns: m for m in markers}


def test_keypoints_fade_with_their_confidence_and_unseen_ones_are_left_out():
    points = np.array([[0.4, 0, 0.1], [np.nan, 0, 0], [0.6, 0, 0.1]])
    found = by_name({"keypoints": points, "confidence": np.array([0.8, 0.1, 0.2])})
    assert set(found) == {"keypoints", "target"}
    spheres = found["keypoints"]
    assert [p.x for p in spheres.points] == [0.4, 0.6]
    assert [c.a for c in spheres.colors] == pytest.approx([1.0, 0.4])
    assert found["target"].pose.position.y == pytest.approx(0.1)
    opaque = by_name({"keypoints": points})["keypoints"]
    assert [c.a for c in opaque.colors] == [1.0, 1.0]


def test_an_attention_shows_what_it_follows_where_to_and_its_regions():
    corners = np.arange(24.0).reshape(2, 4, 3)
    info = {
        "keypoints": np.zeros((2, 3)),
        "confidence": np.array([0.9, 0.1]),
        "attended": np.array([[0.4, 0.2, 0.02]]),
        "action_target": np.array([[0.4, 0.2, 0.12]]),
        "region_corners": corners,
    }
    found = by_name(info)
    assert found["attended"].pose.position.z == pytest.approx(0.02)
    assert found["action_target"].pose.position.z == pytest.approx(0.12)
    lines = found["regions"]
    assert lines.type == Marker.LINE_LIST
    assert len(lines.points) == len(lines.colors) == 2 * 4 * 2
    ends = [(p.x, p.y, p.z) for p in lines.points]
    assert ends[0] == ends[7] == tuple(corners[0, 0])  # each rectangle is closed


def test_a_policy_that_shows_nothing_has_its_target_alone():
    found = by_name({})
    assert found["keypoints"].points == []


@pytest.mark.parametrize(
    "change", [{"width": 9}, {"height": 2**31}, {"point_step": 4}, {"data": b""}, {"offset": 2**31}]
)
def test_a_cloud_that_is_shorter_than_it_says_is_refused(change) -> None:
    cloud = keypoint_cloud(np.eye(3), np.ones(3), 0)
    points, weights = keypoints_from_cloud(cloud)
    np.testing.assert_array_equal(points, np.eye(3))
    np.testing.assert_array_equal(weights, np.ones(3))
    if "offset" in change:
        cloud.fields[2].offset = change["offset"]
    for name in set(change) - {"offset"}:
        setattr(cloud, name, change[name])
    with pytest.raises(DataError, match="expected points that hold their fields"):
        keypoints_from_cloud(cloud)
