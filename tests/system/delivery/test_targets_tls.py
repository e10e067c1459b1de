# SPDX-License-Identifier: MIT
"""The way to a target: certificates, client certificates, proxies, HTTP/2, forbidden addresses."""

import base64
import ssl

import events
import pytest
from keys import Authority, self_signed
from proxies import Nghttpx, Tinyproxy
from receiver import Receiver, Reply, server_tls
from settings import PATIENT, target
from waiting import wait_until

ONCE = {"retry": ["100ms"]}  # two attempts, then the delivery is dead


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


@pytest.fixture
def serve(request):
    """A function that starts a TLS receiver with a certificate and a key."""

    def start(pair, clients_of=None, version=None):
        context = server_tls(*pair, clients_of)
        if version:
            context.maximum_version = version
        receiver = Receiver(context)
        request.addfinalizer(receiver.close)
        return receiver

    return start


@pytest.fixture
def tinyproxy(tmp_path):
    proxy = Tinyproxy(tmp_path)
    yield proxy
    proxy.close()


def trusting(authority, **more):
    return {"ca": str(authority.certificate)} | {name: str(value) for name, value in more.items()}


def assert_refused(gateway, name, result):
    """Both attempts of one event ended so, and no other way; log and history say the same."""
    gateway.wait_metric("queue_depth", 1, target=name, state="dead")
    metrics = gateway.metrics()
    found = {dict(labels)["result"]: count
             for labels, count in metrics.series("attempts_total", target=name).items() if count}
    assert found == {result: 2}
    dead = wait_until(lambda: gateway.log(target=name, event="delivery.dead"), "it is in the log")
    assert [line["result"] for line in gateway.log(target=name, event="delivery.retry")] == [result]
    assert [line["result"] for line in dead] == [result]
    shown = gateway.admin(f"/api/v1/events/{dead[0]['uuid']}").json["deliveries"]
    history = [attempt for delivery in shown if delivery["target"] == name for attempt in delivery["history"]]
    assert [attempt["result"] for attempt in history] == [result, result]
    assert all(attempt["answer"] for attempt in history), "and in words"


# -- the receiver's certificate ---------------------------------------------------------------------


BAD_CERTIFICATES = {
    "name": lambda authority, _: authority.issue("server", names="DNS:other.example,IP:192.0.2.1"),
    "expired": lambda authority, _: authority.issue("server", days=-1),
    "self-signed": lambda _, directory: self_signed(directory, "server"),
    "authority": lambda _, directory: Authority(directory, "stranger").issue("server"),
}


def test_a_bad_certificate_is_a_tls_error(start_gateway, serve, authority, tmp_path):
    """Told apart from a connection that fails; and taken when nobody shall look."""
    dead = Receiver(listening=False)
    receivers, targets = {}, [target("dead", dead.url(), **ONCE)]
    for name, issue in BAD_CERTIFICATES.items():
        receivers[name] = bad = serve(issue(authority, tmp_path))
        targets += [target(name, bad.url("/verified"), tls=trusting(authority), **ONCE, **PATIENT),
                    target(f"{name}-unverified", bad.url("/unverified"), tls={"verify": False}, **PATIENT)]
    gateway = start_gateway(targets=targets)
    gateway.post(events.delivered())
    for name, bad in receivers.items():
        assert_refused(gateway, name, "tls")
        bad.wait_one("/unverified")
        assert bad.requests("/verified") == [], "nothing is said to somebody who is not who he should be"
    assert_refused(gateway, "dead", "connect")
    dead.close()


def test_a_self_signed_certificate_is_its_own_authority(start_gateway, serve, tmp_path):
    certificate, key = self_signed(tmp_path, "server")
    receiver = serve((certificate, key))
    gateway = start_gateway(targets=[target("app", receiver.url(), tls={"ca": str(certificate)})])
    gateway.post(events.delivered())
    receiver.wait_one()
    gateway.wait_metric("attempts_total", 1, target="app", result="2xx")


def test_an_authority_counts_for_its_target_only(start_gateway, serve, authority, tmp_path):
    stranger = Authority(tmp_path, "stranger")
    receiver = serve(stranger.issue("server"))
    gateway = start_gateway(targets=[
        target("right", receiver.url("/right"), tls=trusting(stranger), **PATIENT),
        target("wrong", receiver.url("/wrong"), tls=trusting(authority), **ONCE, **PATIENT),
        target("unset", receiver.url("/unset"), **ONCE, **PATIENT)])
    gateway.post_all([events.delivered() for _ in range(5)])
    receiver.wait_count(5, "/right")
    for name in ("wrong", "unset"):
        gateway.wait_metric("queue_depth", 5, target=name, state="dead")
        assert gateway.metric("attempts_total", target=name, result="tls") == 10
    assert {request.path for request in receiver.requests()} == {"/right"}


def test_a_receiver_without_tls_is_a_tls_error(start_gateway, receiver):
    gateway = start_gateway(targets=[
        target("app", receiver.url().replace("http:", "https:"), **ONCE)])
    gateway.post(events.delivered())
    assert_refused(gateway, "app", "tls")
    assert receiver.requests() == []


def test_a_handshake_that_never_comes_is_a_timeout(start_gateway, receiver):
    """Somebody takes the connection and says nothing."""
    silent = Receiver(listening=False)
    silent.listen_only()
    gateway = start_gateway(targets=[
        target("app", silent.url().replace("http:", "https:"), connect_timeout="300ms", **ONCE),
        target("other", receiver.url("/other"))])
    gateway.post(events.delivered())
    receiver.wait_one("/other")
    assert_refused(gateway, "app", "timeout")
    silent.close()


def test_a_connection_that_breaks_is_no_tls_error(start_gateway, serve, authority):
    """With TLS around it, the end of a connection looks different, but certificates are not to blame."""
    manners = ["close", "reset", "cut", "short"]
    receiver = serve(authority.issue("server"))
    for manner in manners:
        receiver.answer(f"/{manner}", Reply(manner=manner, body=b"half"), Reply(200))
    gateway = start_gateway(targets=[
        target(manner, receiver.url(f"/{manner}"), tls=trusting(authority)) for manner in manners])
    gateway.post(events.delivered())
    for manner in manners:
        gateway.wait_metric("deliveries_total", 1, target=manner, outcome="delivered")
        assert gateway.metric("attempts_total", target=manner) == 2
        assert gateway.metric("attempts_total", target=manner, result="tls") == 0, manner


def test_a_certificate_that_is_mended_heals_the_target(start_gateway, serve, authority, tmp_path):
    """As when somebody renews his certificate late: nothing was lost meanwhile."""
    receiver = serve(authority.issue("server", days=-1))
    gateway = start_gateway(targets=[
        target("app", receiver.url(), tls=trusting(authority), retry=["200ms"] * 50)])
    gateway.post_all([events.delivered() for _ in range(10)])
    wait_until(lambda: gateway.metric("attempts_total", target="app", result="tls") >= 10, "ten refusals")
    receiver.use_certificate(*authority.issue("renewed"))
    receiver.wait_count(10)
    gateway.wait_idle()
    assert gateway.metric("deliveries_total", target="app", outcome="delivered") == 10
    assert len({envelope["uuid"] for envelope in receiver.envelopes()}) == 10


# -- our certificate --------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_client_certificate(start_gateway, serve, authority, tmp_path, version):
    """In TLS 1.3 the refusal comes only after the handshake, with the first answer."""
    receiver = serve(authority.issue("server"), clients_of=authority, version=version)
    certificate, key = authority.issue("gateway")
    strange_certificate, strange_key = Authority(tmp_path, "stranger").issue("intruder")
    gateway = start_gateway(targets=[
        target("known", receiver.url("/known"), tls=trusting(authority, certificate=certificate, key=key)),
        target("strange", receiver.url("/strange"),
               tls=trusting(authority, certificate=strange_certificate, key=strange_key), **ONCE),
        target("unnamed", receiver.url("/unnamed"), tls=trusting(authority), **ONCE)])
    gateway.post(events.delivered())
    receiver.wait_count(1, "/known")
    gateway.wait_metric("deliveries_total", 1, target="known", outcome="delivered")
    assert_refused(gateway, "strange", "tls")
    assert_refused(gateway, "unnamed", "tls")
    assert {request.path for request in receiver.requests()} == {"/known"}


# -- proxies ----------------------------------------------------------------------------------------


def test_a_proxy_forwards_http(start_gateway, receiver, tinyproxy):
    """Each request on a connection of its own: behind the first one tinyproxy only copies bytes."""
    receiver.answer("/app", Reply(200, manner="open"))
    gateway = start_gateway(targets=[
        target("app", receiver.url("/app"), proxy=tinyproxy.url()),
        target("direct", receiver.url("/direct"))])
    gateway.post_all([events.delivered() for _ in range(10)])
    through = receiver.wait_count(10, "/app")
    direct = receiver.wait_count(10, "/direct")
    assert all("tinyproxy" in request.header("Via") for request in through)
    assert all(request.header("Via") is None for request in direct)
    assert {request.body for request in through} == {request.body for request in direct}
    signatures = {request.body: request.header("X-Postal-Signature") for request in direct}
    assert all(signatures[request.body] == request.header("X-Postal-Signature") for request in through)


def test_a_proxy_tunnels_https(start_gateway, serve, authority, tinyproxy):
    """It sees a tunnel only: the receiver's certificate is checked as ever, and no header is added."""
    certificate, key = authority.issue("gateway")
    receiver = serve(authority.issue("server"), clients_of=authority)
    gateway = start_gateway(targets=[
        target("app", receiver.url(), proxy=tinyproxy.url(),
               tls=trusting(authority, certificate=certificate, key=key)),
        target("wary", receiver.url("/wary"), proxy=tinyproxy.url(), **ONCE)])
    gateway.post(events.delivered())
    assert receiver.wait_one().header("Via") is None
    assert_refused(gateway, "wary", "tls")
    assert receiver.requests("/wary") == []


def test_a_proxy_that_wants_a_password(start_gateway, receiver, tmp_path):
    proxy = Tinyproxy(tmp_path, "user", "word")
    try:
        gateway = start_gateway(targets=[
            target("app", receiver.url("/app"), proxy=proxy.url("user:word")),
            target("stranger", receiver.url("/stranger"), proxy=proxy.url(), **ONCE)])
        gateway.post(events.delivered())
        assert receiver.wait_one("/app").header("Proxy-Authorization") is None, "it is not for the receiver"
        gateway.wait_metric("queue_depth", 1, target="stranger", state="dead")
        assert receiver.requests("/stranger") == []
        assert "word" not in gateway.log_text()
    finally:
        proxy.close()


def test_a_proxy_that_is_gone_is_not_passed_by(start_gateway, receiver):
    gone = Receiver(listening=False)
    gateway = start_gateway(targets=[
        target("app", receiver.url("/app"), proxy=f"http://127.0.0.1:{gone.port}", **ONCE),
        target("other", receiver.url("/other"))])
    gateway.post(events.delivered())
    assert_refused(gateway, "app", "connect")
    receiver.wait_one("/other")
    assert receiver.requests("/app") == []
    gone.close()


def test_proxies_of_the_environment_mean_nothing(start_gateway, receiver):
    gone = Receiver(listening=False)
    proxy = f"http://127.0.0.1:{gone.port}"
    gateway = start_gateway(env={"http_proxy": proxy, "all_proxy": proxy, "ALL_PROXY": proxy})
    gateway.post(events.delivered())
    receiver.wait_one()
    gateway.wait_metric("attempts_total", 1, target="app", result="2xx")
    gone.close()


# -- forbidden addresses ----------------------------------------------------------------------------


def test_a_forbidden_address_is_not_dialled_however_it_is_spelled(start_gateway, receiver):
    spellings = ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "0177.0.0.1", "127.1", "[::ffff:127.0.0.1]"]
    names = {f"t{index}": host for index, host in enumerate(spellings)}
    gateway = start_gateway(egress={"deny": ["127.0.0.0/8"]}, targets=[
        target(name, receiver.url(host=host), **ONCE) for name, host in names.items()])
    gateway.post(events.delivered())
    for name, host in names.items():
        gateway.wait_metric("queue_depth", 1, target=name, state="dead")
        assert gateway.metric("attempts_total", target=name, result="2xx") == 0, host
    assert receiver.connections() == 0


def test_metadata_services_are_forbidden_from_the_start(start_gateway, receiver):
    """By the default of egress.deny, and before anything is dialled: no route would be another cause."""
    spellings = ["169.254.169.254", "2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "169.254.43518",
                 "[::ffff:169.254.169.254]", "[64:ff9b::a9fe:a9fe]", "[2002:a9fe:a9fe::1]", "[::169.254.169.254]",
                 "[fe80::a9fe:a9fe]", "100.100.100.200", "[64:ff9b::6464:64c8]", "192.0.0.192", "168.63.129.16",
                 "[fd00:ec2::254]", "[fd20:ce::254]", "[fd00:c1::a9fe:a9fe]", "[fd00:42::42]"]
    names = {f"t{index}": host for index, host in enumerate(spellings)}
    gateway = start_gateway(targets=[target("app", receiver.url())] + [
        target(name, f"http://{host}/latest/meta-data/", **ONCE) for name, host in names.items()])
    gateway.post(events.delivered())
    for name, host in names.items():
        line = wait_until(lambda: gateway.log("delivery.dead", target=name), f"{host} is given up")[0]
        assert "is denied by egress.deny" in line["cause"], host
    receiver.wait_one()


@pytest.mark.parametrize("host", ["0.0.0.0", "[::ffff:0.0.0.0]"])
def test_an_unspecified_address_is_this_machine(start_gateway, receiver, host):
    """The system dials the loopback address for it, so whoever forbids that one forbids this one too."""
    gateway = start_gateway(egress={"deny": ["127.0.0.0/8"]}, targets=[
        target("app", receiver.url(host=host), **ONCE)])
    gateway.post(events.delivered())
    gateway.wait_metric("attempts_total", 1, target="app")
    assert receiver.connections() == 0


def test_a_name_with_one_forbidden_address_is_dialled_at_the_other(start_gateway, receiver):
    gateway = start_gateway(egress={"deny": ["::1"]}, targets=[target("app", receiver.url(host="localhost"))])
    gateway.post(events.delivered())
    receiver.wait_one()
    gateway.wait_metric("attempts_total", 1, target="app", result="2xx")


def test_a_proxy_at_a_forbidden_address_is_not_dialled(start_gateway, receiver, tinyproxy):
    gateway = start_gateway(egress={"deny": ["127.0.0.0/8"]}, targets=[
        target("address", "http://app.invalid/", proxy=tinyproxy.url(), **ONCE),
        target("name", "http://app.invalid/", proxy=f"http://localhost:{tinyproxy.port}", **ONCE)])
    gateway.post(events.delivered())
    for name in ("address", "name"):
        gateway.wait_metric("queue_depth", 1, target=name, state="dead")
        assert gateway.metric("attempts_total", target=name, result="4xx") == 0
        assert gateway.metric("attempts_total", target=name, result="5xx") == 0
    assert receiver.connections() == 0


def test_a_redirect_to_a_forbidden_address_is_not_followed(start_gateway, receiver):
    """Nor to any other: what a receiver answers never makes us dial."""
    elsewhere = Receiver()
    receiver.answer("/postal", Reply(302, {"Location": elsewhere.url()}), Reply(200))
    gateway = start_gateway(egress={"deny": ["169.254.0.0/16"]})
    gateway.post(events.delivered())
    receiver.wait_count(2)
    gateway.wait_idle()
    assert elsewhere.connections() == 0
    elsewhere.close()


# -- HTTP/2 -----------------------------------------------------------------------------------------


@pytest.fixture
def nghttpx(tmp_path, receiver, authority):
    proxy = Nghttpx(tmp_path, receiver, *authority.issue("server"))
    yield proxy
    proxy.close()


@pytest.mark.threads
def test_http2(start_gateway, receiver, authority, signing_key, nghttpx):
    gateway = start_gateway(targets=[
        target("two", nghttpx.url("/two"), http2=True, tls=trusting(authority)),
        target("one", nghttpx.url("/one", host="localhost"), tls=trusting(authority))])
    gateway.post_all([events.delivered() for _ in range(40)])
    spoken = {path: receiver.wait_count(40, path) for path in ("/two", "/one")}
    assert {request.header("Via") for request in spoken["/two"]} == {"2 nghttpx"}
    assert {request.header("Via") for request in spoken["/one"]} == {"1.1 nghttpx"}
    assert {request.body for request in spoken["/two"]} == {request.body for request in spoken["/one"]}
    request = spoken["/two"][0]
    assert signing_key.verifies("sha1", request.body, request.header("X-Postal-Signature"))
    gateway.wait_metric("deliveries_total", 40, target="two", outcome="delivered")


def test_http2_failures_are_retried_like_others(start_gateway, receiver, authority, nghttpx):
    receiver.answer("/two", Reply(503, {"Retry-After": "1"}), Reply(manner="reset"), Reply(200))
    gateway = start_gateway(targets=[target("two", nghttpx.url("/two"), http2=True, tls=trusting(authority))])
    gateway.post(events.delivered())
    gateway.wait_metric("deliveries_total", 1, target="two", outcome="delivered")
    requests = receiver.requests("/two")
    assert requests[1].at - requests[0].at >= 0.99
    assert len({request.body for request in requests}) == 1


def test_http2_is_an_offer_only(start_gateway, receiver, serve, authority):
    """A receiver that does not know it is spoken to as ever, with TLS or without."""
    secure = serve(authority.issue("server"))
    gateway = start_gateway(targets=[
        target("secure", secure.url(), http2=True, tls=trusting(authority)),
        target("plain", receiver.url("/plain"), http2=True)])
    gateway.post(events.delivered())
    secure.wait_one()
    receiver.wait_one("/plain")


# -- credentials on the way -------------------------------------------------------------------------


def test_credentials_of_the_url_go_to_the_target_only(start_gateway, receiver, tinyproxy):
    gateway = start_gateway(targets=[
        target("app", receiver.url(userinfo="hook:pa%73s"), proxy=tinyproxy.url())])
    gateway.post(events.delivered())
    request = receiver.wait_one()
    assert base64.b64decode(request.header("Authorization").removeprefix("Basic ")) == b"hook:pa%73s"
    assert "pa%73s" not in gateway.log_text()
