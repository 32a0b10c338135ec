"""The shape of a row in the tables of answers."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import Literal

Surface = Literal["token", "soap_login", "soap", "deploy", "rest", "package", "network"]


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """One row: an answer whose code and message match means the fault.

    Attributes:
        code: regular expression for the whole code, in capitals; `.*` for any.
        message: regular expression searched in the normalised message (lower case, straight apostrophes);
            empty for any.
        fault_code: row of the fault catalogue.
    """

    code: str
    message: str
    fault_code: str

    @property
    def code_pattern(self) -> re.Pattern[str]:
        """The compiled code."""
        return _compiled(self.code)

    @property
    def message_pattern(self) -> re.Pattern[str]:
        """The compiled message."""
        return _compiled(self.message)


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def rows(*triples: tuple[str, str, str]) -> tuple[AnswerRow, ...]:
    """A table from (code, message, fault code) triples, in order."""
    return tuple(AnswerRow(*triple) for triple in triples)
