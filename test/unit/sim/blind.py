"""A world whose sets carry no images, for what is about physics alone."""

from visuomotor.contracts import SyncedFrame
from visuomotor.sim import SimConfig, SimWorld
from visuomotor.sim.rollout import Lockstep


class Blind(SimWorld):
    def frame(self, snapshot=None):
        return SyncedFrame(self.time_ns, {}, self.robot_state())


def blind(task, **fields):
    return Blind(SimConfig(task=task, cameras=("front",), **fields))


def put(world, name, T, quat_wxyz):
    """Places a free body: position (3,) and quaternion."""
    joint = world.data.joint(name)
    joint.qpos[:] = (*T, *quat_wxyz)
    joint.qvel[:] = 0


def demonstrate(world, seeds):
    """The rollouts of the expert, and how many of its targets were not accepted."""
    lockstep, rollouts, refused = Lockstep(world), [], 0
    for seed in seeds:
        accepted = []
        rollout = lockstep.demonstrate(
            seed, lambda _: None, lambda stamp_ns, _, to=accepted: to.append(stamp_ns)
        )
        rollouts.append(rollout)
        refused += rollout.steps - len(accepted)
    return rollouts, refused
