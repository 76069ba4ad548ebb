"""What leaves and where it goes, against real servers: plain, with TLS, slow, rude and lying."""

import contextlib
import socket
import time
from collections.abc import Iterator
from itertools import permutations
from threading import Event, Thread

import pytest

from services.notify.webhooks import transport
from services.notify.webhooks.addresses import Allowed, read_address
from services.notify.webhooks.transport import Answer, NoAnswerError, post_body
from tests.notify.webhooks.certificates import authority
from tests.notify.webhooks.receiving import Receiver, receiving

HERE = Allowed.of(("127.0.0.1",))
NAME = "hooks.prov.example"
PUBLIC = "93.184.215.14"


def answers(*rounds: str):
    """A resolver that says another address each time it is asked, the last one for ever."""
    asked = []

    def resolver(host, port):
        asked.append(host)
        address = rounds[min(len(asked), len(rounds)) - 1]
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        return [(family, socket.SOCK_STREAM, 6, "", (address, port))]

    resolver.asked = asked
    return resolver


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as opened:
        yield opened


@pytest.fixture
def secure(tmp_path, monkeypatch) -> Iterator[Receiver]:
    """A server with TLS whose authority this machine trusts."""
    ca_file, context = authority(tmp_path, NAME)
    trust(monkeypatch, ca_file)
    with receiving(context) as opened:
        yield opened
    transport.make_tls_context.cache_clear()


def trust(monkeypatch, ca_file) -> None:
    """Let this machine believe an authority."""
    monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))
    transport.make_tls_context.cache_clear()


def send(url: str, allowed: Allowed = HERE, **more) -> Answer:
    return post_body(read_address(url, allowed), b'{"a":1}', {"X-A": "b"}, allowed, **more)


def refused(url: str, allowed: Allowed = HERE, **more) -> str:
    with pytest.raises(NoAnswerError) as error:
        send(url, allowed, **more)
    return error.value.code


def test_a_body_and_headers_arrive_and_the_status_comes_back(receiver):
    receiver.headers = {"Retry-After": "17"}
    receiver.always("429")
    assert send(f"{receiver.url}/a?b=c") == Answer(429, "17")
    heard = receiver.heard[0]
    assert (heard.path, heard.body, heard.headers["x-a"]) == ("/a?b=c", b'{"a":1}', "b")
    assert "radslag" in heard.headers["user-agent"].lower()


def test_proxies_and_passwords_of_the_environment_are_left_alone(receiver, monkeypatch, tmp_path):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(netrc))
    assert send(receiver.url).status == 200
    assert "authorization" not in receiver.heard[0].headers


def test_a_redirect_is_an_answer_and_leads_nowhere(receiver):
    with receiving() as elsewhere:
        receiver.headers = {"Location": elsewhere.url}
        receiver.always("307")
        assert send(receiver.url).status == 307
        assert elsewhere.heard == []


def test_the_address_that_was_checked_is_the_one_connected_to(receiver, monkeypatch):
    """Rebinding: public when it is looked at, this machine when it is looked at again."""
    port = receiver.url.rpartition(":")[2]
    dialled = []

    class Dialling(socket.socket):
        def connect(self, place):
            dialled.append(place[0])
            raise ConnectionRefusedError

    monkeypatch.setattr(transport.socket, "socket", Dialling)
    resolver = answers(PUBLIC, "127.0.0.1")
    assert refused(f"https://{NAME}:{port}/", Allowed(), resolver=resolver) == "refused"
    assert dialled == [PUBLIC]
    assert resolver.asked == [NAME]
    assert receiver.heard == []


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_a_name_that_stands_for_a_private_address_is_not_connected_to(secure, address):
    port = secure.url.rpartition(":")[2]
    url = f"https://{NAME}:{port}/"
    assert refused(url, Allowed(), resolver=answers(address)) == "private"
    # Even when the first question had been answered with this machine, and allowed then.
    assert refused(url, HERE, resolver=answers("10.0.0.1", "127.0.0.1")) == "private"
    assert secure.heard == []


def test_the_real_resolver_is_asked_too(receiver):
    port = receiver.url.rpartition(":")[2]
    assert refused(f"https://localhost:{port}/", Allowed()) == "private"
    assert refused("https://nothing.invalid/") == "name"


@pytest.fixture
def dialled(monkeypatch) -> list[str]:
    """Every address to which a connection is begun, in order; all of them are really begun."""
    found: list[str] = []

    class Recording(socket.socket):
        def connect(self, place):
            found.append(place[0])
            super().connect(place)

    monkeypatch.setattr(transport.socket, "socket", Recording)
    return found


def resolving(*addresses: str):
    """A resolver that knows several addresses of a name."""

    def resolver(_host, port):
        return [
            (
                socket.AF_INET6 if ":" in each else socket.AF_INET,
                *(socket.SOCK_STREAM, 6, "", (each, port)),
            )
            for each in addresses
        ]

    return resolver


@pytest.mark.parametrize("addresses", list(permutations(["127.0.0.1", "127.0.0.2", "127.0.0.3"])))
def test_of_many_addresses_only_those_that_pass_are_dialled(receiver, dialled, addresses):
    """The two that are closed would take the call: something listens there, too."""
    port = int(receiver.url.rpartition(":")[2])
    with (
        socket.create_server(("127.0.0.2", port)) as second,
        socket.create_server(("127.0.0.3", port)) as third,
    ):
        url = f"http://{NAME}:{port}/"
        assert send(url, HERE, resolver=resolving(*addresses)).status == 200
        assert dialled == ["127.0.0.1"]
        for closed in (second, third):
            closed.setblocking(False)
            with pytest.raises(BlockingIOError):
                closed.accept()


def test_when_the_one_that_passes_does_not_answer_no_closed_one_is_dialled(receiver, dialled):
    port = int(receiver.url.rpartition(":")[2])
    allowed = Allowed.of(("127.0.0.2",))
    known = resolving("127.0.0.2", "127.0.0.1")
    assert refused(f"http://{NAME}:{port}/", allowed, resolver=known) == "refused"
    assert dialled == ["127.0.0.2"]
    assert receiver.heard == []


def test_when_one_that_passes_does_not_answer_the_next_that_passes_is_dialled(receiver, dialled):
    port = int(receiver.url.rpartition(":")[2])
    allowed = Allowed.of(("127.0.0.0/29",))
    known = resolving("127.0.0.9", "127.0.0.2", "127.0.0.1", "127.0.0.3")
    assert send(f"http://{NAME}:{port}/", allowed, resolver=known).status == 200
    assert dialled == ["127.0.0.2", "127.0.0.1"]


def test_a_name_without_addresses_leads_nowhere(dialled):
    assert refused(f"https://{NAME}/", resolver=resolving()) == "private"
    assert dialled == []


@pytest.mark.parametrize(
    ("scheme", "opened", "address", "is_dialled"),
    [
        ("https", (), PUBLIC, True),
        ("https", (), "10.1.2.3", False),
        ("https", (), "fe80::1%lo", False),
        ("https", ("10.0.0.0/8",), "10.1.2.3", True),
        ("https", ("10.0.0.0/8",), "11.1.2.3", True),
        ("https", ("10.0.0.0/8",), "192.168.1.1", False),
        ("https", (NAME,), "192.168.1.1", True),
        ("https", ("another.example",), "192.168.1.1", False),
        # In the clear only to what is opened, not to the open internet.
        ("http", ("10.0.0.0/8",), "10.1.2.3", True),
        ("http", ("10.0.0.0/8",), "192.168.1.1", False),
        ("http", ("10.0.0.0/8",), PUBLIC, False),
        ("http", (NAME,), PUBLIC, True),
        ("http", (NAME,), "192.168.1.1", True),
    ],
)
def test_what_is_dialled_for_a_name(monkeypatch, scheme, opened, address, is_dialled):
    begun = []

    class Refusing(socket.socket):
        def connect(self, place):
            begun.append(place[0])
            raise ConnectionRefusedError

    monkeypatch.setattr(transport.socket, "socket", Refusing)
    url, allowed = f"{scheme}://{NAME}/", Allowed.of(opened)
    code = refused(url, allowed, resolver=resolving(address))
    assert (code, begun) == (("refused", [address]) if is_dialled else ("private", []))


def test_a_literal_address_is_looked_at_again_when_it_is_dialled(receiver, dialled):
    """What was allowed when it was read and is not any more."""
    target = read_address(receiver.url, HERE)
    with pytest.raises(NoAnswerError) as error:
        post_body(target, b"{}", {}, Allowed())
    assert (error.value.code, dialled, receiver.heard) == ("private", [], [])


def test_plain_http_goes_only_to_what_is_allowed(receiver):
    allowed = Allowed.of(("10.0.0.0/8",))
    assert refused(f"http://{NAME}/", allowed, resolver=answers(PUBLIC)) == "private"


def test_tls_is_spoken_with_the_name_and_its_certificate(secure):
    port = secure.url.rpartition(":")[2]
    here = answers("127.0.0.1")
    assert send(f"https://{NAME}:{port}/a", HERE, resolver=here).status == 200
    assert secure.heard[0].headers["host"] == f"{NAME}:{port}"
    # The right machine under another name: the certificate is not its own.
    assert refused(f"https://other.example:{port}/", HERE, resolver=here) == "certificate"
    assert refused(secure.url) == "certificate"
    assert len(secure.heard) == 1


def test_an_authority_that_nobody_knows_is_not_believed(secure, monkeypatch, tmp_path):
    port = secure.url.rpartition(":")[2]
    another = tmp_path / "another"
    another.mkdir()
    trust(monkeypatch, authority(another, "another.example")[0])
    assert refused(f"https://{NAME}:{port}/", HERE, resolver=answers("127.0.0.1")) == "certificate"


@pytest.mark.parametrize("mood", ["silent", "drip"])
def test_whoever_talks_slowly_is_cut_off(receiver, monkeypatch, mood):
    monkeypatch.setattr(transport, "WITHIN_S", 0.5)
    receiver.always(mood)
    begun = time.monotonic()
    assert refused(receiver.url) == "timeout"
    assert time.monotonic() - begun < transport.READ_S


def test_somebody_who_never_finishes_a_handshake_is_cut_off(monkeypatch):
    monkeypatch.setattr(transport, "WITHIN_S", 0.3)
    monkeypatch.setattr(transport, "CONNECT_S", 20.0)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"https://127.0.0.1:{deaf.getsockname()[1]}/"
        assert refused(url) == "timeout"


def test_who_says_nothing_is_left_before_the_whole_time_is_over(receiver, monkeypatch):
    """The other side hangs up by itself after half a minute, which would be another trouble."""
    monkeypatch.setattr(transport, "WITHIN_S", 1000.0)
    monkeypatch.setattr(transport, "READ_S", 0.2)
    receiver.always("silent")
    assert refused(receiver.url) == "timeout"


def test_a_name_server_that_takes_all_the_time_leaves_none_for_the_call(receiver, monkeypatch):
    monkeypatch.setattr(transport, "WITHIN_S", 0.05)
    receiver.always("silent")
    asked = Event()

    def slow(_host, port):
        asked.wait(0.3)
        return resolving("127.0.0.1")(_host, port)

    url = f"http://localhost:{receiver.url.rpartition(':')[2]}/"
    assert refused(url, resolver=slow) == "timeout"
    assert all(not each.body for each in receiver.heard)


def test_a_long_answer_is_not_read_to_its_end():
    """We hang up after eight kilobytes: the other side sees that although it has sent no more."""
    hung_up = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer_without_end():
            line, _place = server.accept()
            with line:
                line.recv(64_000)
                line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
                line.sendall(b"x" * 8 * 1024)
                line.settimeout(transport.READ_S / 2)
                try:
                    while line.recv(64_000):
                        pass
                    hung_up.append(True)
                except TimeoutError:
                    hung_up.append(False)

        thread = Thread(target=answer_without_end)
        thread.start()
        assert send(f"http://127.0.0.1:{server.getsockname()[1]}/") == Answer(200)
        thread.join()
    assert hung_up == [True]


@pytest.mark.parametrize("status", [201, 300, 301, 302, 303, 307, 308, 400, 404, 410, 500, 503])
def test_each_status_is_an_answer_to_one_request(receiver, status):
    with receiving() as elsewhere:
        receiver.headers = {"Location": elsewhere.url}
        receiver.always(str(status))
        assert send(receiver.url).status == status
        assert (len(receiver.heard), elsewhere.heard) == (1, [])


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nServer: x\r\n\r\n"


@pytest.mark.parametrize("end", [*range(0, len(HEAD), 5), len(HEAD) - 2, len(HEAD) - 1])
def test_an_answer_whose_head_breaks_off_was_not_heard(end):
    with saying(HEAD[:end]) as url:
        assert refused(url, HERE) == "broken"


@pytest.mark.parametrize("head", [HEAD, HEAD.replace(b"\r\n", b"\n"), HEAD + b"more"])
def test_an_answer_whose_head_is_whole_was_heard(head):
    with saying(b"HTTP/1.1 100 Continue\r\n\r\n" + head) as url:
        assert send(url).status == 200


@contextlib.contextmanager
def saying(answer: bytes) -> Iterator[str]:
    """Let somebody take one request, say this, and hang up."""
    listening = socket.create_server(("127.0.0.1", 0))
    listening.settimeout(5)

    def say() -> None:
        with contextlib.suppress(OSError):
            line, _place = listening.accept()
            with line:
                line.recv(65_536)
                line.sendall(answer)
                line.shutdown(socket.SHUT_WR)
                while line.recv(65_536):
                    pass

    thread = Thread(target=say)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
    finally:
        thread.join()
        listening.close()


def test_other_troubles_have_a_name(receiver):
    receiver.always("drop")
    assert refused(receiver.url) == "broken"
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/"
        assert refused(url) == "refused"


def test_no_error_says_where_it_went(receiver, caplog):
    caplog.set_level("DEBUG")
    receiver.always("drop")
    with pytest.raises(NoAnswerError) as error:
        send(f"{receiver.url}/services/SECRET")
    assert "SECRET" not in caplog.text
    assert "SECRET" not in repr(error.value)
    assert error.value.__cause__ is None
    assert error.value.__suppress_context__
