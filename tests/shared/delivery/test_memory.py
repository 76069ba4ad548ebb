"""Children of a worker are replaced before they are more than what they run in has room for."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.delivery import memory
from shared.delivery.worker import count_children

_NONE = str(2**63 - 4096)


@pytest.fixture
def machine(tmp_path):
    """What a kernel says in its files, by their paths."""

    def write(files: dict[str, str]) -> Path:
        for path, text in files.items():
            file = tmp_path / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return tmp_path

    return write


@pytest.mark.parametrize(
    ("files", "limit"),
    [
        ({}, None),
        ({"proc/self/cgroup": "0::/\n"}, None),
        # A container sees itself as the top.
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "536870912\n"}, 1 << 29),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "max\n"}, None),
        # A unit of systemd lies in others, and the closest of all limits counts.
        (
            {
                "proc/self/cgroup": "0::/system.slice/radslag.service\n",
                "sys/fs/cgroup/system.slice/radslag.service/memory.max": "4000000000\n",
                "sys/fs/cgroup/system.slice/memory.max": "3000000000\n",
            },
            3_000_000_000,
        ),
        # The older hierarchy, as seen from inside a container that is told its path outside.
        (
            {
                "proc/self/cgroup": "4:cpu,cpuacct:/d/x\n3:memory:/d/x\n1:name=systemd:/d\n0::/\n",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": "1073741824\n",
                "sys/fs/cgroup/cpu/memory.limit_in_bytes": "1\n",
            },
            1 << 30,
        ),
        (
            {
                "proc/self/cgroup": "3:memory:/\n",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": _NONE,
            },
            None,
        ),
    ],
)
def test_the_limit_is_the_closest_that_the_kernel_tells(machine, files, limit):
    assert memory.find_memory_limit(machine(files)) == limit


@given(
    told=st.integers(1, 4000),
    children=st.integers(1, 16),
    own=st.integers(40, 200),
    whole=st.integers(256, 8192),
)
def test_all_together_fit_where_each_has_room_for_a_task(told, children, own, whole):
    found = memory.fit_child(told, children, own_kb=own * 1024, whole=whole << 20)
    assert found is not None
    assert found <= told * 1024
    each = found - own * 1024
    if each > memory._LEAST_KB:
        assert own * 1024 + children * each < whole * 1024
    else:
        assert found == min(told * 1024, own * 1024 + memory._LEAST_KB) or each <= 0


def test_whoever_wants_no_limit_has_none_and_nobody_s_is_what_was_told():
    assert memory.fit_child(0, 1, own_kb=1, whole=1 << 29) is None
    assert memory.fit_child(600, 8, own_kb=1, whole=None) == 600 * 1024


def test_a_container_of_a_gigabyte_has_room_for_two_of_half_of_it_and_what_they_share():
    assert memory.fit_child(600, 2, own_kb=100 * 1024, whole=1 << 30) == 523_059


@pytest.mark.parametrize(
    ("options", "children"),
    [
        ({"concurrency": 3}, 3),
        ({"autoscale": "4,1"}, 4),
        ({"autoscale": (4, 1), "concurrency": 2}, 4),
        ({"autoscale": "1,0"}, 1),
        ({"autoscale": None, "concurrency": 1}, 1),
    ],
)
def test_children_are_counted_by_how_a_worker_is_started(options, children):
    assert count_children(options) == children


def test_a_process_knows_what_it_has_needed():
    assert 10 * 1024 < memory.read_own_memory() < 10 * 1024 * 1024
