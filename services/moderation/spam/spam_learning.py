"""The spam model learns from what people decided.

What teaches: ideas that a person let stand (published or kept) are ham, those that a person
rejected as spam or advertising are spam. Only decisions that stand count: what was undone,
reopened, merged or decided by the system teaches nothing, so a mistake that is put right is put
right here too. Each training starts from the shipped model and all decisions, never from what was
learned before.

One text in four is held back, chosen by what it says: the same texts are held back from every
version, so versions can be compared on them. A new version is put in use when it is not worse there
than the one in use: as many right, no more ham blocked, no more ham called `likely_spam`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session as SqlSession

from services.moderation.checks.learned_spam.spam_figures import Figures, measure_model
from services.moderation.checks.learned_spam.spam_model import SpamModel, load_shipped_model
from services.moderation.checks.learned_spam.spam_training import fold_of, train_model
from services.moderation.spam import spam_versions
from shared.models import Decision, DecisionKind, LearnedModel
from shared.text import fold_text

# Of each kind, to learn at all.
FEWEST = 10
# Of each kind among those held back, to tell whether a version is worse.
FEWEST_HELD_BACK = 5
# So many new decisions are worth a training.
ENOUGH_NEW = 50
_MOST = 20_000
_PARTS = 4

# What became of a version: the `note` of its row.
NOT_WORSE = "not-worse"
WORSE = "worse"
UNSURE = "too-few-held-back"
OVERTAKEN = "overtaken"

_TEACHES = (
    DecisionKind.PUBLISH,
    DecisionKind.ACCEPT_CORRECTION,
    DecisionKind.KEEP,
    DecisionKind.REJECT,
)

# The text that a person let stand is the public one; of a rejected idea, the one decided on.
_EXAMPLES = text("""
    SELECT t.text, i.status = 'rejected' AS spam, d.seq
    FROM ideas i
    JOIN LATERAL (
        SELECT d.seq, d.kind, d.staff_id, d.text_version FROM decisions d
        WHERE d.idea_id = i.id AND d.kind IN ('publish', 'accept_correction', 'keep', 'reject')
          AND NOT EXISTS (SELECT 1 FROM decisions u WHERE u.undoes = d.id)
        ORDER BY d.seq DESC LIMIT 1) d ON d.staff_id IS NOT NULL
    LEFT JOIN rules r ON r.id = i.rule_id
    JOIN idea_texts t ON t.idea_id = i.id
     AND t.version = CASE i.status WHEN 'published' THEN i.public_version ELSE d.text_version END
    WHERE t.text IS NOT NULL
      AND (i.status = 'published'
           OR i.status = 'rejected' AND r.code IN ('spam', 'advertising'))
    ORDER BY d.seq DESC
    LIMIT :most""")


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """Texts and their kinds, each text once, the newest decision's; and the model in use."""

    texts: Sequence[str]
    kinds: Sequence[bool]
    last_seq: int
    standing: SpamModel

    @property
    def spam(self) -> int:
        """How many are spam."""
        return sum(self.kinds)

    @property
    def ham(self) -> int:
        """How many are not."""
        return len(self.kinds) - self.spam

    def counts(self) -> dict[str, int]:
        """Return both."""
        return {"spam": self.spam, "ham": self.ham}


@dataclass(frozen=True, slots=True, eq=False)
class Learned:
    """A new version, what it and the one in use did on what was held back, and what follows."""

    model: SpamModel
    note: str
    figures: dict[str, Any]


def gather_lesson(session: SqlSession) -> Lesson:
    """Read what people's decisions teach, the newest 20 000."""
    kinds: dict[str, tuple[str, bool]] = {}
    last_seq = 0
    for row in session.execute(_EXAMPLES, {"most": _MOST}):
        last_seq = max(last_seq, row.seq)
        # A wave of one text is one example.
        kinds.setdefault(fold_text(row.text), (row.text, row.spam))
    return Lesson(
        texts=[words for words, _spam in kinds.values()],
        kinds=[spam for _words, spam in kinds.values()],
        last_seq=last_seq,
        standing=spam_versions.in_use(session) or load_shipped_model(),
    )


def learn_lesson(lesson: Lesson) -> Learned | None:
    """Train on three texts in four and compare on the fourth; None when there are too few.

    No database here: it may take half a minute, during which nothing should be held open.
    """
    held = fold_of(lesson.texts, _PARTS) == 0
    kinds = np.array(lesson.kinds, bool)
    taught = kinds[~held]
    if min(taught.sum(), (~taught).sum()) < FEWEST:
        return None
    model = train_model(
        [words for words, out in zip(lesson.texts, held, strict=True) if not out],
        taught.tolist(),
        on=load_shipped_model(),
    )
    # As it will be read back.
    model = SpamModel.from_bytes(model.to_bytes())
    unseen = [words for words, out in zip(lesson.texts, held, strict=True) if out]
    own = measure_model(model, unseen, kinds[held].tolist())
    standing = measure_model(lesson.standing, unseen, kinds[held].tolist())
    if min(own.spam, own.ham) < FEWEST_HELD_BACK:
        note = UNSURE
    else:
        note = NOT_WORSE if _not_worse(own, standing) else WORSE
    return Learned(
        model,
        note,
        {
            "decisions": lesson.counts(),
            "last_seq": lesson.last_seq,
            "held_back": _plain(own),
            "standing": {"version": lesson.standing.version, **_plain(standing)},
        },
    )


def store_learned(
    session: SqlSession, learned: Learned, made_by: UUID | None = None
) -> LearnedModel:
    """Store what was learned as the next version, in use when it is not worse.

    When another version was put in use meanwhile, the comparison says nothing about that one: the
    new version is only stored.
    """
    compared = learned.figures["standing"]["version"]
    standing = spam_versions.in_use(session) or load_shipped_model()
    note = learned.note
    if note == NOT_WORSE and standing.version != compared:
        note = OVERTAKEN
    return spam_versions.add_version(
        session,
        learned.model,
        figures=learned.figures,
        note=note,
        made_by=made_by,
        use=note == NOT_WORSE,
    )


def is_due(session: SqlSession) -> bool:
    """Tell whether enough was decided since the last training to learn again."""
    seen = session.scalar(
        select(LearnedModel.figures["last_seq"].as_integer())
        .where(LearnedModel.kind == spam_versions.KIND)
        .order_by(LearnedModel.version.desc())
        .limit(1)
    )
    fresh = (
        select(Decision.id)
        .where(
            Decision.seq > (seen or 0),
            Decision.kind.in_(_TEACHES),
            Decision.staff_id.is_not(None),
        )
        .limit(ENOUGH_NEW)
    )
    return session.scalar(select(func.count()).select_from(fresh.subquery())) == ENOUGH_NEW


def _not_worse(own: Figures, standing: Figures) -> bool:
    return (
        own.right >= standing.right
        and own.blocked <= standing.blocked
        and own.ham_likely <= standing.ham_likely
    )


def _plain(found: Figures) -> dict[str, Any]:
    return {
        "right": found.right,
        "every": found.every,
        "spam": found.spam,
        "ham": found.ham,
        "caught": found.caught,
        "blocked": found.blocked,
        "ham_likely": found.ham_likely,
        "mcc": found.mcc.value,
    }
