"""Code in a closed folder: when root begins once more, with what, and what its processes become."""

import os
import stat
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from radslag.child import User
from radslag.embedded.account import Account
from radslag.up import places, standing
from radslag.up.places import Places


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    """A folder of modules that everybody may read, below one that only its owner may enter."""
    home = tmp_path / "hemma hos å"
    code = home / "kod"
    code.mkdir(parents=True)
    (code / "modul.py").write_text("said = 1\n")
    (code / "paket").mkdir()
    (code / "paket" / "mall.html").write_text("Hej")
    for path in (code, *code.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    home.chmod(0o700)
    return code


@pytest.fixture
def begun(monkeypatch, closed):
    """Begin once more, as root that runs `radslag up` from there; return what it would become."""
    became: list[tuple[list[str], dict[str, str]]] = []
    monkeypatch.setattr(standing, "_FIRST", 700)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "execve", lambda _path, *about: became.append(about))
    monkeypatch.setattr(sys, "argv", ["radslag", "up", "--data", "å"])
    monkeypatch.setattr(sys, "path", [str(closed), str(closed / "finns inte")])
    yield lambda: (standing.begin_standing(), became)[1]
    for number in (700, 701):
        if os.path.exists(f"/proc/self/fd/{number}"):  # noqa: PTH110 - a link of the kernel's
            os.close(number)


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_it_is_given_its_modules_open_and_its_words(begun, monkeypatch):
    ((command, environment),) = begun()
    assert command == [sys.executable, "-P", "-m", "radslag", "up", "--data", "å"]
    (found,) = environment["PYTHONPATH"].split(os.pathsep)
    assert found == "/proc/self/fd/700"
    assert Path(found, "paket", "mall.html").read_text() == "Hej"
    assert os.get_inheritable(700)
    # And only once.
    monkeypatch.setattr(os, "environ", environment)
    assert len(begun()) == 1
    assert standing.open_folders() == [700]


@pytest.mark.parametrize("argv", [["radslag"], ["radslag", "env"], ["pytest", "tests", "up"]])
def test_other_commands_begin_once(begun, monkeypatch, argv):
    monkeypatch.setattr(sys, "argv", argv)
    assert begun() == []


def test_who_is_not_root_begins_once(begun, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert begun() == []


@pytest.mark.parametrize("path", ["modul.py", "paket", "paket/mall.html", "."])
def test_what_others_may_not_read_anyway_is_left_as_it_is(begun, closed, path):
    """As a umask of 077 makes it: opening the folder would help nobody."""
    there = closed / path
    there.chmod(there.stat().st_mode & ~(stat.S_IROTH | stat.S_IXOTH))
    assert begun() == []


class TestPlaces:
    @pytest.fixture
    def place_of(self, monkeypatch, tmp_path):
        """The place of a process of root, whose service has a system user."""
        monkeypatch.setattr(os, "geteuid", lambda: 0)
        monkeypatch.setattr(sys, "platform", "linux")
        servers = Account("radslag-db", User(900, 901))
        own = Account("radslag-submission", User(910, 911, (901,)))
        monkeypatch.setattr(places, "choose_account", lambda _data: servers)
        monkeypatch.setattr(places, "choose_service_account", lambda _role, _servers: own)

        def place_of(*, can_read: bool = True, forks: bool = True, **about):
            monkeypatch.setattr(places, "can_work_as", lambda _user, **_about: can_read)
            plan = SimpleNamespace(postgres=None, valkey=None)
            return Places(plan, tmp_path, forks=forks).place_of("radslag_submission", **about)

        return place_of

    @pytest.mark.parametrize(
        ("port", "kept"), [(None, None), (8000, None), (1024, None), (1023, 10), (80, 10)]
    )
    def test_one_capability_is_kept_for_a_low_port_and_none_else(self, place_of, port, kept):
        place = place_of(port=port)
        assert place.user == User(910, 911, (901,), kept)
        assert place.cwd == Path("/")

    @pytest.mark.parametrize("port", [80, 8000])
    def test_who_cannot_read_the_code_stays_without_capabilities(self, place_of, port):
        user = place_of(can_read=False, port=port).user
        assert user == User(groups=(901,), kept=10 if port == 80 else None)

    def test_what_is_started_anew_from_a_closed_folder_stays(self, place_of, monkeypatch):
        monkeypatch.setattr(places, "open_folders", lambda: [700])
        assert place_of(forks=False).user == User(groups=(901,))
        place = place_of(forks=True)
        assert place.user == User(910, 911, (901,))
        assert 700 in place.keep_open
