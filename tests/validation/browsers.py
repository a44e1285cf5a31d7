"""What tests need of real browsers."""

from __future__ import annotations

import pytest

from validation.runtimes.browser.find import find_browser, hint

needs_chromium = pytest.mark.skipif(
    find_browser("chromium") is None, reason=f"no Chromium is here: {hint('chromium')}"
)
