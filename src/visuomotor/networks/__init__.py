"""Backbones, spatial softmax and heads, shared by the policy families; needs torch."""

from visuomotor.networks.backbone import Backbone, CompactBackbone, normalise_color
from visuomotor.networks.grids import (
    Grid,
    as_grid,
    cell_pixels,
    pixel_lattice,
    pixels_to_cells,
    sample_map,
)
from visuomotor.networks.mixture import Gaussian, Mixture, MixtureLayer
from visuomotor.networks.mlp import mlp
from visuomotor.networks.pretrained import load_pretrained
from visuomotor.networks.registry import BACKBONES, make_backbone
from visuomotor.networks.spatial_encoder import SpatialEncoder
from visuomotor.networks.spatial_softmax import (
    expected_pixel,
    expected_point,
    local_expectation,
)

__all__ = [
    "BACKBONES",
    "Backbone",
    "CompactBackbone",
    "Gaussian",
    "Grid",
    "Mixture",
    "MixtureLayer",
    "SpatialEncoder",
    "as_grid",
    "cell_pixels",
    "expected_pixel",
    "expected_point",
    "load_pretrained",
    "local_expectation",
    "make_backbone",
    "mlp",
    "normalise_color",
    "pixel_lattice",
    "pixels_to_cells",
    "sample_map",
]
