"""Headers as they leave: written here once, and parsed by nobody on the way.

Python's `email` package parses again what it is given, also its own `Address`, and decodes encoded
words as it does; some versions lose spaces where they fold. So each header is written in its final
form, and a line end in one is an error and not another header.
"""

import re
import unicodedata
from email.message import Message
from email.policy import Policy
from typing import Self

# A line of a header that has encoded words is no longer than this (RFC 2047 §2).
LINE = 76
_SHORTEST_LINE = 20
_OPEN, _CLOSE = "=?utf-8?q?", "?="
# What an encoded word may say plainly wherever it stands (RFC 2047 §5, rule 3).
_LITERAL = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!*+-/")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_WRITTEN = re.compile(r"[^\x00-\x1f\x7f-\x9f]+(?:\n [^\x00-\x1f\x7f-\x9f]+)*")
_TOKEN = re.compile(r"[!-~]+")
_MESSAGE_ID = re.compile(r"<[!-;=?A-~]+@[!-;=?A-~]+>")


class Header(str):
    """A header: as a text what it says, and `written` how it leaves, folded with line feeds."""

    __slots__ = ("name", "written")
    name: str
    written: str

    def __new__(cls, name: str, says: str, written: str) -> Self:
        """Raises ValueError for what would be more than one header."""
        if not _WRITTEN.fullmatch(written):
            raise ValueError("a header holds a sign that ends it")
        made = super().__new__(cls, says)
        made.name, made.written = name, written
        return made

    def fold(self, *, policy: "Policy[Message]") -> str:
        """Write the header for a mail; what the `email` package asks of a header."""
        return f"{self.name}: {self.written}\n".replace("\n", policy.linesep)


def make_text_header(name: str, words: str) -> Header:
    """Return a header of words: line ends and other control characters are spaces."""
    shown = " ".join("".join(" " if _is_control(sign) else sign for sign in words).split())
    first = LINE - len(name) - 2
    return Header(name, shown, _written(shown, first) if shown else '""')


def make_mailbox_header(name: str, address: str, called: str = "") -> Header:
    """Return a header with one address, as `shared.addresses.mailboxes` has it, and a name."""
    if not called:
        return Header(name, address, address)
    shown = f"{called} <{address}>"
    if _ATOMS.fullmatch(called) and "=?" not in called:
        return Header(name, shown, shown)
    if called.isascii() and "=?" not in called and not any(map(_is_control, called)):
        quoted = called.replace("\\", "\\\\").replace('"', '\\"')
        return Header(name, shown, f'"{quoted}" <{address}>')
    encoded = _encoded(called, LINE - len(name) - 2)
    return Header(name, shown, f"{encoded}\n <{address}>")


def make_token_header(name: str, value: str) -> Header:
    """Return a header that is one long word, which no line break may part."""
    if not _TOKEN.fullmatch(value):
        raise ValueError("a header that is one word holds something else")
    return Header(name, value, value)


def message_id(value: str) -> Header:
    """Return the Message-ID."""
    if not _MESSAGE_ID.fullmatch(value):
        raise ValueError("no Message-ID")
    return Header("Message-ID", value, value)


def _is_control(sign: str) -> bool:
    return unicodedata.category(sign) in {"Cc", "Cs", "Zl", "Zp"}


def _written(words: str, first: int) -> str:
    """Write words plainly where that says the same, folded at their spaces; else encoded."""
    each = words.split(" ")
    is_plain = words.isascii() and "=?" not in words
    if not is_plain or any(len(word) >= LINE - _SHORTEST_LINE for word in each):
        return _encoded(words, first)
    lines, room = [each[0]], first
    for word in each[1:]:
        if len(lines[-1]) + 1 + len(word) <= room:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
            room = LINE - 1
    return "\n ".join(lines)


def _encoded(words: str, first: int) -> str:
    """Write all of the words as encoded words (RFC 2047): a space between two of these is none."""
    lines, room = [""], first - len(_OPEN + _CLOSE)
    for sign in words:
        if sign == " ":
            coded = "_"
        elif sign in _LITERAL:
            coded = sign
        else:
            coded = "".join(f"={byte:02X}" for byte in sign.encode("utf-8", "replace"))
        if len(lines[-1]) + len(coded) > room:
            lines.append("")
            room = LINE - 1 - len(_OPEN + _CLOSE)
        lines[-1] += coded
    return "\n ".join(f"{_OPEN}{line}{_CLOSE}" for line in lines)
