"""Target poses in, limited references out; arbitration, gripper, controller backends."""

from visuomotor.control.arbitration import Arbiter, Source
from visuomotor.control.bridge import CartesianBridge
from visuomotor.control.bridge_config import BridgeConfig
from visuomotor.control.bridge_output import BridgeOutput
from visuomotor.control.limits import Limits
from visuomotor.control.reference import Reference, ReferenceGenerator
from visuomotor.control.targets import Verdict

__all__ = [
    "Arbiter",
    "BridgeConfig",
    "BridgeOutput",
    "CartesianBridge",
    "Limits",
    "Reference",
    "ReferenceGenerator",
    "Source",
    "Verdict",
]
