"""The command line speaks one language at a time: help in whole sentences, examples, errors."""

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from radslag import speech, swedish
from radslag.cli import main

ROOT = Path(__file__).resolve().parents[2]
_SWEDISH = re.compile(r"[åäöÅÄÖ]|\b(och|inte|eller|att|för|som)\b")


def walk(
    group: click.Group, ctx: click.Context | None = None
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command there is, families included, with how it is written."""
    ctx = ctx or click.Context(group)
    for name in group.list_commands(ctx):
        found = group.get_command(ctx, name)
        assert found is not None
        yield (name,), found
        if isinstance(found, click.Group):
            yield from (((name, *path), each) for path, each in walk(found))


ALL = [((), main), *walk(main)]
NAMES = [" ".join(path) for path, _command in ALL]


def run(*arguments: str, language: str, **more: str | None):
    environment = {"RADSLAG_LANG": language, "LC_ALL": None, "LANG": "C.UTF-8", **more}
    return CliRunner(env=environment).invoke(main, arguments, prog_name="radslag")


def texts_of(command: click.Command) -> set[str]:
    said = {" ".join(each.split()) for each in (command.help or "").split("\n\n")}
    said |= {param.help for param in command.params if isinstance(param, click.Option)} - {None}
    return {each for each in said if each}


@pytest.mark.parametrize(("path", "command"), ALL, ids=NAMES)
class TestHelp:
    def test_is_swedish_where_that_is_asked_for_and_english_else(self, path, command):
        texts = texts_of(command)
        assert {
            each for each in texts if each not in swedish.TEXTS.keys() | swedish.OF_CLICK
        } == set()
        shown = {
            language: " ".join(run(*path, "--help", language=language).output.split())
            for language in ("sv", "en")
        }
        for text in texts:
            assert text in shown["en"]
            assert swedish.TEXTS.get(text, swedish.OF_CLICK.get(text)) in shown["sv"]
        words = shown["en"].partition("Example:")[0].replace("Rådslag", "").replace('"säger:"', "")
        assert _SWEDISH.search(words) is None
        assert re.search(r"\b(Usage|Options|Commands|Show|Example|the)\b", shown["sv"]) is None

    def test_of_each_option_is_there(self, path, command):
        del path
        options = [each for each in command.params if isinstance(each, click.Option)]
        assert [each.name for each in options if not each.help] == []

    def test_in_one_line_is_a_whole_sentence(self, path, command):
        del path
        for language in ("sv", "en"):
            with speech.speak_to({"RADSLAG_LANG": language}):
                line = command.get_short_help_str(20)
            assert re.fullmatch(r"[A-ZÅÄÖ-].{10,}\.", line)
            assert "..." not in line

    def test_has_an_example_that_can_be_typed(self, path, command, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        for line in command.example.splitlines():
            assert line in run(*path, "--help", language="sv").output
            words = [
                each for each in shlex.split(line) if each not in {"export", "$(radslag", "env)"}
            ]
            if not words:
                continue
            for word in words:
                if re.fullmatch(r"\w+\.(txt|csv|jsonl|eml|backup)", word):
                    Path(word).touch()
            words = words[: words.index("<")] if "<" in words else words
            assert words.pop(0) == "radslag"
            at: click.Command = main
            ctx = at.make_context("radslag", words)
            while isinstance(at, click.Group) and words:
                assert ctx is not None
                name, found, words = at.resolve_command(ctx, words)
                assert found is not None, line
                at = found
                if words != ["--help"]:
                    ctx = at.make_context(str(name), [*words], parent=ctx)
                elif isinstance(at, click.Group):
                    break
        assert command.example


def test_the_lists_of_commands_cut_nothing():
    for path, command in ALL:
        if not isinstance(command, click.Group):
            continue
        for language in ("sv", "en"):
            shown = " ".join(run(*path, "--help", language=language).output.split())
            with speech.speak_to({"RADSLAG_LANG": language}):
                for name in command.list_commands(click.Context(command)):
                    each = command.get_command(click.Context(command), name)
                    assert each is not None
                    if not each.hidden:
                        assert f" {name} {each.get_short_help_str()}" in shown


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, None),
        ({"LANG": "C.UTF-8"}, None),
        ({"LANG": "sv_SE.UTF-8"}, "sv"),
        ({"LANG": "en_GB.UTF-8"}, "en"),
        ({"LANG": "sv_SE.UTF-8", "LC_ALL": "en_US.UTF-8"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "sv_SE"}, "sv"),
        ({"LANG": "en_US.UTF-8", "RADSLAG_LANG": "sv"}, "sv"),
        ({"LANG": "sv_SE.UTF-8", "RADSLAG_LANG": "en"}, "en"),
        ({"LANG": "sv_SE.UTF-8", "RADSLAG_LANG": ""}, "sv"),
        ({"LANG": "de_DE.UTF-8"}, None),
    ],
)
def test_what_is_said_to_it_first_counts(environment, language):
    assert speech.choose_language(environment) == language


WRONG = [
    (("nothing",), "No such command 'nothing'.", "Kommandot 'nothing' finns inte."),
    (("ledger", "--x"), "No such option '--x'.", "Valet '--x' finns inte."),
    (("import",), "Missing argument 'FILE'.", "Ett argument saknas 'FILE'."),
    (("staff", "add", "a@b.se"), "Missing option '--role'.", "Ett val saknas '--role'."),
    (("import", "no.txt", "--council", "x"), "'no.txt' does not exist.", "'no.txt' finns inte."),
    (("jobs", "replay", "x"), "is not a valid int", "är inget tal"),
    (("run", "desk", "--port", "0"), "is not in the range", "ligger inte i"),
    (("letters", "--x"), "Try 'radslag letters --help' for help.", "Hjälp: radslag letters --help"),
    (("ledger", "--data", "/nowhere"), "No Rådslag runs with", "Inget Rådslag är igång med"),
    (("env", "--data", "/nowhere"), "No Rådslag runs with", "Inget Rådslag är igång med"),
    (("check", "x", "--council", "y", "--data", "/no"), "there are no councils", "inga råd"),
    (("up", "--data", "/proc/x"), "Cannot write to the data", "inte att skriva i datamappen"),
    (("backtest", "--since", "x"), "does not match the format", "skrivs inte som"),
]


@pytest.mark.parametrize(("arguments", "english", "said"), WRONG)
def test_what_is_wrong_is_said_in_the_language_asked_for(arguments, english, said):
    for language, expected, other in (("en", english, said), ("sv", said, english)):
        done = run(*arguments, language=language, RADSLAG_DATABASE_URL=None)
        assert done.exit_code in {1, 2}
        assert expected in done.output
        assert other not in done.output


_SAYS = re.compile(r"(^|\.)(say_line|_say|translate_text|\w+Error)$")


def said_in(*places: str) -> set[str]:
    """What the code gives to a sentence or an error, with `1` for what stands in it."""
    found = set()
    for place in places:
        for path in (
            sorted((ROOT / place).rglob("*.py")) if (ROOT / place).is_dir() else [ROOT / place]
        ):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Call) and _SAYS.search(ast.unparse(node.func)):
                    found |= {_text(each) for each in _parts(node.args)}
    return {each for each in found if re.search(r"[a-z]{2}.* ", each)}


def _parts(given: list[ast.expr]) -> Iterator[ast.expr]:
    for each in given:
        yield from (each.body, each.orelse) if isinstance(each, ast.IfExp) else (each,)


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(
            _text(each) if isinstance(each, ast.Constant) else "1" for each in node.values
        )
    return ""


_SAID = said_in(
    "radslag/commands",
    "radslag/up",
    "radslag/embedded",
    "radslag/child.py",
    "radslag/data_folder.py",
    "radslag/environment.py",
    "radslag/labelled.py",
    "radslag/ports.py",
    "radslag/running.py",
    "services/submission/imports",
    "services/moderation/checking/backtesting.py",
    "shared/config.py",
    "shared/setting_values.py",
)
# The same in both languages.
SAME = {"Version 1: 1", "1 is 1."}


def test_every_sentence_has_its_swedish():
    with speech.speak_to({"RADSLAG_LANG": "sv"}):
        missing = {
            each
            for each in _SAID - SAME
            if all(speech.translate_text(way) == way for way in (each, f"a: {each}"))
        }
    assert missing == set()


def test_no_swedish_keeps_what_its_english_names():
    for english, said in (swedish.TEXTS | swedish.OF_CLICK).items():
        names = set(re.findall(r"\{(\w+)|%\((\w+)", english))
        assert set(re.findall(r"\{(\w+)|%\((\w+)", said)) == names, english


def test_what_is_named_stands_in_the_sentence_and_is_said_itself():
    with speech.speak_to({"RADSLAG_LANG": "sv"}):
        assert (
            speech.translate_text("There is no account a@b.se.") == "Det finns inget konto a@b.se."
        )
        told = speech.translate_text("a.csv: line 7: an entry has no text. Nothing was stored.")
        assert told == "a.csv: rad 7: ett inlägg har ingen text. Inget har sparats."
        assert speech.translate_text("Words that nobody knows") == "Words that nobody knows"
    assert speech.translate_text("Noted.") == "Noted."
