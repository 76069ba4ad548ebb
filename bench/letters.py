"""Show every letter as its readers see it, and what a spam filter says: `letters FOLDER [NAME…]`.

Writes each letter in both languages as mail, text and HTML, with pictures 390 and 700 pixels wide,
light and dark, and `index.html` with all of them. The scores are SpamAssassin's, by its local rules
only (`apt-get install spamassassin`); pictures need Chromium. What is missing is said.
"""

import html
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

from playwright.sync_api import sync_playwright

from bench.databases import environment_of
from services.notify.mail.rendering import Rendered, to_email
from shared.config import Settings
from tests.notify.mail.test_rendering import LETTERS, TO_STAFF, letter

LOOKS = [(width, scheme) for width in (700, 390) for scheme in ("light", "dark")]
LANGUAGES = ("sv", "en")
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_PUBLIC = "https://dialog.stad.example"
_SCORE = re.compile(
    r"^X-Spam-Status: \w+, score=(-?[\d.]+).*?tests=([\w,\s]*?)autolearn", re.MULTILINE | re.DOTALL
)


def settings() -> Settings:
    """Return the settings of a city that does not exist."""
    return Settings.from_env(
        environment_of("postgresql:///none")
        | {
            "RADSLAG_PUBLIC_URL": _PUBLIC,
            "RADSLAG_DESK_URL": "https://radslag.stad.example",
            "RADSLAG_MAIL_FROM": "Rådslag <radslag@stad.example>",
        }
    )


def letters(named: Sequence[str]) -> Iterator[tuple[str, Rendered, EmailMessage]]:
    """Return each letter: what it is called, its words, and the mail."""
    city = settings()
    for name in named or LETTERS:
        for language in LANGUAGES:
            rendered = letter(name, language, city)
            headers: Mapping[str, str] = {}
            if name.startswith("digest"):
                headers = {
                    "list_id": "<digest.radslag.stad.example>",
                    "unsubscribe_url": f"{_PUBLIC}/unsubscribe/{'x' * 43}",
                }
            mail = to_email(
                rendered,
                recipient="moa@stad.example" if name.startswith(TO_STAFF) else "li@example.org",
                message_id=f"<{name}.{language}@stad.example>",
                settings=city,
                **headers,
            )
            yield f"{name}.{language}", rendered, mail


def scores(mails: Sequence[EmailMessage]) -> list[tuple[float, str]]:
    """Return the score of each mail and the rules that gave it; nothing without the filter."""
    program = shutil.which("spamassassin")
    if program is None:
        return []
    # A box of all, for one start of the filter; with nothing learnt and no preferences.
    box = b"".join(b"From - Mon Nov 23 07:00:00 2026\n" + each.as_bytes() + b"\n" for each in mails)
    with tempfile.TemporaryDirectory() as home:
        said = subprocess.run(
            [program, "--local", "--mbox", "--cf=use_bayes 0"],
            input=box,
            env={**os.environ, "HOME": home},
            capture_output=True,
            check=True,
        ).stdout.decode("utf-8", "replace")
    found = [(float(score), " ".join(rules.split())) for score, rules in _SCORE.findall(said)]
    if len(found) != len(mails):
        raise ValueError("the filter has lost count")
    return found


def pictures(folder: Path, names: Sequence[str]) -> bool:
    """Take the pictures of the letters that stand in a folder, and say whether it could be done."""
    program = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if program is None:
        return False
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page()
        for width, scheme in LOOKS:
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            page.set_viewport_size({"width": width, "height": 400})
            for name in names:
                page.goto((folder / f"{name}.html").resolve().as_uri())
                page.screenshot(path=folder / f"{name}.{width}.{scheme}.png", full_page=True)
        browser.close()
    return True


def index(folder: Path, names: Sequence[str], subjects: Mapping[str, str]) -> None:
    """Write the page that shows all of them."""
    rows = "".join(
        f"<h2>{name}: {html.escape(subjects[name])}</h2><p>"
        + "".join(f'<img src="{name}.{width}.{scheme}.png" alt="">' for width, scheme in LOOKS)
        + f"</p><pre>{html.escape((folder / f'{name}.txt').read_text('utf-8'))}</pre>"
        for name in names
    )
    (folder / "index.html").write_text(
        '<!doctype html><meta charset="utf-8"><title>Letters</title>'
        "<style>body{font:14px sans-serif;background:#888}img{vertical-align:top;margin:4px}"
        f"pre{{background:#fff;padding:8px;width:80ch}}</style>{rows}",
        "utf-8",
    )


def main(folder: Path, named: Sequence[str]) -> None:
    """Write everything, and print a line for each letter."""
    folder.mkdir(parents=True, exist_ok=True)
    made = list(letters(named))
    for name, rendered, mail in made:
        (folder / f"{name}.html").write_text(rendered.html, "utf-8")
        (folder / f"{name}.txt").write_text(rendered.text, "utf-8")
        (folder / f"{name}.eml").write_bytes(mail.as_bytes(policy=SMTP))
    names = [name for name, _rendered, _mail in made]
    given = scores([mail for _name, _rendered, mail in made])
    if not given:
        print("no scores: spamassassin is not installed")
    for name, (score, rules) in zip(names, given, strict=False):
        print(f"{name:<32} {score:5.1f}  {rules}")
    if given:
        print(f"highest of {len(given)}: {max(score for score, _rules in given)}")
    if pictures(folder, names):
        index(folder, names, {name: rendered.subject for name, rendered, _mail in made})
    else:
        print("no pictures: there is no Chromium")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), sys.argv[2:])
