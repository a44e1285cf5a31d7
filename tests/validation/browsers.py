"""What tests need of real browsers."""

from __future__ import annotations

import pytest

from validation.runtimes.browser.families import FAMILIES
from validation.runtimes.browser.find import find_browser, hint


def needs(family: str) -> pytest.MarkDecorator:
    """Skips where there is no such browser, or no display that it can be shown on."""
    missing = hint(family) if find_browser(family) is None else FAMILIES[family].missing_display("webgl")
    return pytest.mark.skipif(missing is not None, reason=f"no {family} is here: {missing}")


needs_chromium = needs("chromium")
