# SPDX-License-Identifier: Apache-2.0
"""Fixtures: `lab` for one test, `shared_lab` for a file of tests. When a test fails, the end of every server's log is shown."""
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import Lab  # noqa: E402


@pytest.fixture
def lab():
    with Lab() as made:
        yield made


@pytest.fixture(scope="module")
def shared_lab():
    with Lab() as made:
        yield made


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        for name in ("lab", "shared_lab"):
            made = item.funcargs.get(name) if hasattr(item, "funcargs") else None
            for title, text in made.logs() if made else []:
                report.sections.append((title, text[-8000:]))
