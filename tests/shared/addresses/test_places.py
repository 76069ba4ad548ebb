"""Places: every spelling of one is one, and what nobody can read is one place too."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.addresses.places import UNKNOWN, is_this_machine, place_of


@pytest.mark.parametrize(
    "spelled",
    [
        *("192.0.2.7", " 192.0.2.7 ", "192.0.2.7:4711", "::ffff:192.0.2.7"),
        *("[::ffff:192.0.2.7]:4711", "::FFFF:C000:207", "0:0:0:0:0:ffff:192.0.2.7"),
        # What translates between the two, and who tunnels one through the other.
        *("64:ff9b::192.0.2.7", "[64:ff9b::c000:207]:443", "2002:c000:207:1::9"),
        *("2002:c000:207:ffff::1", "2001:0:4136:e378:8000:63bf:3fff:fdf8"),
    ],
)
def test_an_address_is_one_place_however_a_proxy_writes_it(spelled):
    assert place_of(spelled) == "192.0.2.7"


@pytest.mark.parametrize(
    "spelled",
    [
        *("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", "[2001:db8:1:2::1]", "[2001:db8:1:2::1]:80"),
        *("2001:DB8:1:2::1%eth0", '"[2001:db8:1:2::1]:4711"', "[2001:db8:1:2::1%25eth0]:80"),
    ],
)
def test_of_ipv6_the_network_counts(spelled):
    assert place_of(spelled) == place_of("2001:db8:1:2::")
    assert place_of(spelled) != place_of("2001:db8:1:3::1")


@pytest.mark.parametrize(
    "spelled",
    [None, "", "unknown", "_hidden", "[", "[]", "]", ":", "1.2.3", "1.2.3.4.5", "x" * 100_000],
)
def test_what_nobody_can_read_is_one_place(spelled):
    assert place_of(spelled) == UNKNOWN
    assert not is_this_machine(spelled)


@given(st.one_of(st.text(), st.ip_addresses().map(str), st.text("0123456789abcdef:.[]%/ ")))
def test_nothing_is_an_error(said):
    assert place_of(said)
    assert is_this_machine(said) in {True, False}


@pytest.mark.parametrize(
    "said", ["127.0.0.1", "127.9.9.9:80", "::1", "[::1]:80", "::ffff:127.0.0.1"]
)
def test_this_machine_is_known(said):
    assert is_this_machine(said)


@pytest.mark.parametrize(
    "said",
    [
        *("10.0.0.1", "128.0.0.1", "::2", "::ffff:10.0.0.1", "127.0.0.1, 10.0.0.1", "localhost"),
        # Translated or tunnelled, it comes from another.
        *("64:ff9b::127.0.0.1", "2002:7f00:1::1", "::127.0.0.1", "0127.0.0.1", "2130706433"),
    ],
)
def test_another_machine_is_known(said):
    assert not is_this_machine(said)
