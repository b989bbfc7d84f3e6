# SPDX-License-Identifier: Apache-2.0
"""kill -9 at random moments under load. tests/crash-trials is the same for as long as one likes."""
from lab.crash import CrashTrials


def test_what_got_250_survives_kill_9_of_a_service_and_of_all(lab):
    trials = CrashTrials(lab, seed=42)
    trials.run(12)
    result = trials.settle()
    assert result["missing"] == [], result
    assert result["acknowledged"]["out"] > 50 and result["acknowledged"]["in"] > 20, result
    assert trials.relay.wait_queue(0, 60) == []
    # A copy too many can come of each kill, for what was between the other side's 250 and our note of it; not more.
    assert result["duplicates"]["out"] <= 12 * 20 and result["duplicates"]["in"] <= 12 * 2, result
