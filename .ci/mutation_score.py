"""The score of `make mutate`: per module, how many mutants there were and how many no test noticed."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

# Exit codes mutmut keeps: 0, the tests passed; 33, no test runs the line; None, not tried.
SURVIVED, NO_TEST, NOT_TRIED = 0, 33, None


def score(tree: Path) -> dict[str, Counter[str]]:
    """Module -> mutants, killed, survived and not tried, from the results mutmut left in *tree*."""
    found: dict[str, Counter[str]] = {}
    results = tree / "mutants"
    for path in sorted(results.glob("orchestrator/**/*.meta")):
        codes = json.loads(path.read_text(encoding="utf-8"))["exit_code_by_key"].values()
        if codes:
            module = str(path.relative_to(results)).removesuffix(".py.meta")
            survived = sum(code in {SURVIVED, NO_TEST} for code in codes)
            missing = sum(code is NOT_TRIED for code in codes)
            found[module] = Counter(
                mutants=len(codes),
                killed=len(codes) - survived - missing,
                survived=survived,
                missing=missing,
            )
    return found


def table(modules: dict[str, Counter[str]]) -> str:
    """The score as a table in Markdown, with a line for all."""
    lines = ["| Module | Mutants | Killed | Survived | Not tried |", "|---|---:|---:|---:|---:|"]
    total: Counter[str] = Counter()
    for one in modules.values():
        total.update(one)
    for module, one in (*modules.items(), ("all", total)):
        row = " | ".join(str(one[key]) for key in ("mutants", "killed", "survived", "missing"))
        lines.append(f"| `{module}` | {row} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(score(Path(sys.argv[1]))))
