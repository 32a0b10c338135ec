"""`make fuzz`: atheris on every target, each in a process of its own, guided by the coverage of the product.

    python -m tests.fuzz [--seconds N] [--jobs N] [TARGET…]

What a target finds anew is thrown away, but for inputs that break the law: those are kept in its corpus as
`crash-…`, where the tests replay them until they are mended, and for ever after. Needs atheris
(locks/fuzz.txt).
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .law import CORPUS, MAX_INPUT_BYTES

_INSTRUMENTED = ["orchestrator", "zeep", "simple_salesforce"]
_UNINTERESTING = ["orchestrator.simulator"]
_INPUT_TIMEOUT_S = 20
_MEMORY_MB = 2048
_START_S = 120.0  # until everything is imported and instrumented
_STAT = re.compile(r"#(\d+)\s+(INITED|DONE).*?cov: (\d+) ft: (\d+)")


def child(name: str, options: list[str]) -> None:
    """Fuzz one target in this process; libFuzzer ends it."""
    import atheris  # noqa: PLC0415 - of an environment of its own

    with atheris.instrument_imports(include=_INSTRUMENTED, exclude=_UNINTERESTING):
        from .law import obey  # noqa: PLC0415 - instrumented
        from .targets import TARGETS  # noqa: PLC0415 - likewise

    target = TARGETS[name]

    def one(given: bytes) -> None:
        obey(target, given)

    atheris.Setup([sys.argv[0], *options], one)
    atheris.Fuzz()


def fuzz(name: str, seconds: int) -> tuple[bool, str]:
    """Fuzz one target in a process of its own; whether it obeyed, and a line for the table."""
    from .targets import TARGETS  # noqa: PLC0415 - heavy

    target = TARGETS[name]
    with tempfile.TemporaryDirectory(prefix="fuzz-") as room:
        words = Path(room, "words")
        words.write_text("".join(f'"{_escaped(word)}"\n' for word in target.words))
        grown = Path(room, "corpus")
        grown.mkdir()
        for number, path in enumerate(target.shipped):
            grown.joinpath(f"shipped-{number}").write_bytes(path.read_bytes())
        options = [
            f"-max_total_time={seconds}",
            f"-max_len={MAX_INPUT_BYTES}",
            f"-timeout={_INPUT_TIMEOUT_S}",
            f"-rss_limit_mb={_MEMORY_MB}",
            f"-artifact_prefix={target.folder}/",
            f"-dict={words}",
            str(grown),
            str(target.folder),
        ]
        done = subprocess.run(  # noqa: S603 - ourselves
            [sys.executable, "-m", __package__ or "tests.fuzz", "--child", name, *options],
            check=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=seconds + _START_S + _INPUT_TIMEOUT_S,
        )
    said = done.stderr.decode("utf-8", "replace")
    return done.returncode == 0, _line(name, said, done.returncode)


def _line(name: str, said: str, status: int) -> str:
    stats = _STAT.findall(said)
    began, ended = (stats[0], stats[-1]) if stats else (("0", "", "0", "0"),) * 2
    pulses = re.findall(r"^#(\d+)", said, re.MULTILINE)
    row = f"{name:<18} {pulses[-1] if pulses else 0:>9} runs   coverage {began[2]:>5} -> {ended[2]:>5}"
    if status == 0:
        return f"{row}   lawful"
    error = next(
        (line for line in said.split("\n") if re.match(r"[\w.]*(Error|Lawless|Exchange|ERROR)\b", line)), ""
    )
    where = re.findall(r'File "[^"]*(orchestrator/[^"]*)", line (\d+)', said)
    kept = re.findall(r"Test unit written to (\S+)", said)
    place = ":".join(where[-1]) if where else "?"
    return f"{row}   BROKE THE LAW: {error[:160]} at {place}; {Path(kept[0]).name if kept else said[-800:]}"


def _escaped(word: bytes) -> str:
    return "".join(chr(byte) if byte < 0x80 and chr(byte).isalnum() else f"\\x{byte:02x}" for byte in word)


def main() -> int:
    """Fuzz what was named, or everything; 1 when something broke the law."""
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2], sys.argv[3:])
        return 0
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--seconds", type=int, default=60, help="per target")
    parser.add_argument("--jobs", type=int, default=2, help="targets at a time")
    names = sorted(path.name for path in CORPUS.iterdir())
    parser.add_argument(
        "targets", nargs="*", metavar="TARGET", help=f"of {', '.join(names)}; all when none is named"
    )
    given = parser.parse_args()
    lawful = True
    with ThreadPoolExecutor(given.jobs) as pool:
        for obeyed, line in pool.map(lambda name: fuzz(name, given.seconds), given.targets or names):
            lawful = lawful and obeyed
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
    return 0 if lawful else 1


if __name__ == "__main__":
    sys.exit(main())
