"""Every kind of finding has a word of ours for letters, and the worst is said first."""

from services.moderation.checks.finding import Code
from shared import check_words
from shared.i18n import speak_language


def test_every_code_has_a_word_in_both_languages():
    for language in ("sv", "en"):
        with speak_language(language):
            assert all(check_words.kinds_of_findings([code.value]) for code in Code)


def test_a_kind_is_said_once_and_the_worst_first():
    with speak_language("sv"):
        said = check_words.kinds_of_findings(["phone", "email", "threat", "child", "made_up"])
    assert said == ["Hot", "Barn", "Personuppgifter"]
