r"""What may reach a terminal: text, and no order to it.

Names, messages and pages of an org end up on the screen of an administrator. An escape sequence in them could
move the cursor, rewrite what stands above or fill the clipboard; a bidirectional override could make one name
read as another; half a surrogate pair would end the program. Every such character is written as its escape in
JSON, `\u001b`: visible in a line of text, and in a JSON document another spelling of the same string.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO, cast

if TYPE_CHECKING:
    from rich.console import Console as RichConsole
    from rich.console import ConsoleOptions, ConsoleRenderable, RenderResult

# Control characters but newline and tab, characters of category Cf (format: invisible, or turning the
# direction of writing), separators of lines and paragraphs, surrogates. A carriage return counts only
# without its newline.
_ORDERS = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e"
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb\U000110bd\U000110cd"
    "\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0001-\U000e007f]|\r(?!\n)"
)
_BEYOND = 0x10000


def neutral(text: str) -> str:
    """*text* with every order to a terminal written out."""
    return _ORDERS.sub(lambda found: _escape(ord(found.group())), text)


def _escape(code: int) -> str:
    if code < _BEYOND:
        return f"\\u{code:04x}"
    high, low = divmod(code - _BEYOND, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"


class NeutralStream:
    """A text stream that takes no orders from what is written to it.

    Attributes:
        raw: the stream itself, for those who give orders of their own (colours, a moving bar).
    """

    def __init__(self, raw: TextIO) -> None:
        self.raw = raw

    def write(self, text: str) -> int:
        """Write *text* without orders; the length of *text*."""
        self.raw.write(neutral(text))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.raw, name)


@contextmanager
def neutral_output() -> Iterator[None]:
    """Let whatever this program prints pass `neutral`."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (cast("TextIO", NeutralStream(stream)) for stream in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def rich_on(stream: TextIO, *, color: bool) -> RichConsole:
    """A rich console on *stream*: its own orders reach the terminal, those inside texts do not."""
    from rich.console import Console as Rich  # noqa: PLC0415 - 50 ms that --json need not pay
    from rich.console import RenderHook  # noqa: PLC0415 - likewise

    class Neutralising(RenderHook):
        def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
            return [_Neutral(each) for each in renderables]

    raw = stream.raw if isinstance(stream, NeutralStream) else stream
    console = Rich(file=raw, no_color=not color, highlight=False, soft_wrap=True)
    console.push_render_hook(Neutralising())
    return console


class _Neutral:
    """Something rich draws, its texts neutral; rich's control segments are rich's own."""

    def __init__(self, drawn: ConsoleRenderable) -> None:
        self._drawn = drawn

    def __rich_console__(self, console: RichConsole, options: ConsoleOptions) -> RenderResult:
        for segment in console.render(self._drawn, options):
            yield segment if segment.control else segment._replace(text=neutral(segment.text))
