"""The proxy that tests use for a network that fails: what passes, what is held back, and where it breaks."""

import socket
import socketserver
from collections.abc import Iterator
from threading import Thread

import pytest

from tests.support.tcp_proxy import TcpProxy
from tests.support.waiting import wait_for


class Echo(socketserver.BaseRequestHandler):
    """Answers each byte with the same byte."""

    def handle(self) -> None:
        try:
            while data := self.request.recv(4096):
                self.request.sendall(data)
        except OSError:
            pass


class EchoServer(socketserver.ThreadingTCPServer):
    daemon_threads = True


@pytest.fixture
def proxy() -> Iterator[TcpProxy]:
    with EchoServer(("127.0.0.1", 0), Echo) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        host, port = server.server_address[:2]
        with TcpProxy((str(host), port)) as proxy:
            yield proxy
        server.shutdown()
        thread.join()


@pytest.fixture
def client(proxy: TcpProxy) -> Iterator[socket.socket]:
    with connected(proxy) as client:
        yield client


def connected(proxy: TcpProxy) -> socket.socket:
    client = socket.create_connection((proxy.host, proxy.port), timeout=30)
    client.sendall(b"hello")
    assert read(client, 5) == b"hello"
    return client


def read(client: socket.socket, size: int) -> bytes:
    """Return what comes until there are `size` bytes or the connection ends."""
    received = b""
    try:
        while len(received) < size and (data := client.recv(size - len(received))):
            received += data
    except ConnectionResetError:
        pass
    return received


def test_what_is_sent_while_it_is_frozen_arrives_once_it_thaws(proxy: TcpProxy, client: socket.socket) -> None:
    proxy.freeze()
    client.sendall(b"late")
    client.settimeout(0.05)
    with pytest.raises(TimeoutError):
        client.recv(4)
    with socket.create_connection((proxy.host, proxy.port), timeout=30) as another:
        another.sendall(b"too")
        proxy.thaw()
        client.settimeout(30)

        assert (read(client, 4), read(another, 3)) == (b"late", b"too")


def test_a_cut_breaks_what_is_open_and_later_connections_work(proxy: TcpProxy, client: socket.socket) -> None:
    proxy.cut()

    assert read(client, 1) == b""
    connected(proxy).close()


def test_a_cut_after_a_number_of_bytes_lets_just_these_pass(proxy: TcpProxy, client: socket.socket) -> None:
    for answers in (False, True):
        with connected(proxy) as another:
            proxy.cut(after_bytes=3, answers=answers)
            another.sendall(b"abcdef")

            received = read(another, 6)
            assert received == b"abc" if answers else b"abc".startswith(received)
        connected(proxy).close()


def test_a_connection_that_its_client_ends_is_forgotten(proxy: TcpProxy, client: socket.socket) -> None:
    wait_for(lambda: proxy.open_connections == 1)

    client.close()

    wait_for(lambda: proxy.open_connections == 0)
