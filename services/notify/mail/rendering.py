"""From templates to mails: `templates/email/<name>/{subject.txt,body.txt,body.html}`."""

import re
import textwrap
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import format_datetime
from functools import cache
from pathlib import Path
from typing import Any, cast

import css_inline
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from services.notify.mail import headers, outlook
from services.notify.mail.look import Logo, Look
from services.notify.mail.mailer import recipient_of
from shared import i18n
from shared.addresses import mailboxes
from shared.addresses.mailboxes import BadAddressError
from shared.clock import utcnow
from shared.config import Settings
from shared.pages import shown

TEMPLATES = Path(__file__).parent / "templates"
# Plain text is read in narrow windows and quoted in answers (RFC 3676 §4.2 advises 72 and less).
LINE_LENGTH = 72
# As the template names it.
LOGO = "logo@radslag"


@dataclass(frozen=True, slots=True)
class Rendered:
    """A letter in words: one line of subject, and the same body as text and as HTML."""

    subject: str
    text: str
    html: str
    language: str
    logo: Logo | None = None


def render_letter(template: str, language: str, *, look: Look, **context: Any) -> Rendered:
    """Render a letter in a language; the subject is forced to one line."""
    context["look"] = look
    with i18n.speak_language(language):
        spoken = i18n.get_language()
        context["language"] = spoken
        subject, text, html = (
            _environment().get_template(f"email/{template}/{part}").render(context)
            for part in ("subject.txt", "body.txt", "body.html")
        )
    return Rendered(
        subject=" ".join(subject.split()),
        text=_wrapped(text),
        html=_inliner().inline(outlook.adapt_html(html)),
        language=spoken,
        logo=look.logo,
    )


def render_plain(template: str, language: str, **context: Any) -> tuple[str, str]:
    """Render subject and text of a letter for somebody to read before it is written.

    Lines are as long as their paragraphs: a page breaks them as it needs.
    """
    with i18n.speak_language(language):
        context["language"] = i18n.get_language()
        subject, text = (
            _environment().get_template(f"email/{template}/{part}").render(context)
            for part in ("subject.txt", "body.txt")
        )
    return " ".join(subject.split()), re.sub(r"\n{3,}", "\n\n", text.strip())


def to_email(
    rendered: Rendered,
    *,
    recipient: str,
    message_id: str,
    settings: Settings,
    list_id: str | None = None,
    unsubscribe_url: str | None = None,
) -> EmailMessage:
    """Make the mail: text and HTML, no tracking, nothing loaded from elsewhere.

    `Auto-Submitted` (RFC 3834) keeps vacation answers away; `list_id` (RFC 2919) lets staff sort
    digests, and `unsubscribe_url` leave them from their mail program (RFC 8058). The Message-ID is
    the ledger's, so that a repeated delivery is recognised.

    Raises LetterRefusedError for an address that nothing can be sent to.
    """
    message = EmailMessage()
    name, sender = mailboxes.of_sender(settings.mail_from)
    message["From"] = headers.make_mailbox_header("From", sender, name)
    message["To"] = headers.make_mailbox_header("To", recipient_of(recipient))
    message["Subject"] = headers.make_text_header("Subject", rendered.subject)
    message["Date"] = format_datetime(utcnow().astimezone(settings.timezone))
    message["Message-ID"] = headers.message_id(message_id)
    message["Auto-Submitted"] = "auto-generated"
    if list_id is not None:
        message["List-Id"] = headers.make_token_header("List-Id", list_id)
    elif contact := _answers_go_to(settings):
        # Writers who answer reach people; members of staff know where to go.
        message["Reply-To"] = headers.make_mailbox_header("Reply-To", contact)
    if unsubscribe_url is not None:
        message["List-Unsubscribe"] = headers.make_token_header(
            "List-Unsubscribe", f"<{unsubscribe_url}>"
        )
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(rendered.text, cte="quoted-printable")
    message.add_alternative(rendered.html, subtype="html", cte="quoted-printable")
    if rendered.logo is not None:
        _add_logo(message, rendered.logo)
    # Last: the headers named Content-… that stood here before moved into the text part.
    message["Content-Language"] = rendered.language
    return message


def _add_logo(message: EmailMessage, logo: Logo) -> None:
    """Put the logo beside the HTML that shows it."""
    cast("EmailMessage", message.get_body(("html",))).add_related(
        logo.body,
        "image",
        {"jpg": "jpeg"}.get(logo.kind, logo.kind),
        cid=f"<{LOGO}>",
        disposition="inline",
        filename=f"logo.{logo.kind}",
    )


def _answers_go_to(settings: Settings) -> str:
    """Return the address of whoever residents can turn to, where that is an address."""
    try:
        return mailboxes.of_sender(settings.contact)[1]
    except BadAddressError:
        return ""


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    install = environment.install_gettext_callables  # type: ignore[attr-defined]
    install(
        i18n.gettext,
        i18n.ngettext,
        newstyle=True,
    )
    shown.init_environment(environment)
    return environment


@cache
def _inliner() -> css_inline.CSSInliner:
    # Some mail programs read only `style` attributes; others need @media for dark mode.
    return css_inline.CSSInliner(
        keep_style_tags=True, keep_at_rules=True, load_remote_stylesheets=False
    )


def _wrapped(text: str) -> str:
    """Break long lines, keeping their indentation; addresses stay whole, blank lines single."""
    lines = []
    for line in re.sub(r"\n{3,}", "\n\n", text.strip()).splitlines():
        indent = line[: len(line) - len(line.lstrip())]
        lines += textwrap.wrap(
            line.strip(),
            LINE_LENGTH,
            initial_indent=indent,
            subsequent_indent=indent + "  " * line.startswith("- "),
            break_long_words=False,
            break_on_hyphens=False,
        ) or [""]
    return "\n".join(lines) + "\n"
