"""Cards, accounts, phones, addresses of mail, plates: each rule from both sides, at its edge."""

import pytest
from stdnum import luhn

from services.moderation.checks import Code, Severity, Subject
from services.moderation.checks.personal import bank_numbers, contact, personal_data, plates


def with_check_digit(body):
    return body + luhn.calc_check_digit(body)


def issuers(length):
    """The prefixes of four digits under which cards of a length are given out (ISO/IEC 7812)."""
    prefixes = set()
    if length in {13, 16, 19}:
        prefixes |= set(range(4000, 5000))
    if length == 14:
        prefixes |= {*range(3000, 3060), *range(3600, 3700), *range(3800, 3900)}
    if length == 15:
        prefixes |= {*range(3400, 3500), *range(3700, 3800)}
    if length == 16:
        prefixes |= {*range(5100, 5600), *range(2221, 2721), 6011, *range(6500, 6600)}
        prefixes |= {*range(6440, 6500), *range(3528, 3590)}
    if 16 <= length <= 19:
        prefixes |= {*range(5000, 5100), *range(5600, 7000), *range(6200, 6300)}
    return prefixes


@pytest.mark.parametrize("length", range(12, 21))
def test_every_prefix_of_a_card(length):
    known = issuers(length)
    wrong = []
    for prefix in range(10_000):
        number = with_check_digit(f"{prefix:04}" + "1" * (length - 5))
        if bank_numbers.is_card(number) is not (prefix in known and len(set(number)) > 1):
            wrong.append(number)
    assert wrong == []


def test_one_and_the_same_digit_is_no_card():
    for length in range(13, 20):
        assert not any(bank_numbers.is_card(digit * length) for digit in "0123456789")


def kinds(text):
    return [
        (found.kind, text[slice(*found.span)]) for found in bank_numbers.find_bank_numbers(text)
    ]


CARD = "4111111111111111"


@pytest.mark.parametrize(
    "gap", ["", " ", "-", ".", "  ", "   ", "\u00a0", "\u200b", "–", "−", "\u00ad"]
)
def test_what_may_stand_between_the_digits_of_a_card(gap):
    written = gap.join(CARD[n : n + 4] for n in (0, 4, 8, 12))
    assert kinds(f"nr {written}, tack") == [("card", written)]
    spaced = gap.join(CARD)
    assert kinds(f"nr {spaced}, tack") == [("card", spaced)]


@pytest.mark.parametrize("gap", ["    ", ",", "x", "/", "\n"])
def test_what_parts_the_digits_of_a_card(gap):
    assert kinds(gap.join(CARD[n : n + 4] for n in (0, 4, 8, 12))) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"x{CARD}", []),
        (f"+{CARD}", []),
        (f"_{CARD}", []),
        (f"{CARD}1", []),
        (f"1{CARD}", []),
        (f"12 {CARD}", [("card", CARD)]),
        (f"1 {CARD}", []),  # digit by digit counts as a whole only
        (f"{CARD} 12", [("card", CARD)]),
        ("4222222222222", [("card", "4222222222222")]),  # thirteen digits
        ("4000000000000000071", [("card", "4000000000000000071")]),  # nineteen
        (f"{CARD} {CARD}", [("card", CARD), ("card", CARD)]),
    ],
)
def test_where_a_card_begins_and_ends(text, found):
    assert kinds(text) == found


# An example of each country's registered length (ISO 13616), nobody's.
IBANS = {
    15: "NO93 8601 1117 947",
    16: "BE68 5390 0754 7034",
    18: "DK50 0040 0440 1162 43",
    20: "AT61 1904 3002 3457 3201",
    21: "CH93 0076 2011 6238 5295 7",
    22: "GB82 WEST 1234 5698 7654 32",
    24: "SE45 5000 0000 0583 9825 7466",
    25: "PT50 0002 0123 1234 5678 9015 4",
    26: "TR33 0006 1005 1978 6457 8413 26",
    27: "FR14 2004 1010 0505 0001 3M02 606",
    28: "PL61 1090 1014 0000 0712 1981 2874",
}


@pytest.mark.parametrize("written", IBANS.values())
def test_an_iban_has_its_countrys_length_and_check(written):
    plain = written.replace(" ", "")
    forms = (written, plain, plain.lower(), written.replace(" ", "-"), f"{plain[:4]} {plain[4:]}")
    for form in forms:
        # After the check digits only a blank.
        if form[4] != "-":
            assert ("iban", form) in kinds(f"till {form}.")
    assert kinds(f"till {written} tack")[0] == ("iban", written)
    wrong = f"{plain[:2]}{(int(plain[2:4]) + 1) % 98:02}{plain[4:]}"
    assert not [k for k, _ in kinds(f"till {wrong}.") if k == "iban"]
    assert not [k for k, _ in kinds(f"till {plain[:-1]}.") if k == "iban"]
    assert not [k for k, _ in kinds(f"till x{plain}.") if k == "iban"]


def test_a_country_without_ibans_has_none():
    assert kinds("US45 5000 0000 0583 9825 7466") == []
    assert bank_numbers._IBAN_LENGTHS["SE"] == 24
    assert len(bank_numbers._IBAN_LENGTHS) == 62


@pytest.mark.parametrize(
    "cue",
    [
        *("bankgiro", "bankgirot", "bankgironummer", "bankgironr", "plusgiro", "plusgirot"),
        *("postgiro", "postgirot", "bg", "pg", "BG", "Pg", "bankgiro nummer är", "bg:"),
    ],
)
def test_a_giro_number_follows_its_word(cue):
    for number in ("123456", "1234567890", "505-1055", "5050-1055", "90 20 33-1"):
        assert kinds(f"{cue} {number}") == [("giro", number)]
    for number in ("12345", "12345678901", "2010-2015", "2010 – 2015", "x"):
        assert kinds(f"{cue} {number}") == []
    assert kinds(f"x{cue} 5050-1055") == []


def test_a_giro_number_stands_near_its_word():
    assert kinds(f"bg{'.' * 20}5050-1055") != []
    assert kinds(f"bg{'.' * 21}5050-1055") == []
    assert kinds("bg\n5050-1055") == []
    assert kinds("bg 5050    1055") == []


@pytest.mark.parametrize("cue", ["swish", "swisha", "swishnummer", "swishnr", "Swish"])
def test_only_a_firms_swish_number_is_an_account(cue):
    assert kinds(f"{cue} 123 456 78 90") == [("giro", "123 456 78 90")]
    assert kinds(f"{cue} 123 456 78 9") == []
    assert kinds(f"{cue} 124 456 78 90") == []
    assert kinds(f"{cue} 070 174 06 05") == []


@pytest.mark.parametrize(
    "cue",
    [
        *("konto", "kontot", "kontonummer", "kontonr", "kontonumret", "bankkonto", "lönekonto"),
        *("sparkonto", "personkonto", "privatkontot", "clearing", "clearingnummer", "clearingnr"),
        *("account", "account number", "account no", "swedbank", "nordea", "handelsbanken", "seb"),
        *("sparbanken", "länsförsäkringar", "ica banken", "ica-banken", "icabanken"),
        *("skandiabanken", "danske bank", "resurs bank", "avanza", "ålandsbanken", "KONTO"),
    ],
)
def test_a_bank_account_follows_its_word(cue):
    number = "8327 123 456 78"
    assert kinds(f"{cue} {number}") == [("bank", number)]
    assert kinds(f"x{cue} {number}") == []
    assert kinds(f"{cue} 12345678") == []  # eight digits
    assert kinds(f"{cue} 123456789") == [("bank", "123456789")]
    assert kinds(f"{cue} 023456789") == []  # no bank begins so
    assert kinds(f"{cue} {'1' * 16}") == [("bank", "1" * 16)]
    assert kinds(f"{cue} {'1' * 17}") == []


@pytest.mark.parametrize(
    ("text", "is_account"),
    [
        (f"konto{'.' * 30}123456789", True),
        (f"konto{'.' * 31}123456789", False),
        ("konto\n123456789", False),
        ("clearing 6000, konto 123 456 789", True),
        ("konto 1234 kto 56789", True),
        ("konto 20170101 10", False),  # a date
        ("konto 20171301 10", True),  # no month
        ("konto 18170101 10", True),
        ("konto 20170141 10", True),
        *(
            (f"konto 123456789{unit}", False)
            for unit in (" kr", "kr", " kronor", " miljoner", ":-")
        ),
        *((f"konto 123456789{unit}", False) for unit in ("%", " mkr", " tkr", " SEK", " euro")),
        *((f"konto 123456789{unit}", False) for unit in (" miljarder",)),
        *((f"konto 123456789{unit}", True) for unit in (" krona", " st", "  kr", " sekt")),
    ],
)
def test_what_a_bank_account_is_not(text, is_account):
    assert bool(kinds(text)) is is_account


def test_what_overlaps_is_told_once():
    assert kinds(f"konto {CARD}") == [("card", CARD)]
    assert [kind for kind, _ in kinds("konto SE45 5000 0000 0583 9825 7466")] == ["iban"]
    assert [kind for kind, _ in kinds("bg 5050-1055 konto 123456789")] == ["giro", "bank"]


def found(text, code, **about):
    return [f for f in personal_data.run(Subject(text, **about)) if f.code is code]


@pytest.mark.parametrize(
    ("text", "kind", "severity", "score"),
    [
        (CARD, "card", Severity.HIGH, 0.97),
        (IBANS[24], "iban", Severity.HIGH, 0.97),
        ("konto 123456789", "bank", Severity.HIGH, 0.8),
        ("bg 5050-1055", "giro", Severity.MEDIUM, 0.8),
    ],
)
def test_how_grave_an_account_is(text, kind, severity, score):
    [finding] = found(text, Code.ACCOUNT)
    assert (finding.params, finding.severity, finding.score) == ({"kind": kind}, severity, score)


@pytest.mark.parametrize(
    ("text", "code", "severity", "score"),
    [
        ("a@b.se", Code.EMAIL, Severity.MEDIUM, 0.95),
        ("070-174 06 05", Code.PHONE, Severity.MEDIUM, 0.9),
        ("min insta är anna_b", Code.HANDLE, Severity.MEDIUM, 0.8),
        ("tack @anna_b", Code.HANDLE, Severity.LOW, 0.5),
        ("bilen ABC 123", Code.PLATE, Severity.MEDIUM, 0.85),
        ("jag såg GHJ45P", Code.PLATE, Severity.LOW, 0.4),
        ("bilen ABC 123 och GHJ45P" + " och" * 30 + " JKL45P", Code.PLATE, Severity.MEDIUM, 0.85),
        ("Jag bor på Storgatan 12", Code.ADDRESS, Severity.MEDIUM, 0.8),
        ("Hon på Nygatan 4 B", Code.ADDRESS, Severity.LOW, 0.6),
        ("Kontoret: Storgatan 12", Code.ADDRESS, Severity.INFO, 0.3),
        ("Storgatan 12! Jag bor på Nygatan 4", Code.ADDRESS, Severity.MEDIUM, 0.8),
    ],
)
def test_how_grave_each_kind_is(text, code, severity, score):
    for about in ({}, {"author": text}):
        fields = found(text, code, **about)
        assert [f.field for f in fields] == ["text", "author"][: 1 + len(about)]
        assert {(f.severity, f.score, f.check) for f in fields} == {
            (severity, score, "personal_data")
        }


def test_a_handle_inside_an_address_is_the_address_only():
    assert found("mejla anna@live.se", Code.HANDLE) == []
    assert [f.spans for f in found("a@b.se och @anna_b", Code.HANDLE)] == [((11, 18),)]


def test_digits_are_one_thing_only():
    """A card before a personnummer before an account before a phone."""
    number = "8112189876"
    assert found(f"konto 3300-{number}", Code.ACCOUNT) == []
    assert found(f"konto 3300-{number}", Code.PERSONNUMMER) != []
    assert found(f"tel {number}", Code.PHONE) == []
    assert found("bg 042-105000", Code.PHONE) == []
    assert found("bg 042-105000", Code.ACCOUNT) != []
    # Where one ends and the next begins they are two.
    assert found(f"{number}, 042-105000", Code.PHONE) != []


def mails(text):
    return [text[start:end] for start, end in contact.find_emails(text)]


AT = [
    *("@", "＠", "(at)", "[at]", "{at}", "<at>", " (at) ", "( at )", "[a]", "(snabel-a)"),
    *("(snabela)", "(snabel a)", "(alfakrull)", "[@]", " snabel-a ", " snabela ", " alfakrull "),
    *("(AT)", "( @ )"),
]


@pytest.mark.parametrize("at", AT)
def test_every_way_of_writing_the_at(at):
    address = f"anna{at}example.se"
    assert mails(f"till {address}.") == [address]
    if at.strip() not in {"snabel-a", "snabela", "alfakrull"}:
        assert mails(f"till anna{at}räksmörgås.museum.") == [f"anna{at}räksmörgås.museum"]


@pytest.mark.parametrize(
    "suffix",
    [
        "se",
        "com",
        "nu",
        "org",
        "net",
        "eu",
        "dk",
        "no",
        "fi",
        "de",
        "io",
        "me",
        "info",
        "co.uk",
        "live",
    ],
)
def test_with_blanks_around_the_sign_only_usual_suffixes(suffix):
    for form in (f"anna snabel-a ex.{suffix}", f"anna snabel-a ex punkt {suffix}"):
        assert mails(f"till {form}!") == [form]
    assert mails(f"till anna snabel-a ex.{suffix}q!") == []


@pytest.mark.parametrize("dot", [" punkt ", " dot ", "(dot)", "[punkt]", "{.}", " ( dot ) ", "."])
def test_every_way_of_writing_the_dot(dot):
    assert mails(f"anna(at)example{dot}se.") == [f"anna(at)example{dot}se"]


@pytest.mark.parametrize(
    "provider", ["gmail", "hotmail", "outlook", "live", "yahoo", "icloud", "telia", "msn"]
)
def test_a_mere_at_needs_a_provider_or_a_dot_in_words(provider):
    assert mails(f"anna at {provider}.com") == [f"anna at {provider}.com"]
    assert mails(f"anna at {provider}.se nu") == [f"anna at {provider}.se"]
    assert mails(f"anna at {provider}.org") == []
    assert mails("anna at example dot org") == ["anna at example dot org"]
    assert mails("anna at example.com") == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"{'a' * 64}@b.se", [f"{'a' * 64}@b.se"]),
        (f"{'a' * 70}@b.se", [f"{'a' * 64}@b.se"]),
        ("a.b-c_d+e%f@x-y.z.se", ["a.b-c_d+e%f@x-y.z.se"]),
        ("./a@b.se", ["a@b.se"]),
        ("(a@b.se)", ["a@b.se"]),
        ("=a@b.se", ["a@b.se"]),
        ("a@b", []),
        ("a@b.s", []),
        ("a@b.se1", []),
        ("a@b.s2", []),
        ("@b.se", []),
        ("a @b.se", ["a @b.se"]),
        ("a@-b.se", []),
        ("a@b.se@c.nu", ["b.se@c.nu"]),
        (f"a@{'b' * 63}.se", [f"a@{'b' * 63}.se"]),
        (f"a@{'b' * 64}.se", []),
        (f"a@{'b.' * 8}se", [f"a@{'b.' * 8}se"]),
        (f"a@b.{'c' * 24}", [f"a@b.{'c' * 24}"]),
        (f"a@b.{'c' * 25}", []),
        ("a@b.se c@d.nu", ["a@b.se", "c@d.nu"]),
    ],
)
def test_where_an_address_begins_and_ends(text, found):
    assert mails(text) == found


def numbers(text, taken=()):
    return [text[start:end] for start, end in contact.find_phones(text, taken)]


@pytest.mark.parametrize("gap", ["", " ", "-", ".", " - ", "\u00a0", "–", "\u200b", "·", "_", " ("])
def test_what_may_stand_between_the_digits_of_a_phone(gap):
    written = f"070{gap}174{gap}06{gap}05" if gap != " (" else "070 (174) 06 05"
    assert numbers(f"ring {written}!") == [written]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("070-174 06 05 eller 042-10 50 00", ["070-174 06 05", "042-10 50 00"]),
        ("10701740605", []),
        ("170-174 06 05", []),
        ("+46 70 174 06 05", ["+46 70 174 06 05"]),
        ("＋46701740605", ["＋46701740605"]),
        ("+999 70 174 06 05", []),
        ("0.70174060", []),
        ("08.00-16.00", []),
        ("8.00 – 16.30", []),
        ("070-174 06 0", []),
        ("+47 22 33 44 55", ["+47 22 33 44 55"]),
    ],
)
def test_phones(text, found):
    assert numbers(text) == found


@pytest.mark.parametrize(
    "cue",
    [
        *("tel", "tel.", "tlf", "tfn:", "telefon", "telefonnummer", "mobil", "mobilnr", "phone"),
        *("call", "text", "sms", "sms:a", "ring", "ringa", "swish", "whatsapp", "whats app"),
        *("viber", "puh", "nummer", "numret", "TLF", "ring mig på", "telefon är nu på"),
    ],
)
def test_a_neighbours_number_needs_a_word_before_it(cue):
    assert numbers(f"{cue} 22 33 44 55") == ["22 33 44 55"]
    assert numbers(f"x{cue} 22 33 44 55") == []


@pytest.mark.parametrize("number", ["22 33 44 55", "33 12 34 56", "212-555-0187", "(212) 555-0187"])
def test_numbers_of_the_neighbours(number):
    assert numbers(f"tlf {number}") == [number]
    assert numbers(number) == []


@pytest.mark.parametrize(
    "text",
    [
        *("tlf 11 11 11 11", "tlf en två tre fyra 22 33 44 55", "tlf, 22 33 44 55"),
        *("tlf 22 33 44", "tlf 2233    4455"),
    ],
)
def test_what_is_no_number_of_a_neighbour(text):
    assert numbers(text) == []


@pytest.mark.parametrize(
    ("taken", "found"),
    [
        ((), ["070-174 06 05"]),
        (((0, 5),), ["070-174 06 05"]),  # ends where it begins
        (((0, 6),), []),
        (((17, 20),), []),
        (((18, 20),), ["070-174 06 05"]),
        (((7, 9),), []),
        (((0, 30),), []),
    ],
)
def test_a_phone_overlaps_nothing_that_is_taken(taken, found):
    assert numbers("ring 070-174 06 05", taken) == found


def test_in_a_list_of_numbers_proof_is_asked_for_of_the_first_only():
    """So many digits are a list; then 8 to 15 digits are enough, 7 and 16 are not."""
    first = "070-1740605, " * 22  # of eleven signs each: 242
    assert len(numbers(first)) == 22
    for digits, is_one in (("0" * 7, False), ("0" * 8, True), ("0" * 15, True), ("0" * 16, False)):
        assert (digits in numbers(f"{first}, {digits}")) is is_one
    assert numbers("00000000") == []
    called = "tlf 22 33 44 55 " * 6
    assert len(numbers(f"{called} tlf 99999999")) == 7
    assert len(numbers("tlf 11111111")) == 0


def plate(text):
    return [(text[slice(*each.span)], each.certain) for each in plates.find_plates(text)]


LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZÅÄÖ"


def test_the_letters_of_plates():
    """No I, Q, V, nor letters with dots; no O at the end."""
    in_front = [letter for letter in LETTERS if plate(f"bilen A{letter}C 12D")]
    assert in_front == [letter for letter in LETTERS if letter not in "IQVÅÄÖ"]
    first = [letter for letter in LETTERS if plate(f"bilen {letter}BC 12D")]
    assert first == in_front
    at_the_end = [letter for letter in LETTERS if plate(f"bilen ABC 12{letter}")]
    assert at_the_end == [letter for letter in LETTERS if letter not in "IQVOÅÄÖ"]
    small = [letter for letter in LETTERS.lower() if plate(f"regnr a{letter}c 12d")]
    assert small == [letter for letter in LETTERS.lower() if letter not in "iqvåäö"]


@pytest.mark.parametrize("gap", ["", " ", "\u00a0", "-", "–", "·"])
def test_what_may_stand_inside_a_plate(gap):
    assert plate(f"bilen ABC{gap}123") == [(f"ABC{gap}123", True)]


@pytest.mark.parametrize(
    "text",
    [
        *("ABC  123", "ABC.123", "ABC/123", "xABC 123", "-ABC 123", "ABC 1234", "ABC 123-4x"),
        *("ABC 123%", "ABC 123°", "ABC 123.5", "ABC 123:50", "AbC 123", "AB 123", "ABCD 123"),
        *("ABC 123x", "ABC 123-x", "ABC 12"),
    ],
)
def test_what_is_no_plate_even_beside_a_car(text):
    assert plate(f"bilen {text}") == []


@pytest.mark.parametrize("after", [".", ",", ":", "!", " 5", ". 5", "-", " x", "", ")"])
def test_what_may_follow_a_plate(after):
    assert plate(f"bilen ABC 123{after}") == [("ABC 123", True)]


@pytest.mark.parametrize(
    "word",
    [
        *("reg", "regnr", "reg.nr", "reg nummer", "regskylt", "registreringsnummer", "regplåt"),
        *("nummerplåten", "bilen", "skåpbil", "lastbilen", "taxi", "moped", "motorcykel", "mc"),
        *("husvagn", "släp", "släpvagn", "epan", "epatraktorn", "a-traktor", "fordon", "parkerad"),
        *("parkerat", "felparkerade", "körde", "kör", "körs", "volvo", "saab", "bmw", "audi"),
        *("mercedes", "toyota", "tesla", "ford", "opel", "kia", "skoda", "seat", "renault"),
        *("peugeot", "nissan", "mazda", "hyundai", "porsche", "vw", "volkswagen", "passat", "golf"),
        *("car", "plate", "licence", "license", "van", "personbil", "bilens", "bilägaren"),
    ],
)
def test_words_about_vehicles(word):
    assert plate(f"{word} ABC 123") == [("ABC 123", True)]
    assert plate(f"ABC 123 {word.upper()}") == [("ABC 123", True)]


@pytest.mark.parametrize("word", ["regn", "bilda", "båten", "cyklar", "vanlig", "opera", "golv"])
def test_other_words_are_about_no_vehicle(word):
    assert plate(f"{word} ABC 123") == []


def test_a_vehicle_within_sixty_characters():
    def far(before):
        return plate(f"bilen{' ' * (before - 5)}ABC 123")

    assert far(60) == [("ABC 123", True)]
    assert far(61) == []
    assert plate(f"ABC 123{' ' * 53}bilen") == [("ABC 123", True)]
    assert plate(f"ABC 123{' ' * 54}bilen") == []
    # The nearest on either side counts, not only the first.
    assert plate(f"bilen{' ' * 200}bilen ABC 123") == [("ABC 123", True)]
    assert plate(f"ABC 123{' ' * 200}bilen GHJ 123") == [("GHJ 123", True)]


def test_in_small_letters_only_after_a_word_for_plates():
    for word in ("reg", "regnr", "nummerplåt", "skylt på bilen", "plate"):
        assert plate(f"{word} abc 123") == [("abc 123", True)]
    assert plate("bilen abc 123") == []
    assert plate(f"bilen plåt{' ' * 26}abc 123") == [("abc 123", True)]
    assert plate(f"bilen plåt{' ' * 27}abc 123") == []
    assert plate("abc 123 plåt bilen") == []


def test_listed_letters_are_no_plate_with_a_gap():
    assert plate("bilen EPA 500") == plate("bilen SPF 100") == []
    assert plate("bilen SPF100") == [("SPF100", True)]
    assert plate("SPF10A") == []


def test_without_a_vehicle_only_the_form_that_nothing_else_has():
    assert plate("såg GHJ45P") == [("GHJ45P", False)]
    assert plate("såg GHJ456") == [("GHJ456", False)]
    assert plate("såg GHJ 45P") == [("GHJ 45P", False)]
    assert plate("såg GHJ 456") == []
    assert plate("såg ghj45p") == []
