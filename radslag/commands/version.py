"""Say which code this is, and what it is made of."""

import json
import platform
import re
from collections.abc import Iterable, Mapping
from importlib.metadata import Distribution, distributions
from typing import Any

import click

from radslag.speech import Spoken, translate_text
from shared import version

_OURS = "radslag"
# As a requirement begins: the name of what is required.
_REQUIRED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@click.command("version", cls=Spoken, example="radslag version --json", speaks=False)
@click.option("--json", "as_json", is_flag=True, help="As a JSON object.")
@click.option("--sbom", is_flag=True, help="What it is made of, as CycloneDX (JSON).")
def command(*, as_json: bool, sbom: bool) -> None:
    """Say which version this is, of which commit, and for which schema."""
    known = version.read_version()
    if sbom:
        click.echo(json.dumps(list_parts(known, distributions()), indent=1, sort_keys=True))
        return
    if as_json:
        click.echo(json.dumps(known))
        return
    for name, value in known.items():
        click.echo(f"{name:8} {value or translate_text('not known')}")


def list_parts(known: Mapping[str, str | None], found: Iterable[Distribution]) -> dict[str, Any]:
    """Return every package that is installed beside this code, as CycloneDX 1.6 has it.

    Of one Python and one set of packages it is the same each time, byte for byte.
    """
    # The first of a name is the one that is loaded.
    parts: dict[str, Distribution] = {}
    for each in found:
        parts.setdefault(_name_of(each.metadata["Name"]), each)
    own = parts.pop(_OURS, None)
    python = platform.python_version()
    us = {
        "type": "application",
        "bom-ref": _OURS,
        "name": _OURS,
        "version": known["version"],
        "licenses": [{"expression": "EUPL-1.2"}],
        "properties": [
            {"name": f"{_OURS}:{name}", "value": known[name]}
            for name in ("commit", "schema")
            if known[name]
        ],
    }
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": us},
        "components": [
            {
                "type": "platform",
                "bom-ref": "python",
                "name": "python",
                "version": python,
                "purl": f"pkg:generic/python@{python}",
            },
            *(_describe(name, part) for name, part in sorted(parts.items())),
        ],
        "dependencies": [
            {"ref": _OURS, "dependsOn": ["python", *_needs(own, parts)]},
            *(
                {"ref": _ref(name, part), "dependsOn": _needs(part, parts)}
                for name, part in sorted(parts.items())
            ),
        ],
    }


def _describe(name: str, part: Distribution) -> dict[str, Any]:
    found = {
        "type": "library",
        "bom-ref": _ref(name, part),
        "name": name,
        "version": part.version,
        "purl": _ref(name, part),
    }
    licences = _licences(part)
    return {**found, "licenses": licences} if licences else found


def _licences(part: Distribution) -> list[dict[str, Any]]:
    for expression in part.metadata.get_all("License-Expression") or ():
        return [{"expression": expression}]
    named = [
        each.rpartition("::")[2].strip()
        for each in part.metadata.get_all("Classifier") or ()
        if each.startswith("License ::")
    ]
    # Some wrote its whole text there.
    if not named:
        written = part.metadata.get_all("License") or ()
        named = [each for each in written if each and "\n" not in each]
    return [{"license": {"name": each}} for each in named]


def _needs(part: Distribution | None, parts: Mapping[str, Distribution]) -> list[str]:
    """Return what a package requires of what is there."""
    names = {
        _name_of(found[0])
        for each in (part.requires if part else None) or ()
        if (found := _REQUIRED.match(each))
    }
    return sorted(_ref(name, parts[name]) for name in names & parts.keys())


def _ref(name: str, part: Distribution) -> str:
    return f"pkg:pypi/{name}@{part.version}"


def _name_of(written: str) -> str:
    """Return the name of a package as the index spells it."""
    return re.sub(r"[-_.]+", "-", written).lower()
