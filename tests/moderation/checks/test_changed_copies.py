"""Copies that were changed in several ways at once, and what everybody says.

Made pairs, for every idea and every two or three of the ways: the rules hold for each, not for an
example.
"""

import random
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.moderation.checks.copies.changed import confirm_changed
from services.moderation.checks.copies.common import (
    EVERYDAY,
    FEWEST_IDEAS,
    learn_common,
    read_words_of,
)
from services.moderation.checks.duplicates import confirm_match, keys_of
from shared.text import fold_text

IDEAS = (
    "Bygg en bro över ån vid slottet så att barnen kommer säkert till skolan varje morgon",
    "Badhuset borde öppna redan klockan sex på vardagar för alla som simmar före jobbet",
    "Plantera äppelträd och vinbärsbuskar längs promenaden, så kan alla plocka frukt om hösten",
    "Gör om den gamla brandstationen till ateljéer där unga konstnärer hyr billiga lokaler",
    "Kommunen kan låna ut verktyg, symaskiner och kärror på biblioteket precis som böcker",
    "Sänk hastigheten utanför vårdcentralen och måla ett nytt övergångsställe vid apoteket",
    "Ordna gratis dansbana i folkparken onsdagar hela sommaren med levande musik och kaffe",
    "Låt hyresgästerna odla grönsaker på taken och kompostera matavfallet i egna lådor",
)


def typo(text, chance):
    at = chance.choice([n for n, c in enumerate(text) if c.isalpha()])
    return text[:at] + chance.choice("abdefghklmnoprstuvåäö") + text[at + 1 :]


def dropped(text, chance):
    words = text.split()
    del words[chance.randrange(len(words))]
    return " ".join(words)


def swapped(text, chance):
    words = text.split()
    at = chance.randrange(len(words) - 1)
    words[at : at + 2] = reversed(words[at : at + 2])
    return " ".join(words)


def greeted(text, _chance):
    return f"Till den det berör: {text}. Ha en fin dag!"


def continued(text, _chance):
    return f"{text}. Jag har talat med grannarna och de håller med."


WAYS = (typo, dropped, swapped, greeted, continued)


def meets(a, b):
    """Whether one of the two finds the other when that is stored."""
    return not keys_of([a])[0].query.isdisjoint(keys_of([b])[0].stored)


@pytest.mark.parametrize(("number", "least"), [(1, 0.99), (2, 0.93), (3, 0.88)])
def test_a_copy_is_known_again_after_several_changes(number, least):
    """Counted over every idea, every combination of ways and five seeds of chance."""
    found = []
    for ways in combinations(WAYS, number):
        for seed, idea in ((seed, idea) for idea in IDEAS for seed in range(5)):
            copy, chance = idea, random.Random(seed)
            for way in ways:
                copy = way(copy, chance)
            a, b = fold_text(copy), fold_text(idea)
            found.append(a == b or (meets(a, b) and confirm_match(a, b) is not None))
    assert sum(found) / len(found) >= least


@pytest.mark.parametrize("extra", [("", ""), ("Till den det berör: ", ". Ha en fin dag!")])
@pytest.mark.parametrize(
    "same", ["", ". Det vore roligt om ni kunde tänka på det här redan till nästa sommar."]
)
def test_ideas_that_share_only_a_frame_are_not_copies(extra, same):
    before, behind = extra
    folded = [fold_text(f"{before}{idea}{same}{behind}") for idea in IDEAS]
    assert [confirm_match(a, b) for a, b in combinations(folded, 2)] == [None] * 28


WISH = "Ordna gratis dansbana i {} onsdagar hela {} med levande musik och kaffe"


@pytest.mark.parametrize(
    ("said", "other"),
    [
        (("folkparken", "sommaren"), ("slottsparken", "hösten")),  # another place, another time
        (("folkparken klockan 18", "sommaren"), ("folkparken klockan 20", "sommaren")),
        (("folkparken", "sommaren"), ("folkparken inte", "sommaren")),
    ],
)
def test_with_a_greeting_round_it_another_wish_stays_another(said, other):
    a = fold_text(WISH.format(*said))
    b = fold_text(f"Kära kommun! {WISH.format(*other)}. Tack för att ni läser.")
    assert confirm_match(a, b) is None


def test_a_not_is_seen_beside_a_winter():
    """The letters of "inte" stand in "vinter", and say nothing of the kind."""
    a = fold_text("Vi vill ha en isbana på torget hela vintern med belysning och musik")
    b = fold_text("Vi vill inte ha en isbana på torget hela vintern med belysning och musik")
    assert confirm_match(a, b) is None


def test_other_digits_alone_make_another_wish_and_a_links_do_not():
    wish = "fler soptunnor i parken nummer {}"
    assert confirm_match(wish.format(17), wish.format(18)) is None
    assert confirm_match(wish.format(1), wish.format(16)) is None
    spam = "tjana pengar hemifran https klipp example med koden {}"
    match = confirm_match(spam.format(17), spam.format(18))
    assert match is not None
    assert match.kind == "near"


def test_words_of_their_own_at_one_end_make_two_of_what_shares_a_frame():
    frame = fold_text(
        "Jag läste i bladet i morse att man får tycka till, så jag säger gärna detta:"
    )
    assert confirm_changed(f"{frame} utegym", f"{frame} linbana", EVERYDAY) is None


def test_where_words_are_put_round_it_one_that_was_left_out_at_an_end_is_no_other():
    idea = "stensatt gangen bakom kvarnen mot sjukhusets kapell"
    copy = f"svejsan allihop i stadshuset {idea.rsplit(' ', 1)[0]} kram fran olle borta i oster"
    assert confirm_changed(idea, copy, EVERYDAY) is not None


FRAME = "Jag läste i bladet att man får tycka till och då vill jag säga detta. "


class TestLearned:
    def framed(self, count):
        return [fold_text(FRAME + idea) for idea in IDEAS[:count]]

    def test_what_many_different_ideas_say_is_everybodys(self):
        common = learn_common(self.framed(FEWEST_IDEAS))
        words = read_words_of(fold_text(FRAME), common)
        assert not words.told
        own = read_words_of(fold_text(IDEAS[0]), common)
        assert own.told == read_words_of(fold_text(IDEAS[0]), EVERYDAY).told

    def test_what_fewer_say_is_not(self):
        assert learn_common(self.framed(FEWEST_IDEAS - 1)) is EVERYDAY

    def test_a_text_that_comes_again_and_again_is_not_everybodys(self):
        """Copies, numbered ones, ones with a slip: what is left of each is no idea of its own."""
        chance = random.Random(1)
        flood = [fold_text(f"{IDEAS[0]} nummer {n}") for n in range(200)]
        flood += [fold_text(typo(IDEAS[0], chance)) for _ in range(200)]
        common = learn_common(flood)
        assert read_words_of(fold_text(IDEAS[0]), common).told
        match = confirm_match(flood[-1], fold_text(IDEAS[0]), common)
        assert match is not None
        assert match.kind == "near"

    def test_a_large_city_asks_for_a_larger_number(self):
        """One in a hundred of what is stored, from 600 ideas on."""
        others = [f"ide{n} handlar{n} bara{n} om{n} detta{n}" for n in range(1000)]
        assert learn_common([*others, *self.framed(8)]) is EVERYDAY

    def test_with_what_was_learned_short_ideas_in_one_frame_are_told_apart(self):
        texts = self.framed(8)
        common = learn_common(texts)
        short = [fold_text(FRAME + wish) for wish in ("Utegym!", "Linbana!", "Detta är ett test.")]
        pairs = [*combinations(short, 2), *((a, b) for a in short for b in texts)]
        assert [confirm_match(a, b, common) for a, b in pairs] == [None] * len(pairs)
        match = confirm_match(fold_text(FRAME + IDEAS[2]), fold_text(IDEAS[2]), common)
        assert match is not None


WORDS = st.sampled_from(
    ["bygg", "en", "bro", "over", "an", "vid", "inte", "4", "17", "https", "kommun", "ha", "fin"]
)


@settings(max_examples=150)
@given(st.lists(WORDS, max_size=25).map(" ".join), st.lists(WORDS, max_size=25).map(" ".join))
def test_any_two_texts_can_be_compared_in_either_order(a, b):
    assert confirm_match(a, b) == confirm_match(b, a)
    match = confirm_match(a, b)
    assert match is None or 0 <= match.score <= 1


class TestTheLastWordIsLeftOut:
    """Where the other text goes on with a sentence of its own."""

    WISH = "vi onskar utomhusgym cykelverkstad lekplats bibliotek fruktodling nara kvarnen"
    MORE = "grannarna i kvarteret fragar ofta efter sadant"

    def test_and_it_is_still_the_same(self):
        assert confirm_match(f"{self.WISH} {self.MORE}", f"{self.WISH} stadigt")

    @pytest.mark.parametrize(
        "other",
        [
            # Two words that say something.
            "stadigt framover",
            # Too few words alike to be known by.
            None,
        ],
    )
    def test_but_not_where_more_differs(self, other):
        wish = self.WISH if other else "vi onskar lekplats bibliotek fruktodling"
        assert not confirm_match(f"{wish} {self.MORE}", f"{wish} {other or 'stadigt'}")

    def test_nor_where_the_first_word_differs(self):
        """What both end with may be everybody's."""
        assert not confirm_match(f"{self.MORE} {self.WISH}", f"stadigt {self.WISH}")
