"""Letters that were read in another encoding than they were written in."""

import re
from collections.abc import Iterator

from services.submission.imports.entries import Remark

# å, ä, ö, Å, Ä, Ö and é of UTF-8 in cp1252; what cp850 and Mac Roman make of them there, where no
# such sign stands; controls that nobody types; and what another program put for what it lost.
_GARBLED = re.compile(
    "Ã[¥¤¶…„–©\x84\x85\x96]|[a-zåäö][†„][a-zåäö]|[a-zåäö]”[a-zåäö]|[a-zåäö][ŒŠ]|[\x80-\x9f\ufffd]"
)


def find_garbled(text: str) -> Iterator[Remark]:
    """Give the first line of a file with such letters, if there is one."""
    found = _GARBLED.search(text)
    if found is not None:
        line = text.count("\n", 0, found.start()) + 1
        yield Remark(line, "letters look as if they were read in a wrong encoding, from here on")
