"""What a spam filter thinks of our letters: SpamAssassin, by its local rules."""

import shutil

import pytest

from bench.letters import letters, scores


def test_no_letter_looks_like_spam():
    if shutil.which("spamassassin") is None:
        pytest.skip("NO SPAM FILTER: install spamassassin; no letter was judged by one")
    made = list(letters([]))
    given = scores([mail for _name, _rendered, mail in made])
    assert given
    suspicious = {
        name: judged
        for (name, _rendered, _mail), judged in zip(made, given, strict=True)
        if judged[0] >= 1
    }
    assert suspicious == {}
