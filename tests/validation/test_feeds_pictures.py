"""Data in a folder of pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from converters.signature import Signature, TensorSpec
from tests.validation.feeding import read, refusal
from validation.feeds import FeedSpec


def picture(path: Path, size=(4, 2), colour=(255, 0, 51), **facts) -> None:
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path, **facts)


IMAGE = Signature((TensorSpec("image", (None, 2, 4, 3), "float32"),), ())


def test_pictures_in_the_order_of_their_paths_scaled_to_one(tmp_path):
    picture(tmp_path / "b.png", colour=(0, 0, 0))
    picture(tmp_path / "a" / "z.png")
    (tmp_path / ".DS_Store").write_bytes(b"")
    (feed,) = read(FeedSpec(images=tmp_path), IMAGE)
    np.testing.assert_allclose(feed.tensors["image"][0, 0, 0], [1.0, 0.0, 0.2], rtol=1e-6)
    np.testing.assert_array_equal(feed.tensors["image"][1], np.zeros((2, 4, 3)))


@pytest.mark.parametrize(("dtype", "value_range", "want"), [
    ("float32", None, 0.2), ("float32", (-1.0, 1.0), -0.6), ("float32", (0.0, 255.0), 51.0),
    ("uint8", None, 51), ("int32", None, 51), ("float16", None, 0.2),
])  # fmt: skip
def test_pixel_range(tmp_path, dtype, value_range, want):
    picture(tmp_path / "a.png")
    signature = Signature((TensorSpec("image", (None, 2, 4, 3), dtype),), ())
    (feed,) = read(FeedSpec(images=tmp_path, value_range=value_range), signature)
    assert feed.tensors["image"].dtype.name == dtype
    assert feed.tensors["image"][0, 0, 0, 2] == pytest.approx(want, rel=1e-3)


def test_pictures_are_resized_and_made_grey(tmp_path):
    picture(tmp_path / "a.jpg", size=(40, 20), colour=(100, 100, 100))
    signature = Signature((TensorSpec("image", (None, 5, 7, 1), "uint8"),), ())
    (feed,) = read(FeedSpec(images=tmp_path), signature)
    assert feed.tensors["image"].shape == (1, 5, 7, 1)
    assert np.ptp(feed.tensors["image"]) <= 1


def test_pictures_stand_upright(tmp_path):
    from PIL import Image

    turned = Image.Exif()
    turned[0x0112] = 6  # the camera was turned: height and width change places
    picture(tmp_path / "a.jpg", size=(4, 2), exif=turned)
    signature = Signature((TensorSpec("image", (None, None, None, 3), "uint8"),), ())
    assert read(FeedSpec(images=tmp_path), signature)[0].tensors["image"].shape == (1, 4, 2, 3)


def test_picture_faults(tmp_path):
    assert "not a folder of pictures\n  got:  no files\n" in refusal(FeedSpec(images=tmp_path), IMAGE)
    assert "got:  no such folder\n" in refusal(FeedSpec(images=tmp_path / "gone"), IMAGE)
    (tmp_path / "a.png").write_bytes(b"not a picture")
    assert "a.png: can't be read as a picture\n  got:  cannot identify" in refusal(
        FeedSpec(images=tmp_path), IMAGE
    )
    (tmp_path / "labels.csv").write_text("a")
    assert "got:  labels.csv\n  want: only pictures: .bmp, " in refusal(FeedSpec(images=tmp_path), IMAGE)
    assert "the model does not take pictures\n  got:  x: float32[?, 3]\n" in refusal(
        FeedSpec(images=tmp_path)
    )
