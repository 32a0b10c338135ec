"""What an org, a file or an argument says is shown as text: it orders nothing and tells no password."""

from __future__ import annotations

import io
import json

import pytest

from orchestrator.cli.main import run_cli
from orchestrator.cli.terminal import NeutralStream, neutral, rich_on
from orchestrator.errors import OrgsFileError
from orchestrator.fleet.orgs import read_orgs

from .law import PLANTED

ORDERS = [
    "\x1b[2J\x1b[1;1H",
    "\x1b]0;title\x07",
    "\x1b]52;c;aGk=\x1b\\",
    "\x9b31m",
    "\u202egro.live",
    "\u2066",
    "\ud800",
]


@pytest.mark.parametrize("order", ORDERS)
def test_an_order_in_an_argument_does_not_reach_the_terminal(
    order: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_cli(["explain", f"code{order}"]) == 2
    said = capsys.readouterr().err
    assert neutral(order) in said
    assert order not in said


@pytest.mark.parametrize("order", ORDERS)
def test_a_written_out_order_is_the_same_string_in_json(order: str) -> None:
    assert json.loads(neutral(json.dumps(order, ensure_ascii=False))) == order


def test_tags_beyond_the_first_plane_are_written_out_as_json_writes_them() -> None:
    assert json.loads(f'"{neutral(chr(0xE0041))}"') == chr(0xE0041)


def test_text_of_people_stays_as_it_is() -> None:
    text = "Škoda GmbH\tÄ 東京 عربي 👩 —\r\n"
    assert neutral(text) == text


def test_colours_of_our_own_reach_the_terminal_and_those_of_an_org_do_not() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    console = rich_on(NeutralStream(terminal), color=True)
    console.print("[red]failed[/] ", end="")
    console.print("\x1b[32msucceeded\x1b[0m", markup=False)
    assert "\\u001b[32msucceeded" in terminal.getvalue()
    assert terminal.getvalue().count("\x1b[31m") == int(console.is_terminal and bool(console.color_system))


@pytest.mark.parametrize(
    ("fmt", "text"),
    [
        ("csv", f"acme,https://acme.my.salesforce.com,a@b.example,{PLANTED}\n"),
        ("csv", f"name,url,username,password\nacme,https://acme.my.salesforce.com,a@b.example,{PLANTED}\n"),
        ("csv", f'name,url\nacme,"{PLANTED}'),
        ("yaml", f"orgs:\n  acme:\n    url: https://u:{PLANTED}@acme.my.salesforce.com\n"),
        ("yaml", f'orgs:\n  acme:\n    password: "{PLANTED}\n'),
        ("yaml", f"orgs:\n  acme:\n    url: https://acme.my.salesforce.com\n    password: [{PLANTED}]\n"),
    ],
)
def test_a_password_in_an_orgs_file_is_refused_and_not_told(fmt: str, text: str) -> None:
    with pytest.raises(OrgsFileError) as refused:
        read_orgs(text, "orgs", fmt)
    assert PLANTED not in str(refused.value)
