"""What residents wrote, as it is shown: stored text stays as it came, and paints over nothing.

Every template of the webs and of letters shows through here, whatever it shows.
"""

import re
import unicodedata
from typing import Any

from jinja2 import Environment, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from shared.text import has_visible_sign

# Two are in Vietnamese, four in pointed Hebrew with its accents.
MOST_MARKS = 4
_RUN = re.compile(rf"[\u00ad\u0300-\U0010ffff]{{{MOST_MARKS + 1},}}")
# They take no room and show nothing, one in one unit of UTF-16 and one in two: the scripts of the
# desk count units, its findings count code points, and both stay right.
_NOTHING, _NOTHING_WIDE = "\u2060", "\U0001d173"
_BASIC_PLANE = 0xFFFF


class Typed(str):
    """What somebody typed, in its field again: it comes back as it was, to the last mark."""

    __slots__ = ()


def limit_marks(text: str) -> str:
    """Return a text in which no sign carries more than four marks; each one more is made nothing.

    Marks stand above, below and across the sign before them, without end. The length of the text
    and all places in it stay.
    """
    if not _RUN.search(text):
        return text
    return _RUN.sub(_limit_run, text)


def show_name(name: str | None) -> str:
    """Return a name as it is shown; empty, which means anonymous, where nobody can see it."""
    return limit_marks(name) if name and has_visible_sign(name) else ""


def init_environment(environment: Environment) -> None:
    """Let templates show everything with few marks; install translations before this.

    A field that holds what is edited says `| as_typed`, a name says `| shown_name`.
    """
    environment.finalize = _finish
    environment.filters.update(as_typed=_keep_typed, shown_name=show_name)
    for name in ("gettext", "ngettext"):
        environment.globals[name] = _limiting(environment.globals[name])


def _limit_run(run: re.Match[str]) -> str:
    shown, stacked = [], 0
    for sign in run[0]:
        category = unicodedata.category(sign)
        if category in {"Mn", "Me"}:
            stacked += 1
        elif category != "Cf":
            stacked = 0
        # What has no looks of its own (a joiner) does not part a mark from the sign below it.
        if stacked > MOST_MARKS and category != "Cf":
            shown.append(_NOTHING if ord(sign) <= _BASIC_PLANE else _NOTHING_WIDE)
        else:
            shown.append(sign)
    return "".join(shown)


def _finish(value: Any) -> Any:
    # Markup was put together from what went through here, by a macro or a translation.
    return limit_marks(value) if type(value) is str else value


def _keep_typed(value: Any) -> Any:
    return Typed(value) if type(value) is str else value


def _limiting(translate: Any) -> Any:
    """Make a translation show what is filled into it with few marks, too."""

    @pass_context
    def limited(context: Context, *texts: Any, **values: Any) -> Any:
        said = translate(context, *texts, **values)
        less = limit_marks(said)
        return Markup(less) if isinstance(said, Markup) else less  # noqa: S704 - it was before

    return limited
