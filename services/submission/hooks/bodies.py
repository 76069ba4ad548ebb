"""Reading what a form tool sent: JSON, a plain form or one in parts, as keys and their texts.

Pure functions. A key that comes twice has both texts, in JSON as in a form. What lies inside
something else has a key with dots (`form.answers.wish`); of a list of things that say what they are
called, each has that name (`answers.wish`), else its place in the list. Files are passed over: they
stand in the original.
"""

import codecs
import contextlib
import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any
from urllib.parse import parse_qsl, unquote_to_bytes

FORM = "application/x-www-form-urlencoded"
_PARTS = "multipart/form-data"
MOST_KEYS = 1000
# A question of a form is a key. One key is written before each of those that lie inside it, so a
# long one would be there a thousand times.
MAX_KEY_LENGTH = 1000
# What forms are written in. Some others take a quarter of a second for what fits in a body.
_CHARSETS = frozenset({"utf-8", "ascii", "iso8859-1", "iso8859-15", "cp1252", "utf-16"})
# What no database can hold.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
# What things in a list are called by, the first that all of them have.
_NAMES = ("ref", "name", "key", "label", "title", "question", "id")
_PARAMETER = r';\s*{}\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s]+))'


class UnreadableBodyError(ValueError):
    """The body is not what its type says, or of a type that nobody here reads."""


def read_body(body: bytes, content_type: str) -> dict[str, str]:
    """Return the keys of a body with their texts, in its order; several of one key with commas.

    Keys are as they were written, but composed (NFC). Raises UnreadableBodyError.
    """
    try:
        pairs = _read_pairs(body, content_type)
    except (ValueError, LookupError, RecursionError):
        # Its words must not travel in a message.
        raise UnreadableBodyError from None
    if len(pairs) > MOST_KEYS:
        raise UnreadableBodyError
    found: dict[str, str] = {}
    for raw_key, value in pairs:
        key = unicodedata.normalize("NFC", _UNSTORABLE.sub("\ufffd", raw_key))
        found[key] = f"{found[key]}, {value}" if found.get(key) else value
    return found


def read_old_form(body: bytes, content_type: str) -> Mapping[str, str] | None:
    """Return the fields of a form that is not written in UTF-8; None for every other body."""
    kind = _kind_of(content_type)
    if kind not in {FORM, _PARTS} or _is_utf8(unquote_to_bytes(body) if kind == FORM else body):
        return None
    with contextlib.suppress(UnreadableBodyError):
        return read_body(body, content_type)
    return None


def fold_key(key: str) -> str:
    """Return a key as keys are compared: composed, without regard to case and to kinds of space.

    A browser sends a question of two lines back with other line ends than it was given.
    """
    plain = " ".join(unicodedata.normalize("NFC", key).casefold().split())
    return unicodedata.normalize("NFC", plain)


def _read_pairs(body: bytes, content_type: str) -> list[tuple[str, str]]:
    kind = _kind_of(content_type)
    if kind == "application/json" or kind.endswith("+json"):
        read = json.loads(body, parse_constant=_refuse_constant, object_pairs_hook=_keep_all)
        # One more than may be is enough to refuse it: each path may be as long as the body.
        return list(islice(_flatten("", read), MOST_KEYS + 1))
    if kind == FORM:
        charset = _charset(content_type) or _guess_charset(unquote_to_bytes(body))
        return parse_qsl(
            # Some write letters beyond ASCII as they are.
            body.decode("ascii" if body.isascii() else charset),
            keep_blank_values=True,
            encoding=charset,
            errors="strict",
            max_num_fields=MOST_KEYS,
        )
    if kind == _PARTS:
        return list(_read_parts(body, _parameter(content_type, "boundary")))
    raise UnreadableBodyError


class _Several(list[Any]):
    """What came under one key of one object, more than once."""


def _keep_all(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name not in found:
            found[name] = value
        elif isinstance(found[name], _Several):
            found[name].append(value)
        else:
            found[name] = _Several([found[name], value])
    return found


def _flatten(path: str, value: Any) -> Iterator[tuple[str, str]]:
    if len(path) > MAX_KEY_LENGTH:
        raise UnreadableBodyError
    if isinstance(value, _Several):
        for each in value:
            yield from _flatten(path, each)
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from _flatten(f"{path}.{name}" if path else name, each)
    elif isinstance(value, list):
        if any(isinstance(each, dict | list) for each in value):
            for name, each in zip(_name_each(value), value, strict=True):
                yield from _flatten(f"{path}.{name}" if path else name, each)
        elif value:
            yield path, ", ".join(map(_say, value))
    else:
        yield path, _say(value)


def _name_each(things: list[Any]) -> list[str]:
    """Return what each thing in a list is called; their places where that is not plain."""
    for name in _NAMES:
        called = [_called(thing, name) for thing in things]
        if all(called) and len(set(called)) == len(called):
            return called
    return [str(place) for place in range(len(things))]


def _called(thing: Any, name: str) -> str:
    if not isinstance(thing, dict):
        return ""
    found = thing.get(name)
    if found is None and isinstance(thing.get("field"), dict):
        found = thing["field"].get(name)
    return found if isinstance(found, str) else ""


def _say(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


def _refuse_constant(_word: str) -> object:
    raise UnreadableBodyError


def _read_parts(body: bytes, boundary: str) -> Iterator[tuple[str, str]]:
    """Read a form in parts (RFC 7578), as browsers and programs write it.

    What stands before the first part is nobody's; a person may have written the lines of all of it.
    """
    if not boundary:
        raise UnreadableBodyError
    if b"\r\n" not in body:
        body = body.replace(b"\n", b"\r\n")
    _before, *parts = (b"\r\n" + body).split(b"\r\n--" + boundary.encode("latin-1"))
    if not parts or not parts[-1].startswith(b"--"):
        raise UnreadableBodyError
    for part in parts[:-1]:
        head, apart, content = part.lstrip(b" \t").removeprefix(b"\r\n").partition(b"\r\n\r\n")
        fields = _read_head(head.decode(_guess_charset(head)))
        told = fields.get("content-disposition", "")
        name = _parameter(told, "name")
        if not apart or re.search(r";\s*name\s*=", told) is None:
            raise UnreadableBodyError
        if _parameter(told, "filename") or re.search(r";\s*filename\*?\s*=", told):
            continue
        charset = _charset(fields.get("content-type", "")) or _guess_charset(content)
        yield name.replace("%22", '"'), content.decode(charset)


def _read_head(head: str) -> Mapping[str, str]:
    lines = (line.partition(":") for line in head.split("\r\n"))
    return {name.strip().lower(): value.strip() for name, _colon, value in lines}


def _charset(content_type: str) -> str:
    """Return what a type says that its text is written in, or nothing where it does not say.

    Raises LookupError for what we read not: Python knows many more, and some are slow.
    """
    said = _parameter(content_type, "charset")
    if said and codecs.lookup(said).name not in _CHARSETS:
        raise LookupError
    return said


def _guess_charset(raw: bytes) -> str:
    """Return what a form is written in that does not say so.

    The form of an old page is sent as that page is written, and no browser says how. One letter of
    UTF-8 is proof enough that the rest was to be UTF-8, too, and is broken.
    """
    return "utf-8" if _is_utf8(raw) or not raw.decode(errors="ignore").isascii() else "cp1252"


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def _kind_of(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _parameter(header: str, name: str) -> str:
    found = re.search(_PARAMETER.format(name), header, re.IGNORECASE)
    if found is None:
        return ""
    return re.sub(r"\\(.)", r"\1", found[1]) if found[1] is not None else found[2]
