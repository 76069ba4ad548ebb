"""The words in which the desk's log of changes says what a room's pages changed.

Each room keeps those of its own pages, and whoever puts the desk together hands them over.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import Session as SqlSession

# A text in the language now spoken.
Text = Callable[[], str]


@dataclass(frozen=True, slots=True)
class ChangeWords:
    """The words of some actions: a sentence for each, and what their fields are called and hold."""

    # For each action that is recorded; `%(what)s` is the name of its subject.
    sentences: Mapping[str, Text]
    # What sort of thing was changed; a sort of which another room changes more is named there.
    kinds: Mapping[str, Text] = field(default_factory=dict)
    # In the order in which they are shown.
    fields: Mapping[str, Text] = field(default_factory=dict)
    # What the stored values of a field are called.
    choices: Mapping[str, Callable[[], Mapping[str, str]]] = field(default_factory=dict)
    # Fields that hold several such values, with commas between.
    lists: frozenset[str] = frozenset()
    moments: frozenset[str] = frozenset()
    days: frozenset[str] = frozenset()
    switches: frozenset[str] = frozenset()
    shares: frozenset[str] = frozenset()
    # What subjects are called today: for each kind, their names by their ids.
    names: Mapping[str, Callable[[SqlSession, set[str]], Mapping[str, str]]] = field(
        default_factory=dict
    )
    # Kinds of subject, and fields, that hold the id of something of another kind.
    named_as: Mapping[str, str] = field(default_factory=dict)

    def say_choice(self, name: str, stored: Any) -> str:
        """Return what a stored value of a field is called; empty where no choice has a name."""
        of = self.choices[name]() if name in self.choices else {}
        if name in self.lists and stored:
            return ", ".join(of.get(each, each) for each in str(stored).split(","))
        return of.get("" if stored is None else str(stored), "")
