"""What a resident may send: a text, a name if they like, an address if they want an answer."""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.addresses import mailboxes
from shared.addresses.mailboxes import BadAddressError
from shared.i18n import gettext as _
from shared.text import (
    MAX_AUTHOR_LENGTH,
    MAX_LENGTH,
    MIN_LENGTH,
    AuthorError,
    AuthorFault,
    clean_author,
    clean_text,
    measure_length,
)


class FormError(ValueError):
    """Some fields cannot be used; `errors` holds a sentence per field, never what was written."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__(", ".join(errors))
        self.errors = dict(errors)


@dataclass(frozen=True, slots=True)
class IdeaForm:
    """What was sent, ready to be stored. No author means anonymous."""

    text: str
    author: str | None = None
    email: str | None = None

    @classmethod
    def checked(cls, fields: Mapping[str, str]) -> "IdeaForm":
        """Read `text`, `author` and `email`.

        The text is 3 to 2000 code points after `shared.text.clean_text`; the name at most 80 on one
        line. The form of the address is checked, never whether its mail server exists.

        Raises FormError for all fields at once.
        """
        errors: dict[str, str] = {}
        text = clean_text(fields.get("text", ""))
        author = email = None
        if fault := text_fault(text):
            errors["text"] = fault
        try:
            author = clean_author(fields.get("author", "")) or None
        except AuthorError as error:
            errors["author"] = author_sentence(error.fault)
        try:
            email = checked_email(fields.get("email", ""))
        except BadAddressError:
            errors["email"] = _(
                "Adressen går inte att skicka till. Så här ser en adress ut: namn@exempel.se"
            )
        if errors:
            raise FormError(errors)
        return cls(text, author, email)


def text_fault(text: str) -> str | None:
    """Return the sentence that says why a cleaned text cannot be taken, or None."""
    if not text:
        return _("Skriv din idé.")
    if measure_length(text) < MIN_LENGTH:
        return _("Idén är för kort. Skriv minst %(least)s tecken.", least=MIN_LENGTH)
    if measure_length(text) > MAX_LENGTH:
        return _(
            "Idén är för lång: %(length)s tecken. Högst %(most)s får plats.",
            length=measure_length(text),
            most=MAX_LENGTH,
        )
    return None


def author_sentence(fault: AuthorFault) -> str:
    """Return the sentence for a name that cannot be used."""
    return {
        AuthorFault.TOO_LONG: _(
            "Namnet är för långt. Högst %(most)s tecken får plats.", most=MAX_AUTHOR_LENGTH
        ),
        AuthorFault.SEVERAL_LINES: _("Skriv namnet på en enda rad."),
        AuthorFault.FORBIDDEN_CHARACTER: _(
            "Namnet innehåller ett osynligt tecken som inte går att visa. Skriv det på nytt."
        ),
    }[fault]


def checked_email(raw: str) -> str | None:
    """Return the address in its normal form, or None when none was given.

    Raises BadAddressError.
    """
    address = clean_text(raw)
    if not address:
        return None
    return mailboxes.check_mailbox(address)
