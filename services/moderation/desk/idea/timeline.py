"""What has happened to one idea: decisions, answers, notes, questions, requests and letters."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, select, text
from sqlalchemy.orm import Session as SqlSession

from services.moderation.decisions.re_reviews import JUDGEMENTS, NewLook
from shared.delivery.events import ReceiptAction
from shared.i18n import pick_language
from shared.models import DecisionKind, ReceiptVerb

# Each branch reads at most so many rows of one idea, by an index that begins with it.
_MOST = 100

_HAPPENED = text("""
    e.what, e.at, e.id, e.decision_id, e.kind, e.words, e.reason_text, e.by_the_first,
    e.undoes, e.other, e.closed_at, e.who AS who_id, e.whom AS whom_id, e.is_bulk, e.state,
    e.signature, e.public_before, e.acknowledged,
    coalesce(nullif(s.name, ''), s.email, '') AS who,
    coalesce(nullif(w.name, ''), w.email, '') AS whom,
    coalesce(r.title_sv, '') AS rule_sv, coalesce(r.title_en, '') AS rule_en
""")
_OF_IDEA = text("""
    (
        (SELECT 'decision' AS what, d.decided_at AS at, d.seq AS id, d.id AS decision_id,
                d.kind::text AS kind, d.note AS words, d.reason_text, d.by_the_first, d.undoes,
                t.number AS other, d.staff_id AS who, NULL::uuid AS whom, d.rule_id,
                NULL::timestamptz AS closed_at, d.bulk_id IS NOT NULL AS is_bulk, '' AS state,
                '' AS signature, (d.before ->> 'public_version')::int AS public_before,
                d.before -> 'acknowledged' AS acknowledged
         FROM decisions d LEFT JOIN ideas t ON t.id = d.into_id
         WHERE d.idea_id = :idea ORDER BY d.seq DESC LIMIT :most)
        UNION ALL
        (SELECT 'note', n.written_at, n.id, NULL, '', n.text, NULL, false, NULL, NULL, n.staff_id,
                NULL, NULL, NULL, false, '', '', NULL, NULL
         FROM notes n WHERE n.idea_id = :idea ORDER BY n.id DESC LIMIT :most)
        UNION ALL
        (SELECT 'ask', a.asked_at, a.id, NULL, '', a.question, NULL, false, NULL, NULL, a.asked_by,
                a.asked_of, NULL, a.closed_at, false, '', '', NULL, NULL
         FROM asks a WHERE a.idea_id = :idea ORDER BY a.id DESC LIMIT :most)
        UNION ALL
        (SELECT 'request', q.occurred_at, q.id, NULL, q.verb, NULL, NULL, false, NULL, NULL, NULL,
                NULL,
                (SELECT x.id FROM rules x WHERE x.code = q.rule_code
                 ORDER BY x.version DESC LIMIT 1), NULL, false, '', '', NULL, NULL
         FROM requests q ORDER BY q.id DESC LIMIT :most)
        UNION ALL
        (SELECT 'answer', f.written_at, f.version, f.id, '', f.text, NULL, false, f.undoes, NULL,
                f.staff_id, NULL, NULL, NULL, false, '', f.signature, NULL, NULL
         FROM official_answers f WHERE f.idea_id = :idea ORDER BY f.version DESC LIMIT :most)
        UNION ALL
        (SELECT 'letter', coalesce(l.sent_at, l.created_at), 0, l.id, l.template, l.error, NULL,
                false, NULL, NULL, NULL, NULL, NULL, l.sent_at, false, l.state, '', NULL, NULL
         FROM letters l WHERE l.idea_id = :idea ORDER BY l.id DESC LIMIT :most)
    ) e
    LEFT JOIN staff s ON s.id = e.who
    LEFT JOIN staff w ON w.id = e.whom
    LEFT JOIN rules r ON r.id = e.rule_id
""")
_EVENTS = (
    select(_HAPPENED)
    .select_from(_OF_IDEA)
    .order_by(text("e.at DESC, e.id DESC"))
    .add_cte(ReceiptAction.select_about(bindparam("idea")).cte("requests"))
)


@dataclass(frozen=True, slots=True)
class Happened:
    """One thing that happened: `what` is decision, note, ask, request, answer or letter.

    Of an official answer `id` is its version and `words` its text; of a letter `kind` is its
    template and `words` the code of what became of it.
    """

    what: str
    at: datetime
    id: int
    # Of an answer its own id, and of a letter.
    decision_id: UUID | None
    # A DecisionKind of a decision, a ReceiptVerb of a request.
    kind: str
    words: str | None
    reason_text: str | None
    by_the_first: bool
    undoes: UUID | None
    # The number of the idea it was merged into.
    other: str | None
    closed_at: datetime | None
    who_id: UUID | None
    whom_id: UUID | None
    is_bulk: bool
    # Where a letter is on its way, by its stored name.
    state: str
    # Who speaks in an official answer.
    signature: str
    # Of a decision, which text version was public before it, and what grave findings it named.
    public_before: int | None
    acknowledged: list[str] | None
    who: str
    whom: str
    rule_sv: str
    rule_en: str

    @property
    def decision(self) -> DecisionKind | None:
        """What was decided, of a decision."""
        return DecisionKind(self.kind) if self.what == "decision" else None

    @property
    def request(self) -> ReceiptVerb | None:
        """What was asked for, of a request from outside."""
        return ReceiptVerb(self.kind) if self.what == "request" else None

    def rule(self, language: str) -> str:
        """Return the title of the rule that it names, or nothing."""
        return pick_language(language, swedish=self.rule_sv, english=self.rule_en)


def of_idea(session: SqlSession, idea_id: UUID) -> list[Happened]:
    """Return what happened to an idea, the newest first; of each kind the last hundred."""
    rows = session.execute(_EVENTS, {"idea": idea_id, "most": _MOST})
    return [Happened(*row) for row in rows]


def latest_decision(past: Sequence[Happened]) -> Happened | None:
    """Return the newest decision."""
    return next((each for each in past if each.what == "decision"), None)


def standing_answer(past: Sequence[Happened]) -> Happened | None:
    """Return the newest version of the official answer; without `words` there is none any more."""
    versions = [each for each in past if each.what == "answer"]
    return max(versions, key=lambda each: each.id, default=None)


def new_look(past: Sequence[Happened], deciders: Sequence[UUID]) -> NewLook | None:
    """Tell what `re_reviews.read_pending_look` would, of an idea that waits for a new look.

    `deciders` are those who could take it: everybody with an open account who may decide.
    """
    undone = {each.undoes for each in past if each.undoes}
    for each in past:
        if each.decision is None or each.decision_id in undone:
            continue
        if each.decision is DecisionKind.REOPEN and each.who_id is None:
            return None
        if each.decision in JUDGEMENTS:
            first = each.who_id
            if first is None:
                return None
            return NewLook(first, any(person != first for person in deciders))
    return None
