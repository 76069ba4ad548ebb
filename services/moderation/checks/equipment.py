"""What checks need besides the text: staff's words, the learned model, what is switched off."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.moderation.checks.learned_spam.spam_model import SpamModel
    from services.moderation.checks.wording.lexicon import Term


@dataclass(frozen=True, slots=True)
class Equipment:
    """As it is shipped, when made without arguments; with rows of the database, as staff set it.

    `words` holds what staff added, by list; the shipped lists are the checks' own. `spam_model` is
    the version in use, None for the shipped one. `off` names checks that do not run at all: they
    are then neither clean nor `unchecked`. `own_sites` are the city's.
    """

    words: "Mapping[str, tuple[Term, ...]]" = field(default_factory=dict)
    spam_model: "SpamModel | None" = None
    off: frozenset[str] = frozenset()
    own_sites: frozenset[str] = frozenset()
