"""What every lookup is: a name, what it needs, what it sends away, and how it asks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from services.moderation.checks.finding import Finding
from services.moderation.lookups.fetching import Http
from shared.config import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Where the services are, and the keys to them."""

    public_url: str
    akismet_url: str
    akismet_key: str
    stopforumspam_url: str
    bad_hosts: str

    @classmethod
    def of(cls, settings: Settings) -> "Access":
        """Take it from the settings."""
        return cls(
            public_url=settings.public_url,
            akismet_url=settings.akismet_url,
            akismet_key=settings.akismet_key,
            stopforumspam_url=settings.stopforumspam_url,
            bad_hosts=settings.bad_hosts,
        )


@dataclass(frozen=True, slots=True)
class Question:
    """What is known of an idea; most of it is never sent anywhere."""

    text: str
    author: str = ""
    email: str = ""
    language: str = "sv"
    # Brought in from an older page: already public, and its writers were told nothing of this.
    imported: bool = False


@dataclass(frozen=True, slots=True)
class Leaving:
    """One field of a request: its name there, what it is in plain words, and how it is made."""

    name: str
    about: Callable[[], str]
    value: Callable[[Access, Question], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A lookup. `ask` answers for all questions it is given, in their order.

    `about` says in one sentence what it is for. `leaving` is everything that is sent about an idea;
    empty where nothing is. `setting` names what must be set before it can be on, if anything, and
    `is_set` tells whether it is. `concerns` tells whether it can say anything about an idea: the
    others are not asked about. `one_by_one`: each question is a request of its own. `test` asks
    something that is about nobody and returns a sentence. `ask` and `test` raise LookupFailedError.
    """

    name: str
    version: int
    title: str
    about: Callable[[], str]
    leaving: tuple[Leaving, ...]
    setting: str | None
    is_set: Callable[[Access], bool]
    concerns: Callable[[Question], bool]
    one_by_one: bool
    ask: Callable[[Http, Access, Sequence[Question]], list[tuple[Finding, ...]]]
    test: Callable[[Http, Access], str]

    def request(self, access: Access, question: Question) -> Mapping[str, str]:
        """Return the fields that leave the house for an idea: those of the table, no others."""
        return {field.name: field.value(access, question) for field in self.leaving}
