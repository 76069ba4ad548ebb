"""What other rooms lend this desk (`shared.desk_loans`), found from any of its pages."""

from flask import Flask, current_app

from services.moderation.desk import access
from shared import web
from shared.desk_loans import DeskLoans, Draft
from shared.models import Idea, Role

_EXTENSION = "radslag.desk_loans"


def accept_loans(app: Flask, loans: DeskLoans) -> None:
    """Keep what a desk was lent, for as long as it runs."""
    app.extensions[_EXTENSION] = loans


def find_loans() -> DeskLoans:
    """Return what the desk of the running request was lent."""
    loans: DeskLoans = current_app.extensions[_EXTENSION]
    return loans


def write_letter(idea: Idea, draft: Draft) -> tuple[str, str] | None:
    """Write the letter about a decision not yet made; None where such a decision sends none."""
    return find_loans().write_letter(idea, draft, web.get_city_settings())


def write_answer_letter(idea: Idea, text: str, signature: str) -> tuple[str, str]:
    """Write the letter about an official answer that is not public yet."""
    return find_loans().write_answer_letter(idea, text, signature, web.get_city_settings())


def read_own_digest_line() -> str | None:
    """Say what became of one's last digest and when the next one comes; readers have none."""
    person = access.get_signed_in()
    if not person.may(Role.MODERATOR):
        return None
    return find_loans().read_digest_line(person.id, web.get_settings())
