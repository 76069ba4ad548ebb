"""What Outlook for Windows needs of HTML: it lays out mail with Word's engine.

Done to the finished HTML, so that templates stay plain. Comments for Word alone change nothing for
others.
"""

import re

# Word gives a link no padding: spaces of a stretched width stand in for it at the sides, raised
# ones above and below.
_BEFORE = (
    '<!--[if mso]><i style="mso-font-width:250%;mso-text-raise:20pt" hidden>&emsp;</i>'
    '<span style="mso-text-raise:10pt"><![endif]-->'
)
_AFTER = '<!--[if mso]></span><i style="mso-font-width:250%" hidden>&emsp;&#8203;</i><![endif]-->'
_BUTTON = re.compile(r'(<a class="button"[^>]*>)(.*?)(</a>)', re.DOTALL)
_WORDS = re.compile(r'(<blockquote class="words">\s*<p>)(.*?)(</p>)', re.DOTALL)


def adapt_html(html: str) -> str:
    """Give buttons their size in Word, and quoted words the line breaks that it would lose."""
    html = _BUTTON.sub(rf"\1{_BEFORE}\2{_AFTER}\3", html)
    return _WORDS.sub(_with_breaks, html)


def _with_breaks(quoted: re.Match[str]) -> str:
    return quoted[1] + quoted[2].strip().replace("\n", "<br>\n") + quoted[3]
