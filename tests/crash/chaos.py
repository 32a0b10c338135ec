"""A fleet whose driving process is killed, stopped and asked to stop at random, until every run is over.

The script follows from the seed: after how many lines of a process what happens to it. Two runs of one seed
meet the same blows, though the threads in between take turns as they like.
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

DYING_WITHIN_S = 60.0
STARTING_WITHIN_S = 20.0
TOGETHER_WITHIN_S = 3.0
BLOWS = {"kill": 6, "kill at the start": 1, "terminate": 2, "stop": 2}


class Life:
    """One process of the product; its lines are kept in a file and counted as they come.

    Args:
        command: arguments of the command line.
        environment: its variables.
        folder: for what it says.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], folder: Path) -> None:
        folder.mkdir(parents=True)
        self._said = folder / "out"
        self._lines = 0
        self._over = False
        self._changed = threading.Condition()
        with (folder / "err").open("wb") as err:
            self.process = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-m", "orchestrator", *command],
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=err,
            )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self._said.open("wb") as kept, self.process.stdout:
            for line in self.process.stdout:
                kept.write(line)
                with self._changed:
                    self._lines += 1
                    self._changed.notify_all()
        with self._changed:
            self._over = True
            self._changed.notify_all()

    def lines(self, number: int, timeout_s: float | None = None) -> int:
        """Wait for so many lines, or the end; how many there are."""
        with self._changed:
            self._changed.wait_for(lambda: self._over or self._lines >= number, timeout_s)
            return self._lines

    @property
    def is_over(self) -> bool:
        """Whether it has said its last word."""
        with self._changed:
            return self._over

    def send(self, number: signal.Signals) -> None:
        """A signal, if there still is a process."""
        if self.process.poll() is None:
            self.process.send_signal(number)

    def end(self) -> int:
        """Wait for the end; its exit code."""
        code = self.process.wait(DYING_WITHIN_S)
        self._reader.join(DYING_WITHIN_S)
        return code


@dataclass
class Fleet:
    """What is driven, and what has happened to those who drove it.

    Attributes:
        run: arguments that make the runs.
        resume: arguments that carry on.
        home: of the journal.
        folder: for what the processes say.
        blows: what happened, and how often.
        lives: processes so far.
    """

    run: Sequence[str]
    resume: Sequence[str]
    environment: Mapping[str, str]
    home: Path
    folder: Path
    rng: random.Random
    lines_at_most: int
    blows: Counter[str] = field(default_factory=Counter)
    lives: int = 0

    def drive(self, *, lives_at_most: int) -> int:
        """Until a process ends by itself with every run over; its exit code."""
        while True:
            life = self._next()
            if self.lives > lives_at_most:
                life.lines(sys.maxsize)
                return life.end()
            lines = self.rng.randint(1, self.lines_at_most)
            kind = self.rng.choices(list(BLOWS), list(BLOWS.values()))[0]
            if kind == "kill at the start":
                life.lines(sys.maxsize, timeout_s=self.rng.uniform(0.0, 1.5))
            elif life.lines(lines) < lines or life.is_over:
                code = life.end()
                if self.unfinished() == 0:
                    return code
                continue
            self.blows[kind] += 1
            self._strike(life, kind)

    def unfinished(self) -> int:
        """Runs that are not over; -1 while none is recorded."""
        if not (self.home / "journal.db").is_file():
            return -1
        with sqlite3.connect(self.home / "journal.db", timeout=STARTING_WITHIN_S) as journal:
            try:
                rows = journal.execute("SELECT status IN ('active', 'awaiting_operator') FROM run").fetchall()
            except sqlite3.OperationalError:  # killed before there was a table
                rows = []
        journal.close()
        return sum(row[0] for row in rows) if rows else -1

    def _next(self) -> Life:
        self.lives += 1
        command = self.run if self.unfinished() < 0 else self.resume
        return Life(command, self.environment, self.folder / f"life{self.lives}")

    def _strike(self, life: Life, kind: str) -> None:
        if kind.startswith("kill"):
            life.send(signal.SIGKILL)
            assert life.end() in {-signal.SIGKILL, 0}
        elif kind == "terminate":
            life.send(signal.SIGTERM)
            code = life.end()
            assert code in {0, 3, 4, 5, -signal.SIGTERM}, f"exit code {code} after SIGTERM"
        else:
            self._stop_and_let_another_go_on(life)

    def _stop_and_let_another_go_on(self, life: Life) -> None:
        """A process that was away for a while comes back and finds that another one has taken part."""
        life.send(signal.SIGSTOP)
        other = self._next()
        other.lines(self.rng.randint(1, self.lines_at_most), timeout_s=TOGETHER_WITHIN_S)
        life.send(signal.SIGCONT)
        other.lines(self.rng.randint(1, self.lines_at_most), timeout_s=TOGETHER_WITHIN_S)
        dying = [life, other]
        self.rng.shuffle(dying)
        for each in dying:
            each.send(signal.SIGKILL)
            each.end()


def kept_secrets(home: Path, said: Path, secrets: Mapping[str, str]) -> list[str]:
    """Files that hold one of *secrets* in the open: everything in home, and everything that was said."""
    found = []
    for path in [*home.rglob("*"), *said.rglob("*")]:
        if path.is_file():
            content = path.read_bytes()
            found += [f"{name} in {path}" for name, secret in secrets.items() if secret.encode() in content]
    return found


def chaos_orgs() -> int:
    """How many orgs: ORCHESTRATOR_CHAOS_ORGS."""
    return int(os.environ.get("ORCHESTRATOR_CHAOS_ORGS", "16"))


def chaos_seed() -> str:
    """Another one every time, unless ORCHESTRATOR_CHAOS_SEED asks for one again."""
    return os.environ.get("ORCHESTRATOR_CHAOS_SEED") or os.urandom(4).hex()
