"""Spam by form: hidden characters, disguised words, links that pose, gibberish, offers, signals."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.moderation.checks import Code, Equipment, Severity, Subject, checks_with, run_all
from services.moderation.checks.explanations import explain_finding
from services.moderation.checks.verdict import SPAM_CODES, combine_findings

FORM = {
    Code.LINK,
    Code.INVISIBLE,
    Code.MIXED_SCRIPT,
    Code.GIBBERISH,
    Code.OFFER,
    Code.HONEYPOT,
    Code.BURST,
    Code.TIME_TRAP,
}


# Of a city whose own site is this one.
HERE = checks_with(Equipment(own_sites=frozenset({"exempelstad.se"})))


def found(text, **about):
    return {f.code: f for f in run_all(Subject(text, **about), HERE).findings if f.code in FORM}


def marked(text, code):
    return [text[start:end] for start, end in found(text)[code].spans]


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("Bra bän\u200bk h\u200bär v\u200bid", Code.INVISIBLE, ["\u200b"] * 3),
        ("Läs \u202eesrever här", Code.INVISIBLE, ["\u202e"]),
        ("Hej\U000e0041\U000e0042 på er", Code.INVISIBLE, ["\U000e0041\U000e0042"]),
        ("Logga in på раypal nu", Code.MIXED_SCRIPT, ["раypal"]),
        ("👍🏽 Vinn på саsino i dag", Code.MIXED_SCRIPT, ["саsino"]),
        ("Vinn 𝗚𝗥𝗔𝗧𝗜𝗦 pengar", Code.MIXED_SCRIPT, ["𝗚𝗥𝗔𝗧𝗜𝗦"]),
        ("sdkfjhskdjfh kjsdhfkjs", Code.GIBBERISH, ["sdkfjhskdjfh", "kjsdhfkjs"]),
        ("Se exempel [dot] com om det", Code.LINK, ["exempel [dot] com"]),
        ("Se http://192.0.2.7/x om det", Code.LINK, ["http://192.0.2.7/x"]),
        ('Läs <a href="http://a.biz">här</a>', Code.LINK, ["<a href", "http://a.biz"]),
        ("Läs [url=http://a.biz]här[/url]", Code.LINK, ["[url", "http://a.biz]här[/url"]),
    ],
)
def test_is_found_and_marked(text, code, words):
    assert marked(text, code) == words


@pytest.mark.parametrize(
    "text",
    [
        "Fler familjer 👩\u200d👩\u200d👧 och ❤\ufe0f i parken 🏴\U000e0067\U000e0062\U000e007f",
        "می\u200cخواهم یک پارک بزرگ در شهر داشته باشیم",  # a Persian word with its joiner
        "Åsa och café Zoë på Östergatan, smörgås",
        "Москва и Хельсингборг",
        "Bullret är 50 µg och Δt är för lång, α-strålning",
        "HBTQ, VGR och SFI på GP.se om SJ",
        "Haluaisin lisää penkkejä puistoon, kiitos paljon",
        "Chciałbym więcej ławek w parku przy szkole, dziękuję",
        "Waxaan rabaa in la kordhiyo kuraasta beerta",
        "Världsschlager, västkustskt och ångestskrik på torget",
        "Nej nej nej, hahaha, mmmm så gott",
        "Ring mig gärna på 042-10 50 00 om lekplatsen",
        "Kommunen borde köpa in fler cyklar och erbjuda dem gratis till unga.",
        "Jag vill låna cyklar. Mejla er enhet: kontaktcenter@helsingborg.se",
    ],
)
def test_honest_writing_is_left_in_peace(text):
    # A link or an address may be told of; it asks for nothing here.
    assert {c for c, f in found(text).items() if f.severity.rank >= Severity.MEDIUM.rank} == set()
    assert combine_findings(run_all(Subject(text)).findings).outcome != "likely_spam"


@pytest.mark.parametrize(
    ("link", "seen"),
    [
        ("https://xn--pypal-4ve.com/login", "pаypal.com"),
        ("https://exempe1stad.se/logga-in", ""),
        ("https://xn--xempelstad-jsi.se", "еxempelstad.se"),
        ("http://helsingborg.se@ond.example.ru/x", "ond.example.ru"),
        ("www.раypal.com", ""),
    ],
)
def test_a_link_that_poses_as_another_site_is_told_with_what_it_is(link, seen):
    text = f"Logga in här: {link}"
    finding = found(text)[Code.LINK]
    assert finding.params["lookalike"] == 1
    assert finding.severity is Severity.MEDIUM
    sentence = explain_finding(finding, text)
    assert sentence.startswith("En länk låtsas vara en annan webbplats")
    assert seen in sentence


@pytest.mark.parametrize(
    "link", ["https://exempelstad.se", "www.paypal.com/se", "råå.se", "goo.se"]
)
def test_the_site_itself_poses_as_nobody(link):
    assert found(f"Se {link}")[Code.LINK].params["lookalike"] == 0


@pytest.mark.parametrize(
    "text",
    [
        "We offer loans at 2% interest. Contact us on WhatsApp +1 202 555 0143",
        "Vi erbjuder privatlån utan UC med låg ränta. Kontakta oss på WhatsApp +46701740605",
        "Hire a hacker to fix your credit: cyber.ghost@example.com, Telegram @ghost",
    ],
)
def test_an_offer_with_a_way_to_reply_is_for_sale(text):
    finding = found(text)[Code.OFFER]
    assert finding.severity is Severity.MEDIUM
    assert combine_findings(run_all(Subject(text)).findings).outcome == "likely_spam"


@pytest.mark.parametrize(
    ("signals", "code", "sentence"),
    [
        ({"honeypot": 1}, Code.HONEYPOT, "Ett fält som människor inte ser var ifyllt."),
        ({"burst": 34}, Code.BURST, "Många idéer kom från samma håll på kort tid: 34."),
        (
            {"time_trap": 2},
            Code.TIME_TRAP,
            "Formuläret skickades 2 sekunder efter att det hade öppnats.",
        ),
    ],
)
def test_what_the_intake_noticed_is_told_and_decides_nothing(signals, code, sentence):
    finding = found("Fler bänkar i parken", signals=signals)[code]
    assert explain_finding(finding, "") == sentence
    assert combine_findings([finding]).outcome != "likely_spam"
    assert code in SPAM_CODES


@given(
    st.text(
        st.sampled_from("aаåαe\u0301 .@/:[]<\u200b\u200d\u202e\ufe0f👩🏴\U000e0067\ufffdx0-\n"),
        max_size=200,
    )
)
def test_nothing_raises_and_spans_lie_in_the_text(text):
    result = run_all(Subject(text, text[:80]))
    assert result.unchecked == ()
    for finding in result.findings:
        field = text[:80] if finding.field == "author" else text
        assert all(0 <= start < end <= len(field) for start, end in finding.spans)
        assert explain_finding(finding, field)
