"""What a process keeps has an end: no cache grows with what people write, in number or in size."""

import ast
from pathlib import Path

import pytest

from services.moderation.checks import duplicates, gibberish
from services.moderation.checks.learned_spam import spam_features

PROJECT = Path(__file__).resolve().parents[2]
# Kept for ever by what they are given, of which there is only so much.
FEW = {
    "services/moderation/checking/together.py:_insert": "tables of ours",
    "services/moderation/checks/phrases.py:_by_first_word": "files of ours",
    "services/moderation/checks/language.py:_detector": "scripts",
    "services/moderation/tasks.py:_say_off": "reasons of ours",
    "services/notify/sending/claims.py:_claim": "yes and no",
    "shared/db.py:_written": "statements of ours",
    "shared/delivery/outbox.py:list_recipients": "kinds of events",
    "shared/i18n.py:_catalog": "languages",
    "shared/i18n.py:_locale": "languages",
    "shared/migrate.py:_read_revisions": "folders of ours",
    "shared/pages/static_files.py:_hash_of": "folders of ours",
    "shared/pages/static_files.py:_zipped": "files of ours",
    "shared/red_days.py:_year": "years and languages",
}


def kept_for_ever(tree: ast.Module) -> list[str]:
    """Functions with arguments whose answers are all kept."""
    found = []
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef):
            continue
        for each in function.decorator_list:
            written = ast.unparse(each)
            endless = written in {"cache", "functools.cache"} or "maxsize=None" in written
            if endless and (function.args.args or function.args.kwonlyargs):
                found.append(function.name)
    return found


def test_what_is_kept_for_ever_is_given_one_of_few_things():
    found = {
        f"{path.relative_to(PROJECT).as_posix()}:{name}"
        for room in ("shared", "services", "radslag")
        for path in (PROJECT / room).rglob("*.py")
        for name in kept_for_ever(ast.parse(path.read_text("utf-8")))
    }
    assert found == FEW.keys()


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("@cache\ndef f(word): ...", ["f"]),
        ("@lru_cache(maxsize=None)\ndef f(word): ...", ["f"]),
        ("@cache\ndef f(): ...", []),
        ("@lru_cache(maxsize=8)\ndef f(word): ...", []),
        ("@cache\ndef f(*, word): ...", ["f"]),
    ],
)
def test_one_that_is_kept_for_ever_is_seen(source, names):
    assert kept_for_ever(ast.parse(source)) == names


@pytest.mark.parametrize(
    ("work", "kept"),
    [
        (gibberish.folded_letters, gibberish._kept_letters),
        (spam_features._seen, spam_features._kept_seen),
        (spam_features._grams, spam_features._kept_grams),
    ],
)
def test_a_word_as_long_as_a_text_is_not_kept_and_means_the_same(work, kept):
    kept.cache_clear()
    for length in (40, 41):
        word = "å" * length
        assert list(work(word)) == list(kept.__wrapped__(word))
    assert kept.cache_info().currsize == 1


def test_texts_are_kept_few_at_a_time():
    """A text of 2000 characters has as many runs of them, a hundred kilobytes in all."""
    assert duplicates._gram_set.cache_parameters()["maxsize"] <= 256
