"""Links, shouting, repetition, signals and offers exactly where each begins to count."""

import pytest

from services.moderation.checks import (
    Code,
    Severity,
    Subject,
    links,
    offers,
    phrases,
    signals,
    spam,
)


def only(text, code, field="text"):
    subject = Subject(text) if field == "text" else Subject("", text)
    found = [f for f in spam.run(subject) if f.code is code]
    assert len(found) <= 1
    return found[0] if found else None


def words(text, finding):
    return None if finding is None else [text[start:end] for start, end in finding.spans]


class TestRepetition:
    @pytest.mark.parametrize("sign", ["!", "a", "Å", "?", ",", "😀", "("])
    def test_a_character_five_times_and_not_four(self, sign):
        assert only(f"x {sign * 4} y", Code.REPETITION) is None
        found = only(f"x {sign * 5} y", Code.REPETITION)
        assert words(f"x {sign * 5} y", found) == [sign * 5]

    @pytest.mark.parametrize("sign", [*".…_=*-–—", "0", "7", " ", "\n"])
    def test_what_ordinary_writing_repeats(self, sign):
        assert only(f"x {sign * 9} y", Code.REPETITION) is None

    @pytest.mark.parametrize("size", [1, 2, 3, 4])
    def test_a_group_of_words_three_times_and_one_word_four(self, size):
        group = ["alfa", "beta", "gamma", "delta"][:size]
        least = {1: 4, 2: 6, 3: 9, 4: 12}[size]
        for length in range(least + 4):
            said = [group[n % size] for n in range(length)]
            text = " ".join(["Vi", *said, "nu"])
            expected = [" ".join(said)] if length >= least else None
            assert words(text, only(text, Code.REPETITION)) == expected

    def test_a_group_of_five_is_ordinary(self):
        assert only("en två tre fyra fem " * 4, Code.REPETITION) is None

    def test_case_does_not_matter_and_the_words_alone_are_marked(self):
        text = "Hej! Nu, NU nu: nU! Tack"
        assert words(text, only(text, Code.REPETITION)) == ["Nu, NU nu: nU"]

    def test_two_stretches_are_two_places(self):
        text = "ja ja ja ja eller nej nej nej nej"
        found = only(text, Code.REPETITION)
        assert words(text, found) == ["ja ja ja ja", "nej nej nej nej"]

    @pytest.mark.parametrize(
        ("text", "severity", "score", "percent"),
        [
            ("!" * 16 + "x" + "ab" * 7, Severity.MEDIUM, 0.5, 52),
            ("!" * 15 + "ab" * 7 + "c", Severity.LOW, 0.2, 50),  # just half
            ("!" * 29, Severity.LOW, 0.2, 100),  # 29 characters are too few
            ("!" * 30, Severity.MEDIUM, 0.5, 100),
        ],
    )
    def test_more_than_half_of_thirty_characters_is_looked_at(self, text, severity, score, percent):
        found = only(text, Code.REPETITION)
        assert (found.severity, found.score) == (severity, score)
        assert found.params == {"percent": percent}

    def test_a_name_may_be_repeated_too(self):
        assert only("aaaaa", Code.REPETITION, "author").field == "author"


class TestShouting:
    @pytest.mark.parametrize(
        ("text", "shouted"),
        [
            ("ABCDE FGHIJ KLMNO PQRST", True),  # four words, twenty letters
            ("ABCDE FGHIJ KLMNO PQRS", False),  # nineteen
            ("ABCDEFGH IJKLMNOP QRSTUVX", False),  # three words
            ("ABC DEF GHI JK LMNOPQRSTU", True),
            ("AB CD EF GH IJ KL MN OP QR ST", False),  # of two letters each
            ("ABC DEF GHI JKL abcdefgh", True),  # twelve of twenty
            ("ABC DEF GHI JKL abcdefghi", False),  # twelve of 21
            ("ABC DEF GHI AB CD abcdefgh", False),  # letters enough, loud words too few
            ("123456 ABC DEF GHI JKL 99999999", False),  # figures are no letters
        ],
    )
    def test_four_words_twenty_letters_and_three_fifths(self, text, shouted):
        assert (only(text, Code.SHOUTING) is not None) is shouted

    def test_the_share_is_the_score(self):
        found = only("ABC DEF GHI JKL abcdefgh", Code.SHOUTING)
        assert (found.severity, found.score) == (Severity.LOW, pytest.approx(0.25 * 0.6))
        assert found.params == {"percent": 60}
        assert only("ABCDE FGHIJ KLMNO PQRST", Code.SHOUTING).score == 0.25

    def test_each_stretch_is_marked_with_what_stands_between(self):
        text = "GÖR det NU, GENAST! Ni HAR JU SAGT ALLTID FÖRR, tack OK"
        found = only(text, Code.SHOUTING)
        assert words(text, found) == ["GÖR", "NU, GENAST", "HAR JU SAGT ALLTID FÖRR"]

    def test_a_name_in_capitals_is_a_name(self):
        assert only("ABCDE FGHIJ KLMNO PQRST", Code.SHOUTING, "author") is None


class TestLinks:
    @pytest.mark.parametrize(
        ("count", "severity", "score"),
        [
            (1, Severity.INFO, 0.1),
            (2, Severity.LOW, 0.3),
            (3, Severity.MEDIUM, 0.5),
            (4, Severity.MEDIUM, 0.65),
            (9, Severity.MEDIUM, 0.65),
        ],
    )
    def test_the_more_the_worse(self, count, severity, score):
        text = " ".join(["Se", *(f"sida{n}.se" for n in range(count))])
        found = only(text, Code.LINK)
        assert (found.severity, found.score) == (severity, score)
        assert found.params == {"count": count, "shortened": 0, "lookalike": 0}
        assert len(found.spans) == count

    @pytest.mark.parametrize(
        ("text", "score"),
        [
            ("bit.ly/x", 0.55),
            ("sida [dot] com", 0.55),
            ("<a href=x>", 0.7),
            ("[url]", 0.7),
            ("[LINK]", 0.7),
            ("bit.ly/x <a href=y>", 0.7),
            ("https://p0lisen.se", 0.65),
            ("p0lisen.se bit.ly/x", 0.65),
            ("a1.se a2.se a3.se bit.ly/x", 0.65),
        ],
    )
    def test_what_hides_poses_or_is_written_by_programs_is_looked_at(self, text, score):
        found = only(text, Code.LINK)
        assert (found.severity, found.score) == (Severity.MEDIUM, score)

    def test_a_name_that_is_a_link_is_looked_at(self):
        found = only("www.a.se", Code.LINK, "author")
        assert (found.severity, found.score) == (Severity.MEDIUM, 0.4)
        assert only("bit.ly/x", Code.LINK, "author").score == 0.55

    @pytest.mark.parametrize("sign", [*".,;:!?'’»)]}…"])
    def test_a_sign_after_a_link_is_not_of_it(self, sign):
        for link in ("https://a.se/b", "www.aa.se", "goteborg.se", "goteborg.se/x"):
            [found] = links.find_links(f"se {link}{sign}")
            assert found.span == (3, 3 + len(link))

    @pytest.mark.parametrize(
        ("text", "hosts"),
        [
            ("https://user:pw@goteborg.se:8080/x?y#z", ["goteborg.se"]),
            ("https://WWW.Goteborg.SE", ["goteborg.se"]),
            ("http://localhost/x", []),
            ("http://www.a", []),
            ("anna@goteborg.se", []),
            ("goteborg.se och https://malmo.se/a.se", ["goteborg.se", "malmo.se"]),
            ("dag.om du.se/x a.bb.om", ["du.se", "a.bb.om"]),
            ("dag.om/x", ["dag.om"]),  # a path makes a word a suffix
            ("parken.Se GP.SE Gp.se a.se", ["gp.se", "gp.se"]),
            ("filen.pdf x.y", []),
            ("sida (punkt) se", ["sida (punkt) se"]),
            ("sida{.}org", ["sida{.}org"]),
            ("exempel [dot] C", []),
        ],
    )
    def test_where_a_link_leads(self, text, hosts):
        assert [link.host for link in links.find_links(text)] == hosts

    @pytest.mark.parametrize(
        ("host", "hides", "poses"),
        [
            ("bit.ly", True, False),
            ("192.0.2.7", True, False),
            ("goteborg.se", False, False),
            ("exempelstad.se", False, False),
            ("www.exempelstad.se", False, False),
            ("logga-in.exempelstad.se", False, False),
            ("exempe1stad.se", False, True),
            ("exempelst4d.se", False, False),  # only signs that look like a letter
            ("ex3mpelstad.se", False, True),
            ("p0lisen.se", False, True),
            ("5kanetrafiken.se", False, None),
            ("раypal.com", False, True),
        ],
    )
    def test_what_hides_and_what_poses(self, host, hides, poses):
        own = links.name_sites(["dialog.Exempelstad.se", "localhost", "127.0.0.1", ""])
        [link] = links.find_links(f"http://{host}/x", own)
        assert link.shortened is hides
        if poses is not None:
            assert link.lookalike is poses

    def test_only_the_citys_own_site_is_known_beside_those_of_the_country(self):
        assert links.name_sites(["dialog.stad.example.se", "10.0.0.1", "x"]) == {"example.se"}
        [link] = links.find_links("http://exempe1stad.se/x")
        assert not link.lookalike

    def test_what_stands_before_the_at_poses(self):
        [link] = links.find_links("http://helsingborg.se@ond.ru/x")
        assert (link.host, link.lookalike) == ("ond.ru", True)
        [link] = links.find_links("http://anna@ond.ru/x@y.se")
        assert (link.host, link.lookalike) == ("ond.ru", False)

    def test_letters_that_are_no_letters_stay_as_they_are(self):
        assert links.decode_host("xn--pypal-4ve.com") == "pаypal.com"
        assert links.decode_host("xn--.com") == "xn--.com"
        assert links.decode_host("ab.com") == "ab.com"


class TestPhrases:
    def test_several_weigh_together(self):
        one = only("klicka här", Code.PHRASE)
        two = only("klicka här, köp nu", Code.PHRASE)
        # One alone, with nothing to click on, sells nothing.
        assert (one.severity, one.params) == (Severity.LOW, {"count": 1})
        assert two.severity is Severity.MEDIUM
        for linked in ("klicka här www.a.se", "klicka här [url=a]"):
            assert only(linked, Code.PHRASE).severity is Severity.MEDIUM
        [(_, first), (_, second)] = list(phrases.find_phrases("klicka här, köp nu"))
        assert one.score == pytest.approx(first)
        assert two.score == pytest.approx(1 - (1 - first) * (1 - second))
        assert two.params == {"count": 2}

    def test_every_listed_phrase_is_found_where_it_stands(self):
        every = [p for some in phrases._by_first_word().values() for p in some]
        assert len(every) > 20
        for listed, _weight in every:
            written = " ".join(listed)
            text = f"ö {written.upper()} ö"
            found = list(phrases.find_phrases(text))
            assert any(span == (2, 2 + len(written)) for span, _weight in found), written

    def test_the_longest_comes_first_and_the_next_begins_after_it(self):
        text = "gratis pengar gratis pengar"
        assert [text[a:b] for (a, b), _ in phrases.find_phrases(text)] == ["gratis pengar"] * 2


class TestSignals:
    @pytest.mark.parametrize(
        ("given", "code", "severity", "score", "params"),
        [
            ({"honeypot": 1}, Code.HONEYPOT, Severity.MEDIUM, 0.6, {}),
            ({"burst": 30}, Code.BURST, Severity.LOW, 0.3, {"count": 30}),
            ({"time_trap": 2}, Code.TIME_TRAP, Severity.LOW, 0.15, {"seconds": 2}),
            ({"time_trap": 0}, Code.TIME_TRAP, Severity.LOW, 0.15, {"seconds": 0}),
        ],
    )
    def test_each_signal_is_told_alone(self, given, code, severity, score, params):
        [found] = signals.run(Subject("En idé", signals=given))
        assert (found.code, found.severity, found.score) == (code, severity, score)
        assert found.params == params

    def test_all_of_them_and_none(self):
        assert list(signals.run(Subject("En idé", signals={"other": 1}))) == []
        every = {"honeypot": 1, "burst": 5, "time_trap": 1}
        assert len(list(signals.run(Subject("En idé", signals=every)))) == 3


def offered(text):
    found = list(offers.run(Subject(text)))
    assert len(found) <= 1
    return (found[0].severity, found[0].score, words(text, found[0])) if found else None


class TestOffers:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("säljer a@b.se", (Severity.LOW, 0.2, ["säljer"])),
            ("säljer billigt lån a@b.se", (Severity.MEDIUM, 0.45, ["säljer", "lån"])),
            ("säljer och SÄLJER a@b.se", (Severity.LOW, 0.2, ["säljer", "SÄLJER"])),
            ("säljer goteborg.se", (Severity.LOW, 0.2, ["säljer"])),
            ("säljer 0701740605", (Severity.LOW, 0.2, ["säljer"])),
            ("whatsapp 0701740605", (Severity.MEDIUM, 0.6, ["whatsapp"])),
            ("säljer på telegram", (Severity.MEDIUM, 0.6, ["säljer"])),
            ("telegram", None),
            ("säljer", None),
            ("a@b.se", None),
            ("Ring mig 0701740605 om bänken", None),
        ],
    )
    def test_trade_and_contact_together(self, text, expected):
        assert offered(text) == expected

    def test_within_160_characters_of_the_contact(self):
        def apart(before, after):
            return offered("säljer" + "\n" * before + "a@b.se" + "\n" * after + "lån")

        # Counted to where the word begins.
        assert apart(154, 200)[2] == ["säljer"]
        assert apart(155, 200) is None
        assert apart(200, 159)[2] == ["lån"]
        assert apart(200, 160) is None
        assert apart(154, 159)[:2] == (Severity.MEDIUM, 0.45)

    def test_a_messenger_near_a_number_is_called(self):
        assert offered("whatsapp" + "\n" * 10 + "0701740605")[1] == 0.6
        assert offered("whatsapp" + "\n" * 400 + "0701740605") is None
