"""Which addresses a webhook may go to, however they are spelled."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notify.webhooks.addresses import (
    Allowed,
    BadAddressError,
    host_of,
    permits,
    read,
)
from shared.config import Settings, SettingsError
from tests.factories import _ENVIRONMENT

NOTHING = Allowed()
# Python's own opinion, and what it does not count as private.
CLOUDS = {"168.63.129.16", "169.254.169.254", "100.100.100.200", "192.0.0.192", "fd00:ec2::254"}


@pytest.mark.parametrize(
    ("raw", "url"),
    [
        ("https://hooks.example.se/a?b=c", "https://hooks.example.se/a?b=c"),
        ("https://hooks.example.se", "https://hooks.example.se/"),
        ("https://HOOKS.Example.SE.:8443/A", "https://hooks.example.se:8443/A"),
        ("https://räksmörgås.se/å", "https://xn--rksmrgs-5wao1o.se/å"),
        ("https://my_host.example.se/", "https://my_host.example.se/"),
        ("https://93.184.215.14/x", "https://93.184.215.14/x"),
        ("https://[2606:2800:21f::1]:444/x", "https://[2606:2800:21f::1]:444/x"),
        ("https://hooks.example.se/a#fragment", "https://hooks.example.se/a"),
    ],
)
def test_an_address_is_written_anew(raw, url):
    assert read(raw, NOTHING).url == url


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("", "url"),
        ("hooks.example.se", "url"),
        ("ftp://hooks.example.se", "url"),
        ("file:///etc/passwd", "url"),
        ("https://", "url"),
        ("https://hooks.example.se:0/", "url"),
        ("https://hooks.example.se:99999/", "url"),
        ("https://hooks.example.se/a b", "url"),
        ("https://hooks.example.se/\n", "url"),
        ("https://hooks.example.se\\@127.0.0.1/", "url"),
        ("https://[::1", "url"),
        ("https://" + "a" * 2000 + ".se", "url"),
        ("http://hooks.example.se/", "https"),
        ("https://user:password@hooks.example.se/", "userinfo"),
        ("https://hooks.example.se@127.0.0.1/", "userinfo"),
        ("https://127.0.0.1/", "private"),
        ("https://127.0.0.1./", "private"),
        ("https://１２７.０.０.１/", "private"),
        ("https://127。0。0。1/", "private"),
        ("https://10.1.2.3/", "private"),
        ("https://169.254.169.254/latest/meta-data/", "private"),
        ("https://[::1]/", "private"),
        ("https://[::]/", "private"),
        ("https://[fe80::1]/", "private"),
        ("https://[fd00:ec2::254]/", "private"),
        ("https://[::ffff:127.0.0.1]/", "private"),
        ("https://[::ffff:7f00:1]/", "private"),
        ("https://[64:ff9b::10.0.0.1]/", "private"),
        ("https://[64:ff9b:1::10.0.0.1]/", "private"),
        ("https://[2002:7f00:1::]/", "private"),
        ("https://[fe80::1%25eth0]/", "host"),
        # The same machine as some resolvers spell it.
        ("https://2130706433/", "host"),
        ("https://0x7f000001/", "host"),
        ("https://0x7f.1/", "host"),
        ("https://127.1/", "host"),
        ("https://0177.0.0.1/", "host"),
        ("https://127.0.0.01/", "host"),
        ("https://127.0.0.0x1/", "host"),
        ("https://1.2.3.4.5/", "host"),
        ("https://a..b/", "host"),
        ("https://-a.se/", "host"),
        ("https://a,b.se/", "host"),
        ("https://%31%32%37.0.0.1/", "private"),
    ],
)
def test_what_is_no_endpoint_is_refused_and_says_why(raw, code):
    with pytest.raises(BadAddressError) as refused:
        read(raw, NOTHING)
    # A host in percent signs is no host at all, whatever it would stand for.
    assert refused.value.code in {code, "host" if "%" in raw else code}


@pytest.mark.parametrize("raw", sorted(CLOUDS))
def test_what_a_cloud_tells_its_machines_is_closed(raw):
    assert not permits(ip_address(raw), "hooks.example.se", NOTHING)


@given(st.ip_addresses())
def test_nothing_that_is_not_global_is_open(address):
    if permits(address, "hooks.example.se", NOTHING) and address not in ip_network("64:ff9b::/96"):
        bare = getattr(address, "ipv4_mapped", None) or address
        assert bare.is_global
        assert not bare.is_multicast
        assert not bare.is_reserved
        assert str(bare) not in CLOUDS


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_in_ipv6_clothes_is_the_same(address: IPv4Address):
    bare = permits(address, "h", NOTHING)
    for prefix in ("::ffff:0:0", "64:ff9b::"):
        dressed = IPv6Address(int(IPv6Address(prefix)) | int(address))
        assert permits(dressed, "h", NOTHING) == bare
    # Tunnels are closed whatever comes out of them.
    assert not permits(IPv6Address((0x2002 << 112) | (int(address) << 80)), "h", NOTHING)


@given(
    st.sampled_from(
        [
            *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16"),
            *("100.64.0.0/10", "0.0.0.0/8", "224.0.0.0/4", "240.0.0.0/4"),
            *("fc00::/7", "fe80::/10", "ff00::/8", "::/128", "::1/128"),
        ]
    ),
    st.data(),
)
def test_no_address_of_a_closed_network_passes_or_is_read(network, data):
    address = data.draw(st.ip_addresses(network=ip_network(network)))
    assert not permits(address, "hooks.example.se", NOTHING)
    shown = f"[{address}]" if address.version == 6 else address
    with pytest.raises(BadAddressError):
        read(f"https://{shown}/", NOTHING)


@given(st.integers(0, 2**32 - 1))
def test_a_number_in_no_spelling_is_a_host(number):
    a, b, c, d = number.to_bytes(4)
    for spelled in (
        str(number),
        hex(number),
        oct(number).replace("0o", "0"),
        f"{a}.{(b << 16) | (c << 8) | d}",
        f"{a}.{b}.{(c << 8) | d}",
        f"0x{a:x}.{b}.{c}.{d}",
        f"0{a:o}.{b}.{c}.0{d:o}",
    ):
        try:
            assert host_of(spelled) == str(IPv4Address(number))
        except BadAddressError:
            continue


@given(st.text(max_size=40))
def test_any_text_is_an_address_or_refused(text):
    for raw in (text, f"https://{text}/", f"https://{text}"):
        try:
            target = read(raw, NOTHING)
        except BadAddressError:
            continue
        assert read(target.url, NOTHING) == target
        assert target.host.isascii()
        assert target.scheme == "https"


def test_the_operator_opens_hosts_and_networks():
    allowed = Allowed.of(("chat.intern", "10.20.0.0/16", "fd12::/16"))
    assert permits(ip_address("10.20.3.4"), "anything.example", allowed)
    assert permits(ip_address("::ffff:10.20.3.4"), "anything.example", allowed)
    assert permits(ip_address("fd12::1"), "anything.example", allowed)
    assert not permits(ip_address("10.21.3.4"), "anything.example", allowed)
    assert permits(ip_address("192.168.1.1"), "chat.intern", allowed)
    assert read("http://chat.intern/hooks/x", allowed).scheme == "http"
    assert read("http://10.20.0.9:8065/hooks/x", allowed).port == 8065
    # It may turn out to be in the network; that is seen when it is connected to.
    assert read("http://other.intern/", allowed).scheme == "http"
    with pytest.raises(BadAddressError, match="https"):
        read("http://93.184.215.14/", allowed)
    with pytest.raises(BadAddressError, match="https"):
        read("http://other.intern/", Allowed.of(("chat.intern",)))


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("", ()),
        ("off", ()),
        ("10.0.0.0/8", ("10.0.0.0/8",)),
        (
            "Chat.Intern.example.se , fd00::/8,127.0.0.1",
            ("chat.intern.example.se", "fd00::/8", "127.0.0.1"),
        ),
    ],
)
def test_the_setting_is_read(value, found):
    environment = {**_ENVIRONMENT, "RADSLAG_WEBHOOK_PRIVATE": value}
    assert Settings.from_env(environment).webhook_private == found
    Allowed.of(found)


@pytest.mark.parametrize("value", ["10.0.0.1/8", "http://x.se", "300.1.1.1", "a b", "127.1", "on!"])
def test_a_wrong_setting_stops_the_start(value):
    with pytest.raises(SettingsError, match="RADSLAG_WEBHOOK_PRIVATE"):
        Settings.from_env({**_ENVIRONMENT, "RADSLAG_WEBHOOK_PRIVATE": value})
