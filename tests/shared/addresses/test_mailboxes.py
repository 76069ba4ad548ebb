"""Addresses: what is one, and that what is none comes in by no door and leaves by none."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.moderation.people import accounts
from services.moderation.people.accounts import AccountError
from services.submission.forms import FormError, IdeaForm
from shared.addresses import domains, mailboxes
from shared.addresses.domains import BadDomainError
from shared.addresses.mailboxes import BadAddressError
from shared.config import Settings, SettingsError

PROJECT = Path(__file__).parents[3]

# Each is read as something else by some program: other headers, other recipients, a name.
HOSTILE = [
    "=?utf-8?q?a=0D=0ABcc=3Ax=40y.example?=@exempel.example",
    "=?utf-8?q?a=0D=0A=0D=0Akoep_nu?=@exempel.example",
    "=?utf-8?q?a=2Cb=40y.example=2Cc?=@exempel.example",
    "=?utf-8?b?YQ0KQmNjOiB4QHkuZXhhbXBsZQ==?=@exempel.example",
    "=?iso-8859-1?Q?a?=@exempel.example",
    "a.=?utf-8?q?=0A?=.b@exempel.example",
    "＝？utf-8？q？a＝0A？＝@exempel.example",
    "a\r\nBcc: x@y.example\r\n@exempel.example",
    "a@exempel.example\r\nBcc: x@y.example",
    "a@exempel.example\nDATA",
    "a\x00@exempel.example",
    "a\x7f@exempel.example",
    "a\x85b@exempel.example",
    "a\u2028b@exempel.example",
    "a\u202eb@exempel.example",
    "a\u200bb@exempel.example",
    '"a b"@exempel.example',
    '"a\r\nBcc: x@y.example"@exempel.example',
    "Anna <a@exempel.example>",
    "<a@exempel.example>",
    "a(kommentar)@exempel.example",
    "a@exempel.example(kommentar)",
    "a@b@exempel.example",
    "a@exempel.example,b@exempel.example",
    "a@exempel.example;b@exempel.example",
    "a@exempel.example b@exempel.example",
    "a,b@exempel.example",
    "a:b;@exempel.example",
    "grupp:a@exempel.example;",
    "a\\@exempel.example",
    "a⑴b@exempel.example",
    "a＠y.example＠@exempel.example",
    "a，b@exempel.example",
    "a@[127.0.0.1]",
    "a@[IPv6:::1]",
    "@exempel.example",
    "a@",
    "a",
    ".a@exempel.example",
    "a..b@exempel.example",
    f"{'a' * 65}@exempel.example",
    f"a@{'b' * 64}.example",
    f"a@{'b.' * 130}example",
    "a" * 100_000,
    "a@exempel..example",
    "a@-exempel.example",
    "a@exem_pel.example",
    "a@exempel.example/x",
    "a@xn--strasse-.example",
    "a@=?utf-8?q?exempel=0A?=.example",
    "a@exempel\r\n.example",
]
GOOD = {
    "anna@exempel.example": "anna@exempel.example",
    "Anna.Ek+1@Exempel.Example": "Anna.Ek+1@exempel.example",
    "o'brien=x?y@exempel.example": "o'brien=x?y@exempel.example",
    "åsa@räksmörgås.example": "åsa@xn--rksmrgs-5wao1o.example",
    "anna@straße.example": "anna@xn--strae-oqa.example",
    "bo@xn--strae-oqa.example": "bo@xn--strae-oqa.example",
    "bo@XN--STRAE-OQA.example": "bo@xn--strae-oqa.example",
    "bo@ｅｘｅｍｐｅｌ。example": "bo@exempel.example",
    "bo@ΒΌΛΟΣ.example": "bo@xn--nxasmq6b.example",
    "bo@βόλος.example": "bo@xn--nxasmm1c.example",
}


@pytest.mark.parametrize("raw", HOSTILE, ids=lambda raw: ascii(raw)[:40])
def test_what_is_no_address_comes_in_by_no_door(raw, environment_without_servers):
    with pytest.raises(BadAddressError):
        mailboxes.check_mailbox(raw)
    with pytest.raises(BadAddressError):
        mailboxes.as_sent(raw)
    with pytest.raises(FormError) as refused:
        IdeaForm.checked({"text": "Fler bänkar", "email": raw})
    assert list(refused.value.errors) == ["email"]
    with pytest.raises(AccountError):
        accounts.checked_email(raw)
    with pytest.raises(SettingsError, match="RADSLAG_BOUNCE_ADDRESS"):
        Settings.from_env({**environment_without_servers, "RADSLAG_BOUNCE_ADDRESS": raw})
    for sender in (f"Rådslag <{raw}>", *(() if "<" in raw else (raw,))):
        with pytest.raises(SettingsError, match="RADSLAG_MAIL_FROM"):
            Settings.from_env({**environment_without_servers, "RADSLAG_MAIL_FROM": sender})


@pytest.fixture
def environment_without_servers() -> dict[str, str]:
    return {
        "RADSLAG_DATABASE_URL": "postgresql://localhost/radslag",
        "RADSLAG_BROKER_URL": "redis://localhost",
        "RADSLAG_SMTP_URL": "smtp://localhost",
        "RADSLAG_SECRET_KEY": "a key for tests only, long enough to be taken",
        "RADSLAG_PUBLIC_URL": "http://localhost:8000",
        "RADSLAG_DESK_URL": "http://localhost:8001",
    }


@pytest.mark.parametrize(("raw", "sent"), GOOD.items())
def test_an_address_is_sent_to_the_domain_that_was_written(raw, sent):
    kept = mailboxes.check_mailbox(raw)
    assert mailboxes.as_sent(kept) == mailboxes.as_sent(raw) == sent
    assert IdeaForm.checked({"text": "Fler bänkar", "email": raw}).email == kept


@given(st.text(max_size=40), st.text(max_size=40), st.sampled_from(["@", "=?", "?=@", "\r\n", ""]))
def test_whatever_is_taken_is_one_word_with_one_at(one, other, between):
    raw = f"{one}{between}{other}@exempel.example"
    try:
        sent = mailboxes.as_sent(mailboxes.check_mailbox(raw))
    except BadAddressError:
        return
    assert sent.count("@") == 1
    assert "=?" not in sent
    assert not set(sent) & set('\r\n \t\x00"(),:;<>[\\]')


@given(st.text(max_size=30))
def test_a_domain_is_small_ascii_or_none(name):
    try:
        found = domains.ascii_of(name)
    except BadDomainError:
        return
    assert re.fullmatch(r"[a-z0-9.-]{1,253}", found)
    assert domains.ascii_of(found) == found


@pytest.mark.parametrize(
    "name", ["xn--a.example", "xn--zzzzzz99999.example", "xn--abc.example", "a.xn--strae-oq"]
)
def test_what_only_says_that_it_is_encoded_is_no_domain(name):
    with pytest.raises(BadDomainError):
        domains.ascii_of(name)


def test_a_host_is_compared_as_a_browser_asks_for_it():
    assert domains.as_browsers_do("straße.example") == "xn--strae-oqa.example"
    assert domains.as_browsers_do("💩.la") == "xn--ls8h.la"
    assert domains.as_browsers_do("A_b.Example") == "a_b.example"


@pytest.mark.parametrize(
    ("raw", "name", "address"),
    [
        ("Rådslag <radslag@localhost>", "Rådslag", "radslag@localhost"),
        ('"Råd, slag" <radslag@stad.example>', "Råd, slag", "radslag@stad.example"),
        ("radslag@straße.example", "", "radslag@xn--strae-oqa.example"),
        ("<radslag@stad.example>", "", "radslag@stad.example"),
    ],
)
def test_a_sender_is_a_name_and_an_address(raw, name, address):
    assert mailboxes.of_sender(raw) == (name, address)


@pytest.mark.parametrize("raw", ["Råd\nslag <a@b.example>", "åsa@stad.example", "a@b.se <c@d.se>"])
def test_a_sender_that_not_every_server_takes_is_none(raw):
    with pytest.raises(BadAddressError):
        mailboxes.of_sender(raw)


@pytest.mark.parametrize(
    "spelled",
    ["Anna@stad.example", "anna+1@stad.example", "anna+1+2@STAD.example", "ANNA+@stad.example"],
)
def test_a_mailbox_is_one_however_it_is_written(spelled):
    assert mailboxes.mailbox_of(spelled) == "anna@stad.example"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("A.n.na+x@googlemail.com", "anna@gmail.com"),
        ("an-na_e.k+7@protonmail.com", "annaek@proton.me"),
        ("anna.ek@pm.me", "ANNAEK@proton.me"),
        ("anna@me.com", "Anna+1@icloud.com"),
        ("anna-radslag@yahoo.se", "anna@yahoo.se"),
        ("vad.som.helst@anna.fastmail.com", "anna+1@fastmail.com"),
        ("ａｎｎａå@stad.example", "annaÅ@stad.example"),
        ("a\u030asa@stad.example", "åsa@stad.example"),
    ],
)
def test_a_mailbox_is_one_as_its_provider_reads_it(one, other):
    assert mailboxes.mailbox_of(one) == mailboxes.mailbox_of(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a.nna@stad.example", "anna@stad.example"),
        ("anna-ek@stad.example", "anna@stad.example"),
        ("anna.ek@icloud.com", "annaek@icloud.com"),
        ("anna@yahoo.com", "anna@yahoo.se"),
        ("anna@x.fastmail.com", "anna@y.fastmail.com"),
        ("+1@stad.example", "+2@stad.example"),
        ("-1@yahoo.se", "-2@yahoo.se"),
        ("Ingen ADRESS", "adress"),
    ],
)
def test_what_may_be_another_s_is_another_mailbox(one, other):
    assert mailboxes.mailbox_of(one) != mailboxes.mailbox_of(other)


def test_what_is_no_address_stands_for_itself():
    assert mailboxes.mailbox_of(" Ingen ADRESS ") == "ingen adress"
    assert mailboxes.mailbox_of("...@gmail.com") == "...@gmail.com"


# Who may read an address, or write a domain, another way than `shared.addresses`.
ONLY_HERE = {
    r"email_validator": {"shared/addresses/mailboxes.py"},
    r"parseaddr|getaddresses|formataddr|headerregistry": set(),
    r"""encode\(["']idna|encodings\.idna""": set(),
    r"idna\.(encode|uts46_remap)": {"shared/addresses/domains.py"},
}


@pytest.mark.parametrize("pattern", ONLY_HERE)
def test_addresses_and_domains_are_read_in_one_place(pattern):
    found = {
        path.relative_to(PROJECT).as_posix()
        for folder in ("shared", "services", "radslag")
        for path in (PROJECT / folder).rglob("*.py")
        if re.search(pattern, path.read_text("utf-8"))
    }
    assert found == ONLY_HERE[pattern]
