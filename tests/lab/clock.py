# SPDX-License-Identifier: Apache-2.0
"""Other times than now, for programs that ask what time it is: libfaketime (Debian package libfaketime)."""
import glob

DAY = 86400


def shifted(seconds):
    """The environment in which a program's clock is so many seconds ahead (or, when negative, behind). Deadlines, which go by
    CLOCK_MONOTONIC, stay as they are."""
    library, = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
    return {"LD_PRELOAD": library, "FAKETIME": f"{int(seconds):+d}s", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
