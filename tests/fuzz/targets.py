"""The one table of targets."""

from __future__ import annotations

from collections.abc import Mapping

from . import file_targets, screen_targets, text_targets, wire_targets
from .law import Target

TARGETS: Mapping[str, Target] = {
    target.name: target
    for room in (wire_targets, text_targets, file_targets, screen_targets)
    for target in room.TARGETS
}
