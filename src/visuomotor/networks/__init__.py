"""Backbones, spatial softmax and heads, shared by the policy families; needs torch."""

from visuomotor.networks.backbone import Backbone, CompactBackbone, normalise_color
from visuomotor.networks.grids import cell_pixels, pixel_lattice, pixels_to_cells, sample_map
from visuomotor.networks.mlp import mlp
from visuomotor.networks.spatial_softmax import expected_pixel, expected_point

__all__ = [
    "Backbone",
    "CompactBackbone",
    "cell_pixels",
    "expected_pixel",
    "expected_point",
    "mlp",
    "normalise_color",
    "pixel_lattice",
    "pixels_to_cells",
    "sample_map",
]
