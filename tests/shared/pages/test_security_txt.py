"""Where somebody who finds a hole tells of it."""

from datetime import UTC, datetime

import pytest

from radslag import desk
from services import submission
from shared.config import Settings
from shared.pages.security_txt import write_security_txt

NOW = datetime(2026, 11, 30, 15, 45, tzinfo=UTC)


def test_it_says_what_the_standard_requires():
    told = write_security_txt("kontakt@staden.example", "https://dialog.example", NOW)
    assert told == (
        "Contact: mailto:kontakt@staden.example\n"
        "Expires: 2027-05-29T00:00:00Z\n"
        "Preferred-Languages: sv, en\n"
        "Canonical: https://dialog.example/.well-known/security.txt\n"
    )


@pytest.mark.parametrize(
    ("contact", "line"),
    [
        ("https://staden.example/sakerhet", "Contact: https://staden.example/sakerhet"),
        ("Staden <a@staden.example>", "Contact: mailto:a@staden.example"),
    ],
)
def test_a_page_and_a_name_before_the_address_are_contacts_too(contact, line):
    told = write_security_txt(contact, "", NOW)
    assert told is not None
    assert told.splitlines()[0] == line


@pytest.mark.parametrize(
    "contact", ["042-10 50 00", "http://a.example", "https://a.example /x", ""]
)
def test_what_no_program_can_follow_is_no_contact(contact):
    assert write_security_txt(contact, "", NOW) is None


def test_both_webs_have_it(settings: Settings, database: None):
    public = submission.create_app(settings)
    try:
        for app, own in (
            (public, settings.public_url),
            (desk.create_app(settings), settings.desk_url),
        ):
            answer = app.test_client().get("/.well-known/security.txt", base_url=own)
            assert (answer.status_code, answer.mimetype) == (200, "text/plain")
            assert f"Contact: mailto:{settings.contact}" in answer.text
            assert f"Canonical: {own}/.well-known/security.txt" in answer.text
    finally:
        public.extensions["submit_limits"].close()
