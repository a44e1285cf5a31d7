"""What the user wants, as written in a TOML file: the struct of every section and key.

Each key is described in `docs/recipe.md`; a test holds the two together.
`pipeline.recipe_file` reads the file and says what is wrong with it.
"""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from validation.domain import MARGIN
from validation.feeds import SEARCHED

NAME_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
"""Of a model's name and version, since both become directory names."""


class _Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table of the recipe; a key that is not named here is an error."""


class ModelSection(_Section, frozen=True, kw_only=True):
    """`[model]`: what is exported, and how it may be opened."""

    name: str
    version: str = "0.0.0"
    path: str | None = None
    signature: str | None = None
    custom_objects: tuple[str, ...] = ()
    trust: bool = False


class TrainSection(_Section, frozen=True, kw_only=True):
    """`[train]`: a callable that builds the model, instead of `model.path`."""

    callable: str
    epochs: int = 1
    batch: int = 32
    optimizer: str | None = None
    seed: int = 0


class CalibrationSection(_Section, frozen=True, kw_only=True):
    """`[calibration]`: at most one of npz, npy, images and callable."""

    npz: str | None = None
    npy: str | None = None
    images: str | None = None
    callable: str | None = None
    samples: int | None = None
    batch: int = 8
    seed: int = 0
    range: tuple[float, float] | None = None


class DataSection(CalibrationSection, frozen=True, kw_only=True):
    """`[data]`: likewise, the labels that belong to it, and what is tried besides."""

    labels: bool | str | dict[str, str] = False
    directed: bool = True
    searched: int = SEARCHED


class DomainSection(_Section, frozen=True, kw_only=True):
    """`[domain]`: the inputs on which a difference is a fault."""

    range: tuple[float, float] | None = None
    ranges: dict[str, tuple[float, float]] = {}
    nan: bool = False
    inf: bool = False
    denormals: bool = False
    margin: float = MARGIN


class ExportSection(_Section, frozen=True, kw_only=True):
    """`[export]`: the targets, and what a conversion may take."""

    targets: tuple[str, ...] = ("tflite:float32", "tfjs:float32", "onnx:float32")
    opset: int | None = None
    batch: int = 1
    time_limit_s: float = 1800.0
    memory_limit_mb: int | None = None


class LimitSection(_Section, frozen=True, kw_only=True):
    """`[validate.limits.OUTPUT]`: what that output must keep, in place of the limit that is derived."""

    rtol: float | None = None
    atol: float | None = None
    sqnr_db: float | None = None
    agreement: float | None = None
    accuracy: float | None = None


class ValidateSection(_Section, frozen=True, kw_only=True):
    """`[validate]`: the runtimes that are tried, those that must be here, and limits by output."""

    runtimes: tuple[str, ...] = ("cpu",)
    require: tuple[str, ...] = ()
    time_limit_s: float = 1800.0
    memory_limit_mb: int | None = None
    limits: dict[str, LimitSection] = {}


class PackageSection(_Section, frozen=True, kw_only=True):
    """`[package]`: where bundles go, and what may ship without having passed."""

    directory: str | None = None
    allow_failing: tuple[str, ...] = ()


class Recipe(_Section, frozen=True, kw_only=True):
    """The whole file."""

    model: ModelSection
    train: TrainSection | None = None
    data: DataSection | None = None
    calibration: CalibrationSection | None = None
    domain: DomainSection = DomainSection()
    export: ExportSection = ExportSection()
    validate: ValidateSection = ValidateSection()
    package: PackageSection = PackageSection()


class LoadedRecipe(msgspec.Struct, frozen=True, kw_only=True):
    """A recipe and the file that it came from.

    Attributes:
        path: the file, absolute.
        text: its content, which the bundle's manifest repeats.
        recipe: what it says.
    """

    path: Path
    text: str
    recipe: Recipe

    @property
    def directory(self) -> Path:
        """Where relative paths start, and the only place that user code is imported from."""
        return self.path.parent

    def resolve(self, text: str | None) -> Path | None:
        """A path of the recipe, absolute."""
        return None if text is None else (self.directory / Path(text).expanduser()).absolute()
