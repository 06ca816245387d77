"""Real work by kazoo on the server at 127.0.0.1:PORT; the first argument names the part. Prints what it did."""

import sys
import threading
import time

from kazoo.client import KazooClient, KazooState
from kazoo.exceptions import BadVersionError, NoAuthError, NodeExistsError, NoNodeError, NotEmptyError
from kazoo.exceptions import RolledBackError, RuntimeInconsistency
from kazoo.recipe.watchers import ChildrenWatch, DataWatch
from kazoo.security import make_acl, make_digest_acl

PORT = int(sys.argv[2])


def connect(**options):
    client = KazooClient(hosts="127.0.0.1:%d" % PORT, timeout=10.0, **options)
    client.start(timeout=20)
    return client


def until(condition, what, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "never happened: " + what
        time.sleep(0.01)


def refused(error, call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except error:
        return
    raise AssertionError("%s was not raised" % error.__name__)


def crud():
    zk = connect()
    assert zk.create("/kazoo/crud", b"one", makepath=True) == "/kazoo/crud"
    path, stat = zk.create("/kazoo/crud/with-stat", b"x", include_data=True)
    assert path == "/kazoo/crud/with-stat" and stat.version == 0 and stat.data_length == 1
    data, stat = zk.get("/kazoo/crud")
    assert data == b"one" and stat.numChildren == 1
    assert zk.set("/kazoo/crud", b"two", version=0).version == 1
    refused(BadVersionError, zk.set, "/kazoo/crud", b"three", version=0)
    refused(NodeExistsError, zk.create, "/kazoo/crud")
    refused(NoNodeError, zk.get, "/kazoo/missing")
    refused(NotEmptyError, zk.delete, "/kazoo/crud")
    assert zk.exists("/kazoo/missing") is None
    assert [zk.create("/kazoo/crud/s-", sequence=True)[-10:] for _ in range(3)] == ["%010d" % n for n in (1, 2, 3)]
    assert len(zk.get_children("/kazoo/crud")) == 4
    children, stat = zk.get_children("/kazoo/crud", include_data=True)
    assert stat.children_count == 4 == len(children)
    zk.ensure_path("/kazoo/crud/a/b/c")
    assert zk.sync("/kazoo") is not None
    zk.delete("/kazoo/crud", recursive=True)
    assert zk.exists("/kazoo/crud") is None
    big = bytes(range(256)) * 4000
    zk.create("/kazoo/big", big)
    assert zk.get("/kazoo/big")[0] == big
    futures = [zk.create_async("/kazoo/async-", b"%d" % n, sequence=True) for n in range(500)]
    assert len({future.get(timeout=20) for future in futures}) == 500
    zk.stop()


def acls():
    zk, other = connect(auth_data=[("digest", "kazoo:secret")]), connect()
    own = make_digest_acl("kazoo", "secret", all=True)
    zk.create("/kazoo/locked", b"x", acl=[own, make_acl("world", "anyone", read=True)], makepath=True)
    assert other.get("/kazoo/locked")[0] == b"x"
    refused(NoAuthError, other.set, "/kazoo/locked", b"y")
    refused(NoAuthError, other.create, "/kazoo/locked/child")
    other.add_auth("digest", "kazoo:secret")
    other.set("/kazoo/locked", b"y")
    acl, stat = zk.get_acls("/kazoo/locked")
    assert own in acl and stat.aversion == 0
    assert zk.set_acls("/kazoo/locked", [own]).aversion == 1
    zk.stop()
    other.stop()


def transactions():
    zk = connect()
    zk.ensure_path("/kazoo/tx")
    transaction = zk.transaction()
    transaction.create("/kazoo/tx/a", b"1")
    transaction.check("/kazoo/tx/a", 0)
    transaction.set_data("/kazoo/tx/a", b"2")
    transaction.create("/kazoo/tx/s", sequence=True)
    transaction.delete("/kazoo/tx/a", 1)
    results = transaction.commit()
    assert results[0] == "/kazoo/tx/a" and results[1] is True and results[2].version == 1
    assert results[3] == "/kazoo/tx/s0000000001" and results[4] is True
    transaction = zk.transaction()
    transaction.create("/kazoo/tx/b")
    transaction.check("/kazoo/tx/missing", 0)
    transaction.create("/kazoo/tx/c")
    results = transaction.commit()
    assert [type(result) for result in results] == [RolledBackError, NoNodeError, RuntimeInconsistency]
    assert zk.get_children("/kazoo/tx") == ["s0000000001"]
    zk.stop()


def watches():
    zk, other = connect(), connect()
    zk.ensure_path("/kazoo/watched")
    values, listings = [], []
    DataWatch(zk, "/kazoo/watched", lambda data, stat: values.append(data))
    ChildrenWatch(zk, "/kazoo/watched", lambda children: listings.append(sorted(children)))
    for n in range(10):
        other.set("/kazoo/watched", b"%d" % n)
        until(lambda: values[-1] == b"%d" % n, "the value %d" % n)
    for name in ("a", "b"):
        other.create("/kazoo/watched/" + name)
        until(lambda: name in listings[-1], "the child " + name)
    other.delete("/kazoo/watched/a")
    until(lambda: listings[-1] == ["b"], "a gone")
    appeared = []
    DataWatch(zk, "/kazoo/watched-later", lambda data, stat: appeared.append(data))
    other.create("/kazoo/watched-later", b"here")
    until(lambda: appeared[-1] == b"here", "a node that was not there")
    other.delete("/kazoo/watched-later")
    until(lambda: appeared[-1] is None, "a node gone")
    zk.stop()
    other.stop()


def recipes():
    clients = [connect() for _ in range(4)]
    inside, most, order = [], [], []

    def work(client, name):
        for _ in range(5):
            with client.Lock("/kazoo/lock", name):
                inside.append(name)
                most.append(len(inside))
                order.append(name)
                time.sleep(0.005)
                inside.remove(name)
        counter = client.Counter("/kazoo/counter")
        for _ in range(10):
            counter += 1

    threads = [threading.Thread(target=work, args=(client, "c%d" % n)) for n, client in enumerate(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(order) == 20 and max(most) == 1, "the lock let in %d at once" % max(most)
    assert clients[0].Counter("/kazoo/counter").value == 40
    assert clients[0].get_children("/kazoo/lock") == []

    elected = []
    leave = threading.Event()

    def lead(name):
        elected.append(name)
        leave.wait(20)

    elections = [client.Election("/kazoo/election", "c%d" % n) for n, client in enumerate(clients[:2])]
    runners = [threading.Thread(target=election.run, args=(lead, n)) for n, election in enumerate(elections)]
    for runner in runners:
        runner.start()
    until(lambda: len(elections[0].contenders()) == 2, "two contenders")
    until(lambda: len(elected) == 1, "one elected")
    leave.set()
    for runner in runners:
        runner.join(20)
    assert sorted(elected) == [0, 1], elected

    queue = clients[0].Queue("/kazoo/queue")
    for n in range(10):
        queue.put(b"%d" % n)
    assert [clients[1].Queue("/kazoo/queue").get() for _ in range(10)] == [b"%d" % n for n in range(10)]

    party = [client.Party("/kazoo/party", "c%d" % n) for n, client in enumerate(clients)]
    for member in party:
        member.join()
    assert len(party[0]) == 4
    clients[3].stop()
    until(lambda: len(party[0]) == 3, "a session that ended leaves the party")
    for client in clients[:3]:
        client.stop()


def restart():
    """The server is killed and started while this runs: on "kill me" by whoever reads the output."""
    zk = connect()
    states = []
    zk.add_listener(states.append)
    zk.ensure_path("/kazoo/restart")
    zk.create("/kazoo/restart/ephemeral", b"mine", ephemeral=True)
    values = []
    DataWatch(zk, "/kazoo/restart", lambda data, stat: values.append(data))
    session = zk.client_id
    written = 0
    for written in range(1, 101):
        zk.set("/kazoo/restart/ephemeral", b"%d" % written)
    print("kill me", flush=True)
    until(lambda: KazooState.SUSPENDED in states, "the connection broken")
    until(lambda: states[-1] == KazooState.CONNECTED, "connected again", 40)
    assert KazooState.LOST not in states, states
    assert zk.client_id == session, "another session"
    data, stat = zk.get("/kazoo/restart/ephemeral")
    assert data == b"100" and stat.version == written and stat.ephemeralOwner == session[0]
    zk.set("/kazoo/restart", b"after")
    until(lambda: values[-1] == b"after", "the watch set again")
    zk.stop()
    other = connect()
    assert other.get_children("/kazoo/restart") == [], "the ephemeral goes with its session"
    other.stop()


{f.__name__: f for f in (crud, acls, transactions, watches, recipes, restart)}[sys.argv[1]]()
print("done", flush=True)
