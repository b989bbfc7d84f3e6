# SPDX-License-Identifier: Apache-2.0
"""Fixtures: `lab` for one test, `shared_lab` for a file of tests, `labs()` makes more of those. When a test fails, the end of every
server's log is shown: of the labs it uses, and of those that what it uses has as its attribute `lab`."""
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


@pytest.fixture(scope="module")
def labs():
    made = []

    def make():
        made.append(Lab())
        return made[-1]

    yield make
    for lab in reversed(made):
        lab.close()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        used = getattr(item, "funcargs", {}).values()
        for made in {id(lab): lab for lab in (getattr(value, "lab", value) for value in used) if isinstance(lab, Lab)}.values():
            for title, text in made.logs():
                report.sections.append((title, text[-8000:]))
