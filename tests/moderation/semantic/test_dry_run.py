"""The semantic depth where nothing is stored: `import --dry-run --json`."""

import json

import pytest
from click.testing import CliRunner, Result

from radslag.cli import main
from services.moderation.semantic import model
from shared import db
from tests.factories import a_council

TEXTS = [
    ("1", "Lys upp gångvägen genom skogen, det är otäckt att gå hem på kvällen."),
    ("2", "Publicera nämndernas protokoll som öppna data varje månad."),
    ("3", "Belysningen på stigen hem genom skogen är för dålig, det är otäckt på kvällarna."),
    ("4", "LYS UPP GÅNGVÄGEN GENOM SKOGEN, DET ÄR OTÄCKT ATT GÅ HEM PÅ KVÄLLEN!"),
]


@pytest.fixture
def dry_run(session, environment, tmp_path, monkeypatch):
    council = a_council(session)
    session.commit()
    session.close()
    db.close_connections()
    file = tmp_path / "tråd.json"
    created = "2021-11-20T12:00:00"
    file.write_text(
        json.dumps([{"id": key, "text": text, "created_at": created} for key, text in TEXTS])
    )
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    def run(*options: str, setting: str = "off") -> Result:
        monkeypatch.setenv("RADSLAG_SEMANTIC", setting)
        arguments = ["import", str(file), "--council", council.slug, "--dry-run", "--json"]
        return CliRunner().invoke(main, [*arguments, *options])

    return run


def semantic(result: Result) -> dict[str, list[str]]:
    assert result.exit_code == 0, result.output
    lines = [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]
    assert len(lines) == len(TEXTS)
    return {
        line["id"]: [each["similar_to"] for each in line["findings"] if each["code"] == "semantic"]
        for line in lines
    }


@pytest.mark.skipif(
    model.why_off() is not None,
    reason=f"NO SEMANTIC MODEL: {model.why_off()}; no meaning was compared",
)
def test_it_is_said_where_it_is_on_or_asked_for_and_copies_are_left_alone(dry_run):
    expected = {"1": [], "2": [], "3": ["1"], "4": []}
    nothing: dict[str, list[str]] = {key: [] for key in expected}
    assert semantic(dry_run()) == nothing
    assert semantic(dry_run("--semantic")) == expected
    assert semantic(dry_run(setting="on")) == expected
    assert semantic(dry_run("--no-semantic", setting="on")) == nothing


def test_asked_for_where_it_cannot_be_it_says_why(dry_run, monkeypatch):
    monkeypatch.setattr(model, "find_spec", lambda _name: None)
    model.load_model.cache_clear()
    result = dry_run("--semantic")
    assert result.exit_code == 2
    assert "not installed" in result.output
    assert set(map(tuple, semantic(dry_run(setting="on")).values())) == {()}
