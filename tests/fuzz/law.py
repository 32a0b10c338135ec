"""The law every target obeys: an answer or a deliberate error, in bounded time, without the secret in it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from orchestrator.errors import Defect, OrchestratorError

CORPUS = Path(__file__).parent / "corpus"
MAX_INPUT_BYTES = 16 * 1024
PLANTED = "pL_4n_t3d_s3_cR3t_v4_lu3"
"""Stands where secrets stand in the corpora of targets that are given some; no host can be called so."""
_SHOWN_CHARACTERS = 8  # so many characters of it in a row are a leak
_PIECES = [PLANTED[at : at + _SHOWN_CHARACTERS] for at in range(len(PLANTED) - _SHOWN_CHARACTERS + 1)]


class Lawless(AssertionError):
    """An input for which the product does what it must never do."""


@dataclass(frozen=True)
class Target:
    """Something that parses bytes from outside.

    Attributes:
        name: of its corpus too.
        run: the entry point; what it raises beyond the error tree is a crash.
        words: what mutations put in; the dictionary of libFuzzer.
        told: what an error must not tell: "" anything may be told; "given": no piece of the secret in the
            input; "echoed": not the whole secret, which was sent and which the input echoes.
        within_s: seconds of CPU one input may take.
        shipped: files of the product that are seeds too.
    """

    name: str
    run: Callable[[bytes], object]
    words: tuple[bytes, ...] = field(default=(), repr=False)
    told: Literal["", "given", "echoed"] = ""
    within_s: float = 2.0
    shipped: tuple[Path, ...] = ()

    @property
    def folder(self) -> Path:
        """Where its corpus is."""
        return CORPUS / self.name

    def seeds(self) -> list[bytes]:
        """Its corpus and the shipped files, in a stable order."""
        return [path.read_bytes() for path in (*sorted(self.folder.iterdir()), *self.shipped)]


def obey(target: Target, given: bytes) -> OrchestratorError | None:
    """Run *target* on *given*; the error it refused the input with.

    Raises:
        Lawless: it took too long, called itself defective or told the secret.
        Exception: anything else the product let out.
    """
    began_s = time.process_time()
    try:
        target.run(given)
        error = None
    except Defect as defect:
        raise Lawless(f"{target.name}: {defect!r}") from defect
    except OrchestratorError as refused:
        error = refused
    took_s = time.process_time() - began_s
    if took_s > target.within_s:
        raise Lawless(f"{target.name}: {took_s:.1f} s of CPU for {len(given)} bytes")
    if target.told and error is not None:
        said = f"{error} {error.as_json()}"
        if any(piece in said for piece in (_PIECES if target.told == "given" else [PLANTED])):
            raise Lawless(f"{target.name}: the error tells the secret")
    return error


def each_obeys(calls: Iterable[Callable[[], object]]) -> None:
    """Make every call; the first refusal comes out at the end, anything else at once."""
    refused: OrchestratorError | None = None
    for call in calls:
        try:
            call()
        except Defect:
            raise
        except OrchestratorError as error:
            refused = refused or error
    if refused is not None:
        raise refused
