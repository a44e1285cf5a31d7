"""Data in a folder of pictures, for a model whose only input is a picture (channels last).

Files are taken in the order of their paths; names that start with a dot are ignored. Each is turned
upright (EXIF), brought to the signature's channels (1 grey, 3 RGB, 4 RGBA) and, bilinearly with
antialiasing, to its height and width; a dynamic one keeps the picture's own. Pixels 0 to 255 become
the spec's range: 0 to 255 for integer inputs, otherwise 0 to 1, unless the spec says another.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from converters.errors import EdgeproofError
from converters.signature import TensorSpec
from validation.dtypes import is_float, is_integer, numpy_dtype
from validation.feed_check import conform
from validation.feed_layout import Layout

if TYPE_CHECKING:
    from validation.feeds import FeedSpec

MODES = {1: "L", 3: "RGB", 4: "RGBA"}
SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff"})


def read(spec: FeedSpec, layout: Layout) -> Iterator[dict[str, np.ndarray]]:
    """One picture at a time."""
    assert spec.images is not None
    wanted = _picture_input(layout, spec.images.name)
    for path in _files(spec.images):
        pixels = _load(path, wanted, layout.sample_shape(wanted))
        yield conform({wanted.name: _scale(pixels, wanted, spec)[None]}, layout, path.name)


def _picture_input(layout: Layout, label: str) -> TensorSpec:
    only = layout.inputs[0]
    shape = layout.sample_shape(only)
    fits = len(layout.inputs) == 1 and len(shape) == 3 and shape[2] in MODES
    if not fits or not (is_float(only.dtype) or is_integer(only.dtype)):
        raise EdgeproofError(
            f"{label}: the model does not take pictures",
            got=", ".join(map(str, layout.inputs)),
            want="one numeric input [batch, height, width, channels] with 1, 3 or 4 channels",
            fix="give the data as .npz, with one array for each input",
        )
    return only


def _files(folder: Path) -> list[Path]:
    found = sorted(p for p in folder.rglob("*") if p.is_file() and not p.name.startswith("."))
    others = [str(p.relative_to(folder)) for p in found if p.suffix.lower() not in SUFFIXES]
    if others or not found:
        raise EdgeproofError(
            f"{folder}: not a folder of pictures",
            got=_first_few(others) if others else "no files" if folder.is_dir() else "no such folder",
            want="only pictures: " + ", ".join(sorted(SUFFIXES)),
            fix="name the folder that holds the pictures, and move other files out of it",
        )
    return found


def _first_few(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _load(path: Path, spec: TensorSpec, shape: tuple[int | None, ...]) -> np.ndarray:
    """uint8 [height, width, channels]."""
    from PIL import Image, ImageOps

    height, width, channels = *shape[:2], shape[2] or 3
    try:
        with Image.open(path) as opened:
            picture = ImageOps.exif_transpose(opened).convert(MODES[channels])
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise EdgeproofError(
            f"{path}: can't be read as a picture",
            got=str(error),
            want="a picture that Pillow opens",
            fix=f"replace or remove the file; it is one of the samples for {spec.name}",
        ) from error
    size = (width or picture.width, height or picture.height)
    if size != picture.size:
        picture = picture.resize(size, Image.Resampling.BILINEAR)
    return np.asarray(picture).reshape(size[1], size[0], channels)


def _scale(pixels: np.ndarray, spec: TensorSpec, feeds: FeedSpec) -> np.ndarray:
    default = (0.0, 1.0) if is_float(spec.dtype) else (0.0, 255.0)
    low, high = feeds.value_range or default
    real = low + pixels.astype(np.float64) * ((high - low) / 255)
    return (real if is_float(spec.dtype) else np.rint(real)).astype(numpy_dtype(spec.dtype))
