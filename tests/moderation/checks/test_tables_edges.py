"""The pure checks at their edges, each rule as a table over all that it holds for."""

from itertools import product

import pytest

from services.moderation.checks import (
    CHECK_VERSIONS,
    Code,
    Severity,
    Subject,
    language,
    places,
    scripts,
    tone,
    writing,
)
from services.moderation.checks import gibberish as letters
from services.moderation.checks.language import Identified
from services.moderation.checks.personal import handles, names
from services.moderation.checks.tone import Toned
from services.moderation.checks.wording.disguise import Vocabulary, words_of
from services.moderation.checks.wording.inflection import inflect_word

INFO, LOW, MEDIUM, HIGH = Severity


def test_the_versions_are_written_down():
    """Whoever changes what a check finds raises its version, and this line with it."""
    assert CHECK_VERSIONS == {
        "accusations": 3,
        "children": 3,
        "duplicates": 7,
        "gibberish": 2,
        "language": 2,
        "learned_spam": 3,
        "learned_tone": 1,
        "names": 4,
        "offers": 2,
        "personal_data": 4,
        "scripts": 1,
        "self_harm": 3,
        "sensitive": 2,
        "signals": 2,
        "spam": 5,
        "tone": 5,
    }


class TestTone:
    @staticmethod
    def table(code, weight, quoted, negated) -> Severity:
        """The table at the head of the module, row by row."""
        told = quoted or negated
        if weight < 0.5:
            return INFO if told or code is Code.PROFANITY else LOW
        if code is Code.PROFANITY:
            return INFO if told else LOW
        if negated:
            return LOW
        if code is Code.THREAT:
            return MEDIUM if quoted or weight < 0.9 else HIGH
        if quoted:
            return LOW
        return HIGH if code is Code.HATE and weight >= 0.9 else MEDIUM

    @pytest.mark.parametrize("code", [Code.THREAT, Code.HATE, Code.INSULT, Code.PROFANITY])
    def test_the_severity_is_that_of_the_table(self, code):
        for weight, quoted, negated in product(
            (0.0, 0.3, 0.49, 0.5, 0.51, 0.89, 0.9, 0.91, 1.0), (False, True), (False, True)
        ):
            said = Toned(code, (0, 1), weight, quoted, negated)
            expected = self.table(code, weight, quoted, negated)
            assert tone.severity_of(said) is expected, said
            # In a name, which stands alone, swearing that somebody would look at is looked at.
            shown = MEDIUM if code is Code.PROFANITY and weight >= 0.5 else expected
            assert tone.severity_of(said, "author") is shown, said


class TestForms:
    """Some forms that are, and some that are not, of each way of ending."""

    @pytest.mark.parametrize(
        ("language_code", "word", "are", "are_not"),
        [
            ("sv", "kärring", "kärringar kärringen kärringarna kärrings kärringens", "kärringgar"),
            ("sv", "hora", "horan horor hororna horas horans hore", "horaar horaa"),
            ("sv", "jävel", "jäveln jävlar jävlarna jävelns jävlars", "jävelen jävelor"),
            ("sv", "bov", "boven bovar", "bovven"),
            ("sv", "gubbe", "gubben gubbar gubbarna gubbens", "gubbear gubbna"),
            ("sv", "knarkare", "knarkaren knarkarna knarkarnas", "knarkarear"),
            ("sv", "bög", "bögar bögarna bögen bögs", "böggar"),
            ("sv", "slem", "slemmen slemmet slemmar slemen", "slemss"),
            ("sv", "nisse", "nissar", "nissna"),
            ("sv", "fitto", "fitton fittos", "fittoen"),
            ("sv", "idiot", "idioten idioter idioterna idiots", "idiotten"),
            # Too short to be taken apart as what ends on -el, -er, -en.
            ("sv", "elen", "elenen elenar", "elnar"),
            ("sv", "blen", "blenen", "blnar"),
            ("sv", "apen", "apenen", "apnar"),
            ("sv", "tölen", "tölenn tölnar", "tölenen"),
            ("en", "idiot", "idiots idioting idiotting", "idiotes idioty"),
            ("en", "bitch", "bitches bitching bitched", "bitchhed"),
            ("en", "fuck", "fucks fucked fucking fucker fuckers fuckin", "fuckking fuckes"),
            ("en", "whore", "whores whored whoring", "whoreed whorees"),
            ("en", "pussy", "pussies pussys", "pussyes"),
            ("en", "ass", "asses", "assies"),
            ("en", "shit", "shitted shitting shitter shitty", "shites"),
            ("en", "troll", "trolls trolling", "trollling"),
            ("no", "hore", "horen horer horene hores", "horerene"),
            ("no", "idiot", "idioten idioter idiotene idiots idiotten", "idiotjen"),
            ("no", "slask", "slasken slasker", "slaskken"),
            ("no", "jävel", "jävlen jävler", "jävellen"),
            ("no", "tosk", "toskane", "toskken"),
            ("da", "luder", "ludret luderen ludren", "luderren"),
            ("da", "idiot", "idioten idioter idioterne", "idiotane"),
            ("da", "fjols", "fjolset fjolser", "fjolsset fjolss"),
        ],
    )
    def test_are_made_of_the_ending(self, language_code, word, are, are_not):
        made = inflect_word(word, language_code)
        assert word in made
        assert set(are.split()) - made == set()
        assert set(are_not.split()) & made == set()

    @pytest.mark.parametrize("code", ["", "fi", "xx"])
    def test_of_another_language_the_word_alone(self, code):
        assert inflect_word("idiootti", code) == {"idiootti"}

    @pytest.mark.parametrize("code", ["sv", "en", "no", "da"])
    def test_two_letters_have_no_forms_and_three_have(self, code):
        assert inflect_word("ab", code) == {"ab"}
        assert len(inflect_word("abc", code)) > 1


class TestDisguise:
    @staticmethod
    def read(text, *words, starred=()) -> list[str]:
        vocabulary = Vocabulary.of(frozenset((*words, *starred)), frozenset(starred))
        return [word.low for word in words_of(text, vocabulary)]

    @pytest.mark.parametrize(
        ("words", "written", "meant"),
        [
            # Without its dots, from five letters on, unless that is a word as well.
            (("jävla",), "javla", "jävla"),
            (("hårt",), "hart", "hart"),
            (("hårda",), "harda", "hårda"),
            (("hårda", "harda"), "harda", "harda"),
            # Of two that look alike without dots, the first in order.
            (("halåä", "håläa"), "halaa", "halåä"),
            # Runs of three are one letter or two, up to three runs.
            (("idiot",), "idiioot", "idiioot"),
            (("idiot",), "idiooot", "idiot"),
            (("hora",), "hhhooorrraaa", "hhhooorrraaa"),
            (("hora",), "hhhooorrra", "hora"),
            (("hora",), "hhhooorrraa", "hhhooorrraa"),
            (("fitta",), "fittttta", "fitta"),
            (("fita",), "fittttta", "fita"),
            # Signs for letters.
            (("idiot",), "1d10t", "idiot"),
            (("skit",), "$k!t", "skit"),
            (("bög",), "b6g", "b6g"),
            (("kul",), "ku1", "kul"),
            (("sos",), "505", "505"),
            (("soo",), "s00", "soo"),
            (("sooo",), "s000", "s000"),
            (("sooo",), "so00", "sooo"),
            # Longer than forty it is nobody's disguise.
            (("a" * 39 + "o",), "a" * 39 + "0", "a" * 39 + "o"),
        ],
    )
    def test_is_undone_for_words_that_are_known(self, words, written, meant):
        assert self.read(written, *words)[0] == meant

    @pytest.mark.parametrize(
        ("written", "meant"),
        [
            ("k*k", "kuk"),
            ("f*tta", "fitta"),
            ("f****", ["f"]),
            ("f***a", "fitta"),
            ("f**ta", "fitta"),
            ("f*tt", ["f", "tt"]),
            ("x*tta", ["x", "tta"]),
            ("f*ttu", ["f", "ttu"]),
        ],
    )
    def test_stars_hide_words_of_that_length_with_the_letters_shown(self, written, meant):
        expected = [meant] if isinstance(meant, str) else meant
        assert self.read(written, starred=("fitta", "kuk")) == expected

    def test_stars_hide_no_word_that_is_not_among_the_starred(self):
        assert self.read("b*nan", "banan") == ["b", "nan"]

    @pytest.mark.parametrize(
        ("words", "written", "found"),
        [
            (("kuk",), "k u k", ["kuk"]),
            (("kuk",), "k  u  k", ["kuk"]),
            (("kuk",), "k   u k", ["k", "u", "k"]),
            (("kuk",), "k.u.k", ["kuk"]),
            (("kuk",), "ku k", ["ku", "k"]),
            (("idiot",), "i di o t", ["idiot"]),
            (("idiot",), "id io t", ["idiot"]),
            (("hora",), "ho r a", ["ho", "r", "a"]),
            (("horan",), "ho r an", ["horan"]),
            (("abcdef",), "ab cd ef", ["ab", "cd", "ef"]),
            (("abc",), "abc d e f", ["abc", "d", "e", "f"]),
            (("abcdefghijklmn",), "a b c d e f g h i j k l m n", ["abcdefghijklmn"]),
            (("abcdefghijklmno",), "a b c d e f g h i j k l m n o", list("abcdefghijklmno")),
            # The longest that is one.
            (("kuk", "kukar"), "k u k a r", ["kukar"]),
        ],
    )
    def test_letters_that_stand_apart_are_a_word_if_most_are_single(self, words, written, found):
        assert self.read(written, *words) == found


class TestLanguage:
    def test_the_first_240_letters_are_enough(self):
        """Of words of ten letters, twenty-four; one letter less takes another word."""
        assert len(language._words("abcdefghij " * 30)) == 24
        assert len(language._words("abcdefghi " + "abcdefghij " * 30)) == 25
        assert len(language._words("a" * 50)[0]) == 40

    @pytest.mark.parametrize("mark", ["@", "/", "www.", "#"])
    def test_links_addresses_and_tags_are_no_words(self, mark):
        assert language._words(f"en x{mark}x bänk") == ["en", "bänk"]

    @pytest.mark.parametrize(
        ("one", "other", "share"),
        [
            ("sv", "en", True),
            ("sv", "ku", True),
            ("ar", "ku", True),
            ("ru", "ku", True),
            ("ru", "uk", True),
            ("bs", "sv", True),
            ("sr", "ru", True),
            ("sr", "sv", False),
            ("sv", "ru", False),
            ("ru", "sv", False),
            ("ar", "sv", False),
            ("th", "sv", False),
            ("sv", "th", False),
            (None, "sv", False),
        ],
    )
    def test_who_shares_a_script(self, one, other, share):
        assert language._share_a_script(one, other) is share

    @pytest.mark.parametrize(
        ("small", "told"),
        [
            # Three of its own, and not a third as many strange ones.
            ("och att inte", "sv"),
            ("och att", None),
            ("the and with", "en"),
        ],
    )
    def test_three_small_words_of_its_own_are_proof(self, small, told):
        sets = {"sv": frozenset({"sv"}), "en": frozenset({"en"})}
        code = told or "sv"
        written = [sets[code]] * len(small.split())
        assert language._plain(written) == told

    @pytest.mark.parametrize(
        ("own", "strange", "told"), [(3, 0, True), (2, 0, False), (3, 1, False), (4, 1, True)]
    )
    def test_proof_is_more_than_three_times_what_speaks_against_it(self, own, strange, told):
        both = frozenset({"sv", "no"})
        written = [frozenset({"sv"})] * own + [frozenset({"en"})] * strange + [both] * 5
        assert language._plain(written) == ("sv" if told else None)

    @pytest.mark.parametrize(
        ("words", "code", "share", "expected", "stands"),
        [
            # Another script: letters enough.
            (["мирмир"], "ru", 1.0, "sv", True),
            (["мирми"], "ru", 1.0, "sv", False),
            # A neighbour must outnumber, however sure.
            (["og", "ikke"], "no", 0.99, "sv", True),
            (["og", "och"], "no", 1.0, "sv", False),
            # No neighbour: as many will do in a long and sure text.
            (["abcdefgh", "abcdefgh"], "en", 0.93, "sv", True),
            (["abcdefgh", "abcdefgh"], "en", 0.929, "sv", False),
            (["abcdefgh", "abcdefg"], "en", 0.93, "sv", False),
            (["the", "och", "abcdefghijk"], "en", 0.93, "sv", True),
            (["och", "abcdefghijklmnopqr"], "en", 1.0, "sv", False),
            (["the"], "en", 0.8, "sv", True),
        ],
    )
    def test_what_is_surely_another_language(self, words, code, share, expected, stands):
        assert language._stands(words, Identified(code, share), expected) is stands

    def test_neighbours_and_others_share_a_script(self):
        assert {"sv", "no", "da"} == writing.NEIGHBOURS


class TestNames:
    @staticmethod
    def marked(text):
        return [text[start:end] for start, end in names.find_names(text)]

    @pytest.mark.parametrize(
        ("text", "found"),
        [
            # In capitals, a known first name and a known surname, no more and no less.
            ("Vi såg PETER DANIELSSON igår", ["PETER DANIELSSON"]),
            ("Vi såg PETER XYLOFON igår", []),
            ("Vi såg ZZYZX DANIELSSON igår", []),
            # Two first names and nothing else are a street, a ship, or half a name.
            ("Vi såg Peter Anna igår", []),
            ("Vi såg Peter Danielsson igår", ["Peter Danielsson"]),
            # A word in capitals ends a name that is not in capitals.
            ("Vi såg Peter Danielsson IFK igår", ["Peter Danielsson"]),
            ("Vi såg Peter IFK igår", []),
            # One blank, or an initial's point, between the parts.
            ("Vi såg Peter  Danielsson igår", []),
            ("Vi såg Peter\nDanielsson igår", []),
            ("Vi såg Peter\u00a0Danielsson igår", ["Peter\u00a0Danielsson"]),
            ("Vi såg Peter M. Danielsson igår", ["Peter M. Danielsson"]),
            ("Vi såg Peter, Danielsson igår", []),
            # A particle belongs to a name only between capitals.
            ("Vi såg Johan af Ugglas igår", ["Johan af Ugglas"]),
            ("Vi såg Johan af igår", []),
            # A second surname.
            ("Vi såg Anna Berg Svensson igår", ["Anna Berg Svensson"]),
            # Nobody listed the first name: the surname must be nothing but one, and of two words.
            ("Vi såg Zzyzxa Danielsson igår", ["Zzyzxa Danielsson"]),
            ("Vi såg Zz Danielsson igår", []),
            ("Vi såg Zzy Danielsson igår", ["Zzy Danielsson"]),
            # A small first name before -sson.
            ("vi såg peter danielsson igår", ["peter danielsson"]),
            ("vi såg Peter danielsson igår", []),
            ("vi såg peter, danielsson igår", []),
            ("vi såg zzyzx danielsson igår", []),
            # Signed: two or three words, none in capitals, a name among them.
            ("Bra!\n/Karin Ek", ["Karin Ek"]),
            ("Bra!\n/Karin", []),
            ("Bra! Mvh Zzyzxa Ekdahl", ["Zzyzxa Ekdahl"]),
            ("Bra! Mvh Zzyzxa Xylofon", []),
            ("Bra! Mvh Karin Ek. Hej då", ["Karin Ek"]),
        ],
    )
    def test_a_full_name_and_what_is_none(self, text, found):
        assert self.marked(text) == found

    @pytest.mark.parametrize("owner", ["min", "mitt", "vår", "vårt", "hans", "hennes"])
    def test_explained_by_somebody_of_whom_it_is_said(self, owner):
        assert self.marked(f"Lisa, {owner} granne, vet") == ["Lisa"]
        assert self.marked(f"Lisa ({owner} granne) vet") == ["Lisa"]
        assert self.marked(f"Lisa, {owner} xylofon, vet") == []
        assert self.marked(f"Xylofon, {owner} granne, vet") == []
        assert self.marked(f"lisa, {owner} granne, vet") == []


class TestHandles:
    @staticmethod
    def marked(text):
        found = handles.find_handles(text)
        return [] if found is None else [text[a:b] for a, b in found.spans]

    @pytest.mark.parametrize(
        "service",
        [
            "insta",
            "instagram",
            "ig",
            "snap",
            "snapchat",
            "tiktok",
            "twitter",
            "discord",
            "telegram",
            "kik",
            "facebook",
            "fb",
            "messenger",
            "roblox",
            "steam",
            "twitch",
            "whatsapp",
            "threads",
            "bluesky",
            "signal",
            "wickr",
            "youtube",
            "linkedin",
            "tinder",
            "viber",
            "skype",
            "psn",
            "gamertag",
        ],
    )
    def test_every_service_is_known_in_each_way_of_telling(self, service):
        for text in (
            f"Min {service} är annaberg",
            f"min {service}: annaberg",
            f"lägg till mig på {service}, annaberg",
            f"jag heter annaberg på {service}",
        ):
            assert self.marked(text) == ["annaberg"], text
        assert self.marked(f"på {service} anna_berg") == ["anna_berg"]
        assert handles.find_handles(f"Min {service} är annaberg").told
        assert self.marked(f"vi har {service} annars") == []

    @pytest.mark.parametrize(
        ("name", "is_one"),
        [
            ("ab", False),
            ("abc", True),
            ("a" * 30, True),
            ("a" * 31, False),
            ("1bc", False),
            ("ab_", True),
            ("ab.", False),
        ],
    )
    def test_a_sign_and_three_to_thirty_characters(self, name, is_one):
        assert (self.marked(f"Följ @{name} nu") == [f"@{name}"]) is is_one
        assert (self.marked(f"Följ \uff20{name} nu") == [f"\uff20{name}"]) is is_one

    @pytest.mark.parametrize("text", ["a@bcd", "x.@bcd", "@bcd@efg", "/@bcd", "@bcd/x"])
    def test_what_belongs_to_an_address_is_no_account(self, text):
        assert self.marked(text) == []

    @pytest.mark.parametrize("word", sorted(handles._SMALL))
    def test_a_usual_word_is_no_account(self, word):
        assert self.marked(f"min snap är {word}") == []

    @pytest.mark.parametrize(
        "page",
        [
            "groups",
            "events",
            "pages",
            "watch",
            "share",
            "hashtag",
            "p",
            "reel",
            "story",
            "explore",
            "login",
            "search",
        ],
    )
    def test_a_page_that_is_nobodys_profile(self, page):
        assert self.marked(f"https://facebook.com/{page}/annaberg") == []
        assert self.marked("https://facebook.com/annaberg") == ["annaberg"]


class TestScripts:
    @staticmethod
    def found(text):
        return [(f.code.value, f.severity, f.score, f.spans) for f in scripts.run(Subject(text))]

    @pytest.mark.parametrize(
        ("sign", "times", "severity", "score"),
        [
            ("\u00ad", 9, INFO, 0.0),
            ("\ufeff", 9, INFO, 0.0),
            ("\u200b", 1, LOW, 0.25),
            ("\u200b", 2, LOW, 0.25),
            ("\u200b", 3, MEDIUM, 0.5),
            ("\u202e", 1, MEDIUM, 0.5),
            ("\u202a", 1, MEDIUM, 0.5),
        ],
    )
    def test_how_much_unseen_characters_say(self, sign, times, severity, score):
        text = "".join(f"x{sign}" for _ in range(times)) + "x"
        [(code, *told, spans)] = self.found(text)
        assert (code, told, len(spans)) == ("invisible", [severity, score], times)

    def test_one_that_was_put_in_outweighs_those_that_were_pasted(self):
        [(_code, severity, _score, spans)] = self.found("x\u00adx\u200bx")
        assert (severity, len(spans)) == (LOW, 2)

    @pytest.mark.parametrize(
        ("text", "is_found"),
        [
            ("👩\u200d🚒", False),
            ("می\u200cخواهم", False),
            ("a\u200db", True),
            ("👩\u200d", True),
            ("\u200d👩", True),
            ("👩\u200d ", True),
            ("👩\u200da", True),
            ("a\u200d👩", True),
            ("ж\u200c👩", True),
            ("☺\ufe0e", False),
            ("a\ufe0e", True),
            ("\ufe0ea", True),
            ("🏴\U000e0067\U000e0062\U000e007f", False),
            ("x\U000e0067\U000e0062\U000e007f", True),
            ("🏴" + "\U000e0067" * 8, False),
            ("🏴" + "\U000e0067" * 9, True),
        ],
    )
    def test_what_serves_a_purpose_is_left_alone(self, text, is_found):
        assert bool(self.found(text)) is is_found

    @pytest.mark.parametrize(
        ("word", "is_one"),
        [
            ("bänk", False),
            ("bаnk", True),  # Cyrillic а
            ("банк", False),
            ("bжnk", False),  # looks like no Latin letter
            ("αβγ", False),
            ("bαnk", True),
            ("bа", True),
        ],
    )
    def test_a_word_in_disguise_has_latin_letters_and_some_that_look_like_them(self, word, is_one):
        assert scripts.is_mixed(word) is is_one
        found = [code for code, *_ in self.found(f"x {word} x")]
        assert found == ["mixed_script"] * (is_one and len(word) > 2)

    @pytest.mark.parametrize(("text", "is_one"), [("𝐛𝐚𝐝", True), ("𝐛𝐚", False), ("ｂａｄ", True)])
    def test_three_styled_letters_are_a_sign(self, text, is_one):
        told = [(code, severity, score) for code, severity, score, _spans in self.found(text)]
        assert told == [("mixed_script", LOW, 0.3)] * is_one


class TestGibberish:
    MASHED = "xqzvkjwq"

    @staticmethod
    def spans(text):
        return [text[a:b] for f in letters.run(Subject(text)) for a, b in f.spans]

    @pytest.mark.parametrize(("tail", "is_found"), [("zvx", False), ("zvxq", True)])
    def test_twelve_letters_are_needed(self, tail, is_found):
        assert bool(self.spans(f"{self.MASHED} {tail}")) is is_found

    @pytest.mark.parametrize(
        ("word", "is_one"), [("zvx", False), ("zvxq", True), ("ZVXQJ", False), ("ZVXQJK", True)]
    )
    def test_marked_are_words_of_four_letters_and_no_abbreviations(self, word, is_one):
        assert (word in self.spans(f"{self.MASHED} {self.MASHED}k {word}")) is is_one

    def test_at_least_half_of_the_letters_must_be_in_words_that_are_seen(self):
        known = f"{self.MASHED} {self.MASHED}"  # the same word counts once: 8, and with one more 16
        other = self.MASHED[::-1]
        assert self.spans(f"{known[:8]} {other} {'ж' * 16}")
        assert not self.spans(f"{known[:8]} {other} {'ж' * 17}")

    def test_no_words_are_as_likely_as_can_be(self):
        assert letters.measure_likelihood([]) == 0.0
        assert letters.measure_likelihood(["bänk"]) < 0


class TestPlaces:
    @pytest.mark.parametrize(
        ("one", "other", "same"),
        [
            # So many letters alike are of one thing, if the shorter has more.
            ("vastlanken", "vastlanksbygget", True),
            ("majorna", "majornas", True),
            ("tuve", "tuves", True),
            ("tuve", "tuvesa", False),
            ("torpa", "torpaskolan", True),
            ("torp", "torpaskolan", False),
            # A slip in six letters and more, two from eight on.
            ("lundby", "lundbi", True),
            ("lunda", "lundi", False),
            ("kortada", "kartade", False),
            ("hammaren", "hemmeren", True),
            ("hammaren", "hemmerin", False),
            ("askim", "torslanda", False),
        ],
    )
    def test_two_names_of_one_place(self, one, other, same):
        assert places._same(one, other) is places._same(other, one) is same
        assert places.share_no_place(frozenset({one}), frozenset({other})) is not same
        assert places.differ_in_places(frozenset({one}), frozenset({other})) is not same
        assert (places.find_lacking(frozenset({one}), frozenset({other})) == {one}) is not same

    def test_one_that_names_none_is_not_elsewhere_and_one_in_common_is_enough(self):
        tuve, both = frozenset({"tuve"}), frozenset({"tuve", "askim"})
        assert not places.share_no_place(tuve, frozenset())
        assert not places.share_no_place(frozenset(), tuve)
        assert not places.share_no_place(tuve, both)
        assert not places.differ_in_places(tuve, both)
        assert not places.differ_in_places(both, tuve)
        assert places.differ_in_places(both, frozenset({"tuve", "kungsbacka"}))

    @pytest.mark.parametrize(
        ("text", "left"),
        [
            ("Ny hundrastgård i Tuve", "Ny hundrastgård "),
            ("Bygg i Tuve", "Bygg i Tuve"),
            ("Bygg nytt i Tuve", "Bygg nytt "),
        ],
    )
    def test_at_least_two_words_are_left(self, text, left):
        assert places.without_places(text).split() == left.split()
