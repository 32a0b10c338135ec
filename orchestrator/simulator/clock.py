"""Time inside the simulator: one wall clock for what is written, one org clock for how long things take."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime


class SimClock:
    """Wall time for timestamps and JWT checks; org time for durations.

    Org time runs `speed` times faster than the wall and can be advanced by `POST /clock`, so that
    propagation, deploy stages, lockout intervals and session expiry pass without anybody sleeping.
    """

    def __init__(self, *, speed: float = 1.0, wall: Callable[[], float] = time.time) -> None:
        if speed <= 0:
            raise ValueError("speed must be above zero")
        self._wall = wall
        self._speed = speed
        self._start_s = wall()
        self._advanced_s = 0.0

    @property
    def speed(self) -> float:
        """How many org seconds pass in one wall second."""
        return self._speed

    def wall_s(self) -> float:
        """Seconds since the epoch, as written into every timestamp."""
        return self._wall()

    def now_s(self) -> float:
        """Org time in seconds; only differences between two readings mean anything."""
        return self._start_s + (self._wall() - self._start_s) * self._speed + self._advanced_s

    def advance(self, seconds: float) -> None:
        """Move org time forward by `seconds`; the wall stays."""
        if seconds < 0:
            raise ValueError("time does not go back")
        self._advanced_s += seconds


def rest_timestamp(wall_s: float) -> str:
    """Format a time as REST does: `2026-08-24T21:26:29.000+0000`."""
    return _to_seconds(wall_s) + f".{int(wall_s * 1000) % 1000:03d}+0000"


def soap_timestamp(wall_s: float) -> str:
    """Format a time as SOAP does: `2026-08-24T21:26:29.000Z`."""
    return _to_seconds(wall_s) + f".{int(wall_s * 1000) % 1000:03d}Z"


def _to_seconds(wall_s: float) -> str:
    return datetime.fromtimestamp(int(wall_s), UTC).strftime("%Y-%m-%dT%H:%M:%S")
