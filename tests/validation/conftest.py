"""An original of ten samples, and its judge."""

from __future__ import annotations

import pytest

from tests.validation.fakes import FakeRuntime, make_artifact, make_reference
from tests.validation.judging import batches, model
from validation.judge import judge_on
from validation.verdict import Verdict


@pytest.fixture
def reference(tmp_path):
    return make_reference(tmp_path / "reference", model, batches(4, 4, 2))


@pytest.fixture
def verdict(tmp_path, reference):
    """Judges a model on a fake runtime."""

    def give(model=model, artifact=None, reference=reference, **facts) -> Verdict:
        artifact = artifact or make_artifact(tmp_path / "artifact")
        return judge_on(FakeRuntime(model, **facts), artifact, reference, "the artifact")

    return give
