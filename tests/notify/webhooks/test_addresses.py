"""Which addresses a webhook may go to, however they are spelled."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notify.webhooks.addresses import (
    Allowed,
    BadAddressError,
    host_of,
    permits_address,
    read_address,
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
    assert read_address(raw, NOTHING).url == url


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
        read_address(raw, NOTHING)
    # A host in percent signs is no host at all, whatever it would stand for.
    assert refused.value.code in {code, "host" if "%" in raw else code}


@pytest.mark.parametrize("raw", sorted(CLOUDS))
def test_what_a_cloud_tells_its_machines_is_closed(raw):
    assert not permits_address(ip_address(raw), "hooks.example.se", NOTHING)


@given(st.ip_addresses())
def test_nothing_that_is_not_global_is_open(address):
    if permits_address(address, "hooks.example.se", NOTHING) and address not in ip_network(
        "64:ff9b::/96"
    ):
        bare = getattr(address, "ipv4_mapped", None) or address
        assert bare.is_global
        assert not bare.is_multicast
        assert not bare.is_reserved
        assert str(bare) not in CLOUDS


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_in_ipv6_clothes_is_the_same(address: IPv4Address):
    bare = permits_address(address, "h", NOTHING)
    for prefix in ("::ffff:0:0", "64:ff9b::"):
        dressed = IPv6Address(int(IPv6Address(prefix)) | int(address))
        assert permits_address(dressed, "h", NOTHING) == bare
    # Tunnels are closed whatever comes out of them.
    assert not permits_address(IPv6Address((0x2002 << 112) | (int(address) << 80)), "h", NOTHING)


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
    assert not permits_address(address, "hooks.example.se", NOTHING)
    shown = f"[{address}]" if address.version == 6 else address
    with pytest.raises(BadAddressError):
        read_address(f"https://{shown}/", NOTHING)


# A second writing of the special-purpose registries (IANA), each with what lies beside it and is
# of the open internet; "" where the neighbour is closed, too.
CLOSED = {
    "0.0.0.0/8": ("", "1.0.0.0"),
    "10.0.0.0/8": ("9.255.255.255", "11.0.0.0"),
    "100.64.0.0/10": ("100.63.255.255", "100.128.0.0"),
    "127.0.0.0/8": ("126.255.255.255", "128.0.0.0"),
    "168.63.129.16/32": ("168.63.129.15", "168.63.129.17"),
    "169.254.0.0/16": ("169.253.255.255", "169.255.0.0"),
    "172.16.0.0/12": ("172.15.255.255", "172.32.0.0"),
    "192.0.0.0/24": ("191.255.255.255", "192.0.1.0"),
    "192.0.2.0/24": ("192.0.1.255", "192.0.3.0"),
    "192.88.99.0/24": ("192.88.98.255", "192.88.100.0"),
    "192.168.0.0/16": ("192.167.255.255", "192.169.0.0"),
    "198.18.0.0/15": ("198.17.255.255", "198.20.0.0"),
    "198.51.100.0/24": ("198.51.99.255", "198.51.101.0"),
    "203.0.113.0/24": ("203.0.112.255", "203.0.114.0"),
    "224.0.0.0/4": ("223.255.255.255", ""),
    "240.0.0.0/4": ("", ""),
    "::/3": ("", "2000::"),
    "2001::/23": ("2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2001:200::"),
    "2001:db8::/32": ("2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db9::"),
    "2002::/16": ("2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2003::"),
    "3fff::/20": ("3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "3fff:1000::"),
    "4000::/2": ("3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ""),
    "8000::/1": ("", ""),
}
# Inside `::/3`, but they stand for an IPv4 address and are judged as that.
CLOTHES = (ip_network("::ffff:0:0/96"), ip_network("64:ff9b::/96"))


@pytest.mark.parametrize("closed", CLOSED)
def test_each_closed_network_is_closed_to_its_edges_and_no_further(closed):
    network = ip_network(closed)
    for address in (network[0], network[-1]):
        assert not permits_address(address, "hooks.example.se", NOTHING)
    for beside in filter(None, CLOSED[closed]):
        assert permits_address(ip_address(beside), "hooks.example.se", NOTHING), beside


@given(st.ip_addresses())
def test_what_is_open_is_exactly_what_no_list_closes(address):
    if any(address in each for each in CLOTHES if each.version == address.version):
        return
    closed = any(
        address in network
        for network in map(ip_network, CLOSED)
        if network.version == address.version
    )
    assert permits_address(address, "hooks.example.se", NOTHING) != closed


@pytest.mark.parametrize(
    ("raw", "is_open"),
    [
        ("::ffff:8.8.8.8", True),
        ("::ffff:10.0.0.1", False),
        ("64:ff9b::8.8.8.8", True),
        ("64:ff9b::10.0.0.1", False),
        # Beside the translator's own prefix.
        ("64:ff9b::1:808:808", False),
        ("64:ff9b:1::8.8.8.8", False),
        # An old way to write IPv4 in IPv6, which nobody translates any more; and tunnels.
        ("::8.8.8.8", False),
        ("2002:808:808::", False),
        ("2001:0:808:808::", False),
    ],
)
def test_an_address_in_clothes_is_judged_by_what_it_stands_for(raw, is_open):
    assert permits_address(ip_address(raw), "hooks.example.se", NOTHING) == is_open


@pytest.mark.parametrize(
    ("raw", "is_taken"),
    [
        ("https://a.se/" + "b" * 1987, True),
        ("https://a.se/" + "b" * 1988, False),
        ("https://a.se:65535/", True),
        ("https://a.se:65536/", False),
        ("https://a.se:1/", True),
        (f"https://{'a' * 63}.se/", True),
        (f"https://{'a' * 64}.se/", False),
        (f"https://{'.'.join(['a' * 61] * 4)}.se.s/", True),
        (f"https://{'.'.join(['a' * 61] * 4)}.sex.s/", True),
        (f"https://{'.'.join(['a' * 61] * 4)}.sexes.s/", False),
        ("https://a-.se/", False),
        ("https://a.se/\x7f", False),
        ("https://a.se/\x80", True),
        ("https://a.se/ ", False),
        ("https://a.se/!", True),
        ("https://a.se/\\", False),
        ("https://@a.se/", False),
        ("https://:@a.se/", False),
    ],
)
def test_an_address_is_taken_up_to_its_limits(raw, is_taken):
    if is_taken:
        assert read_address(raw, NOTHING).scheme == "https"
    else:
        with pytest.raises(BadAddressError):
            read_address(raw, NOTHING)


@pytest.mark.parametrize(
    ("raw", "port"),
    [
        ("https://a.se/", 443),
        ("http://chat.intern/", 80),
        ("https://a.se:443/", 443),
        ("http://chat.intern:443/", 443),
    ],
)
def test_the_usual_port_is_the_scheme_s(raw, port):
    assert read_address(raw, Allowed.of(("chat.intern",))).port == port


def test_hosts_are_opened_by_their_whole_name_however_it_is_spelled():
    allowed = Allowed.of(("Chat.INTERN.", "räksmörgås.se"))
    private = ip_address("10.0.0.1")
    assert permits_address(private, "chat.intern", allowed)
    assert permits_address(private, "xn--rksmrgs-5wao1o.se", allowed)
    for other in ("intern", "x.chat.intern", "chat.intern.se"):
        assert not permits_address(private, other, allowed)


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
            target = read_address(raw, NOTHING)
        except BadAddressError:
            continue
        assert read_address(target.url, NOTHING) == target
        assert target.host.isascii()
        assert target.scheme == "https"


def test_the_operator_opens_hosts_and_networks():
    allowed = Allowed.of(("chat.intern", "10.20.0.0/16", "fd12::/16"))
    assert permits_address(ip_address("10.20.3.4"), "anything.example", allowed)
    assert permits_address(ip_address("::ffff:10.20.3.4"), "anything.example", allowed)
    assert permits_address(ip_address("fd12::1"), "anything.example", allowed)
    assert not permits_address(ip_address("10.21.3.4"), "anything.example", allowed)
    assert permits_address(ip_address("192.168.1.1"), "chat.intern", allowed)
    assert read_address("http://chat.intern/hooks/x", allowed).scheme == "http"
    assert read_address("http://10.20.0.9:8065/hooks/x", allowed).port == 8065
    # It may turn out to be in the network; that is seen when it is connected to.
    assert read_address("http://other.intern/", allowed).scheme == "http"
    with pytest.raises(BadAddressError, match="https"):
        read_address("http://93.184.215.14/", allowed)
    with pytest.raises(BadAddressError, match="https"):
        read_address("http://other.intern/", Allowed.of(("chat.intern",)))


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
