"""Whether a letter is still true when it is claimed: asked inside the statement that claims it."""

from sqlalchemy import ColumnElement, and_, exists, or_
from sqlalchemy.orm import aliased

from services.notify.letters import answers, arrivals
from services.notify.mail import addresses
from services.notify.mail.letters import CORRECTED, INTERRUPTED, REPLACING, SUPERSEDED, UNDONE
from shared.delivery.events import ReceiptAction
from shared.models import Contact, Decision, Idea, IdeaStatus, Letter, LetterState, Staff

_MAY_HAVE_LEFT = (LetterState.WAITING, LetterState.CLAIMED, LetterState.SENT)


def find_objections() -> dict[str, ColumnElement[bool]]:
    """Return the reasons why a letter must not be sent, and how to see them."""
    about, undo, later, undo_of_later = (aliased(Decision) for _ in range(4))
    original = aliased(Letter)
    ordinary = Letter.template != CORRECTED
    stands_no_more = exists().where(undo.undoes == Letter.decision_id)
    replaced = (
        exists()
        .where(about.id == Letter.decision_id)
        .where(later.idea_id == about.idea_id, later.seq > about.seq)
        .where(later.kind.in_(REPLACING))
        .where(~exists().where(undo_of_later.undoes == later.id).correlate(later))
    )
    withdrawn = or_(
        exists().where(Idea.id == Letter.idea_id, Idea.status == IdeaStatus.WITHDRAWN),
        ReceiptAction.has_withdrawn(Letter.idea_id),
    )
    original_never_left = ~exists().where(
        about.id == Letter.decision_id,
        original.decision_id == about.undoes,
        or_(original.state.in_(_MAY_HAVE_LEFT), original.error == INTERRUPTED),
    )
    about_a_decision = Letter.decision_id.is_not(None)
    about_an_arrival = Letter.received_id.is_not(None)
    about_an_answer = Letter.answer_id.is_not(None)
    to_a_writer = Letter.idea_id.is_not(None)
    return {
        UNDONE: or_(
            and_(about_a_decision, ordinary, stands_no_more),
            and_(about_an_answer, answers.is_undone()),
        ),
        "withdrawn": and_(to_a_writer, withdrawn),
        SUPERSEDED: or_(
            and_(about_a_decision, ordinary, replaced),
            and_(about_an_arrival, arrivals.is_decided()),
            and_(about_an_answer, answers.is_overtaken()),
        ),
        arrivals.LIKELY_SPAM: and_(about_an_arrival, arrivals.is_likely_spam()),
        answers.NOT_MERGED: and_(about_an_answer, answers.is_not_merged()),
        answers.NOT_PUBLIC: and_(about_an_answer, answers.is_hidden()),
        "original never left": or_(
            and_(Letter.template == CORRECTED, original_never_left),
            and_(about_an_answer, answers.is_unheard()),
        ),
        "no address": and_(to_a_writer, ~exists().where(Contact.idea_id == Letter.idea_id)),
        addresses.ADDRESS_DEAD: addresses.is_dead(),
        "account closed": exists().where(
            Staff.id == Letter.staff_id, Staff.disabled_at.is_not(None)
        ),
    }


def is_original_under_way() -> ColumnElement[bool]:
    """A correction waits while it is not yet known whether the letter it corrects has left."""
    undo = aliased(Decision)
    original = aliased(Letter)
    return and_(
        Letter.template == CORRECTED,
        exists().where(
            undo.id == Letter.decision_id,
            original.decision_id == undo.undoes,
            original.state.in_([LetterState.WAITING, LetterState.CLAIMED]),
        ),
    )
