"""What is grave in a text must be named by whoever makes the text public.

A finding of high severity does not forbid anything: a person may know better than a check. But
nothing that carries one becomes public without an act that names it. Every way into the public goes
through `transitions.show_version`, which shows only what a `Leave` was given for; a leave is given
against the findings that stand when the idea is locked, not those that stood on a page.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from uuid import UUID

from sqlalchemy import and_, func, select, tuple_
from sqlalchemy.orm import Session as SqlSession
from sqlalchemy.orm import aliased

from services.moderation.checks import (
    CHECKS,
    Check,
    Code,
    Equipment,
    Finding,
    Severity,
    Subject,
    checks_with,
    run_all,
)
from services.moderation.checks.explanations import name_finding
from services.moderation.checks.finding import Span, join_spans
from services.moderation.decisions.transitions import NotAllowedError
from services.moderation.settings import word_lists
from shared.i18n import gettext as _
from shared.models import CheckSwitch, FindingRow, Idea, IdeaText, Verdict

# One version of the text of one idea.
Version = tuple[UUID, int]


class HeldError(NotAllowedError):
    """A text with something grave in it, which the request did not name."""

    def __init__(self, codes: Collection[str], *, stays: bool = False) -> None:
        self.codes = sorted(codes)
        found = ", ".join(name_codes(self.codes))
        super().__init__(
            _(
                "Texten är publik, och inget är beslutat än. Kontrollerna har hittat: %(found)s."
                " Läs den, och markera vart och ett om den ska stå kvar ändå.",
                found=found,
            )
            if stays
            else _(
                "Texten blir inte publik än. Kontrollerna har hittat: %(found)s. Läs den, och"
                " markera vart och ett om den ska bli publik ändå.",
                found=found,
            )
        )


def name_codes(codes: Iterable[str]) -> list[str]:
    """Return what kinds of findings are called; the codes are those of findings."""
    return [name_finding(Code(code)) for code in codes]


def grave_in(session: SqlSession, versions: Collection[Version]) -> dict[Version, frozenset[str]]:
    """Return the codes of the high findings in these texts; nothing for those without any.

    A text that the checks have not come to yet (a correction, a mask a second ago), or that some
    of them could not read, is read by the pure ones here, and what others found in an earlier text
    counts while its words stand: that nobody has looked is no reason to say that there is nothing.
    """
    if not versions:
        return {}
    is_judged = and_(Verdict.idea_id.is_not(None), func.cardinality(Verdict.unchecked) == 0)
    rows = session.execute(
        select(IdeaText.idea_id, IdeaText.version, is_judged, FindingRow.code)
        .outerjoin(
            Verdict,
            and_(Verdict.idea_id == IdeaText.idea_id, Verdict.text_version == IdeaText.version),
        )
        .outerjoin(
            FindingRow,
            and_(
                FindingRow.idea_id == IdeaText.idea_id,
                FindingRow.text_version == IdeaText.version,
                FindingRow.severity == Severity.HIGH.value,
            ),
        )
        .where(tuple_(IdeaText.idea_id, IdeaText.version).in_(versions))
    ).all()
    found: dict[Version, set[str]] = {}
    for idea_id, version, _is_judged, code in rows:
        if code is not None:
            found.setdefault((idea_id, version), set()).add(code)
    unread = {(row[0], row[1]) for row in rows if not row[2]}
    for key, findings in read_unread(session, unread).items():
        found.setdefault(key, set()).update(each.code.value for each in findings)
    return {key: frozenset(codes) for key, codes in found.items()}


def read_unread(
    session: SqlSession, versions: Collection[Version]
) -> Mapping[Version, Sequence[Finding]]:
    """Return what is grave in texts that some check has not read, as far as it can be told at once.

    The pure checks read them here; what others found in an earlier text counts while its words
    stand. Nothing for those without any.
    """
    found: dict[Version, list[Finding]] = {}
    for read in (_read_now(session, versions), _stands_still(session, versions)):
        for key, findings in read.items():
            found.setdefault(key, []).extend(findings)
    return found


def _read_now(
    session: SqlSession, versions: Collection[Version]
) -> Mapping[Version, Sequence[Finding]]:
    if not versions:
        return {}
    checks = standing_checks(session)
    texts = session.execute(
        select(IdeaText.idea_id, IdeaText.version, IdeaText.text, IdeaText.author).where(
            tuple_(IdeaText.idea_id, IdeaText.version).in_(versions)
        )
    )
    found: dict[Version, Sequence[Finding]] = {}
    for idea_id, version, text, author in texts:
        findings = run_all(Subject(text or "", author or ""), checks).findings
        grave = [each for each in findings if each.severity is Severity.HIGH]
        if grave:
            found[idea_id, version] = grave
    return found


def _stands_still(
    session: SqlSession, versions: Collection[Version]
) -> Mapping[Version, Sequence[Finding]]:
    """Return what only others could find (a listed host), and whose words are in these texts."""
    if not versions:
        return {}
    earlier = aliased(IdeaText)
    rows = session.execute(
        select(IdeaText, earlier, FindingRow)
        .join(FindingRow, FindingRow.idea_id == IdeaText.idea_id)
        .join(
            earlier,
            and_(earlier.idea_id == FindingRow.idea_id, earlier.version == FindingRow.text_version),
        )
        .where(
            tuple_(IdeaText.idea_id, IdeaText.version).in_(versions),
            FindingRow.text_version < IdeaText.version,
            FindingRow.severity == Severity.HIGH.value,
            FindingRow.check_name.not_in([check.name for check in CHECKS]),
        )
    )
    found: dict[Version, list[Finding]] = {}
    for now, then, row in rows:
        read, stood = (getattr(each, row.field) or "" for each in (now, then))
        words = [stood[start:end] for start, end in row.spans]
        if any(each.casefold() in read.casefold() for each in words):
            finding = Finding(
                row.check_name,
                Code(row.code),
                Severity.HIGH,
                row.score,
                row.field,
                _find_words(words, read),
                row.params,
            )
            found.setdefault((now.idea_id, now.version), []).append(finding)
    return found


def _find_words(words: Sequence[str], text: str) -> tuple[Span, ...]:
    """Return where these words stand in a text, in capitals or not."""
    places = (re.finditer(re.escape(each), text, re.IGNORECASE) for each in words if each)
    return join_spans([match.span() for each in places for match in each])


def standing_checks(session: SqlSession) -> Sequence[Check]:
    """Return the pure checks with the city's words, but for those that are switched off."""
    off = session.scalars(select(CheckSwitch.name).where(CheckSwitch.is_on.is_(False)))
    return checks_with(Equipment(word_lists.standing_words(session), off=frozenset(off)))


class Leave:
    """What texts may be shown to the public: those about which somebody was asked, or need not be.

    `acknowledged` are the codes that the person has named, whichever idea they are in.
    """

    def __init__(self, acknowledged: Collection[str] = ()) -> None:
        self._acknowledged = frozenset(acknowledged)
        self._given: dict[Version, list[str]] = {}

    def ask(
        self,
        session: SqlSession,
        texts: Iterable[tuple[Idea, int]],
        more: Mapping[str, Collection[str]] | None = None,
        *,
        stays: bool = False,
    ) -> dict[str, list[str]]:
        """Give leave for these texts of locked ideas, but for those that are held.

        Returns the codes that were not named, by the idea's number. `more` holds what was named for
        one idea alone. What the public reads already needs no new leave, unless it is asked whether
        it `stays`.
        """
        wanted = {(idea.id, version): idea for idea, version in texts}
        asked = [key for key, idea in wanted.items() if stays or idea.public_version != key[1]]
        grave = grave_in(session, asked)
        held: dict[str, list[str]] = {}
        for key, idea in wanted.items():
            codes = grave.get(key, frozenset())
            unnamed = codes - self._acknowledged - set((more or {}).get(idea.number, ()))
            if unnamed:
                held[idea.number] = sorted(unnamed)
            else:
                self._given[key] = sorted(codes)
        return held

    def require(
        self, session: SqlSession, idea: Idea, version: int | None, *, stays: bool = False
    ) -> None:
        """Give leave for one text of a locked idea, if any is to be shown. Raises HeldError."""
        if version is None:
            return
        held = self.ask(session, [(idea, version)], stays=stays)
        if held:
            raise HeldError(held[idea.number], stays=stays)

    def give(self, idea: Idea, version: int) -> None:
        """Give leave without asking: for what was public before it came here, or says less."""
        self._given[idea.id, version] = []

    def find_named(self, idea: Idea, version: int) -> list[str]:
        """Return what grave findings of a text were named, if it was asked about."""
        return self._given.get((idea.id, version), [])

    def named_in(self, idea: Idea, version: int) -> list[str]:
        """Return what grave findings a text has that were named when leave was given.

        Raises LookupError for a text for which no leave was given.
        """
        return self._given[idea.id, version]
