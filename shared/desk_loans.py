"""What other rooms lend the desk besides pages: words for what only they know.

Given once, by whoever puts the desk together; what the desk gives them is `shared.desk_port`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from shared.change_words import ChangeWords
from shared.config import Settings
from shared.models import Channel, DecisionKind, Idea


@dataclass(frozen=True, slots=True)
class Draft:
    """A decision that is not made yet, as the letter about it tells of it.

    `text` is what would be public; `rule` is title and wording in the writer's language.
    """

    kind: DecisionKind
    text: str = ""
    has_mask: bool = False
    rule: tuple[str, str] = ("", "")
    reason_text: str = ""
    # What the checks made of it, as a verdict has it.
    sorted_as: str = ""
    target: str = ""
    target_is_public: bool = False
    supports: bool = False


@dataclass(frozen=True, slots=True)
class DeskLoans:
    """What the desk borrows. A letter is its subject and its text."""

    # The letter about a decision; None where such a decision sends none.
    write_letter: Callable[[Idea, Draft, Settings], tuple[str, str] | None]
    # The letter about an official answer: its text, and who signs it.
    write_answer_letter: Callable[[Idea, str, str, Settings], tuple[str, str]]
    # What became of a person's last digest and when the next one comes; None: they have none.
    read_digest_line: Callable[[UUID, Settings], str | None]
    # How somebody said what a member of staff entered.
    name_channel: Callable[[Channel], str]
    # What the log of changes says about changes made by pages that are lent.
    change_words: tuple[ChangeWords, ...]
