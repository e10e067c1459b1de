# SPDX-License-Identifier: MIT

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from story import pytest_runtest_makereport, pytest_runtest_setup  # noqa: E402, F401
