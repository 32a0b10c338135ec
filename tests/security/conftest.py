"""The scripted server of the network's tests, and the journals of the store's."""

from __future__ import annotations

import sys
from pathlib import Path

for room in ("salesforce", "store"):
    sys.path.insert(0, str(Path(__file__).parents[1] / room))
