"""A digest in words: what its run saw and what of it still waits when the mail leaves."""

from sqlalchemy.orm import Session as SqlSession

from services.notify.digests import digest_contents, schedule_words
from services.notify.digests.readers import USUAL, schedule_of
from services.notify.mail.letters import DIGEST
from services.notify.mail.look import read_look
from services.notify.mail.rendering import Rendered, render_letter
from shared import i18n
from shared.clock import utcnow
from shared.config import Settings
from shared.models import Digest, Staff, Subscription

NOTHING_WAITS = "nothing waits"


def write_digest(
    session: SqlSession,
    digest: Digest,
    person: Staff,
    language: str,
    settings: Settings,
    **links: str,
) -> Rendered | str:
    """Write a digest, or return why it should not be sent after all."""
    with i18n.speak_language(language):
        now = utcnow()
        contents = digest_contents.read_contents(session, digest, settings)
        chosen = session.get(Subscription, person.id)
        comes = schedule_words.describe_schedule(USUAL if chosen is None else schedule_of(chosen))
    if not (contents.waiting or digest.is_calm or digest.is_test):
        return NOTHING_WAITS
    # What colleagues decide from here on is for the next one.
    digest.read_at = now
    return render_letter(
        DIGEST,
        language,
        look=read_look(session),
        settings=settings,
        contents=contents,
        name=person.name,
        comes=comes,
        is_test=digest.is_test,
        **links,
    )
