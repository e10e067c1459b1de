# SPDX-License-Identifier: MIT
"""Where the harness is; run.py needs the same."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "support")]
