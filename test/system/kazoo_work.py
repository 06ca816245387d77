"""Real work by kazoo on the server at 127.0.0.1:PORT; the first argument names the part. Prints what it did."""

import sys
import threading
import time

from kazoo.client import KazooClient, KazooState
from kazoo.exceptions import BadVersionError, NoAuthError, NodeExistsError, NoNodeError, NotEmptyError
from kazoo.exceptions import RolledBackError, RuntimeInconsistency
from kazoo.recipe.cache import TreeCache, TreeEvent
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


def barriers():
    clients = [connect() for _ in range(3)]
    barrier = clients[0].Barrier("/kazoo/barrier")
    barrier.create()
    passed = []
    waiting = [threading.Thread(target=lambda c=c: passed.append(c.Barrier("/kazoo/barrier").wait(30))) for c in clients[1:]]
    for thread in waiting:
        thread.start()
    assert not clients[1].Barrier("/kazoo/barrier").wait(0.3) and passed == [], "nobody passes a closed barrier"
    assert barrier.remove() is True
    for thread in waiting:
        thread.join(30)
    assert passed == [True, True]

    entered, left, order = [], [], threading.Lock()

    def through(client, name):
        double = client.DoubleBarrier("/kazoo/double-barrier", 3, name)
        double.enter()
        with order:
            entered.append(name)
        until(lambda: len(entered) == 3, "all have entered")
        double.leave()
        with order:
            left.append(name)

    threads = [threading.Thread(target=through, args=(client, "c%d" % n)) for n, client in enumerate(clients)]
    for thread in threads[:2]:
        thread.start()
    time.sleep(0.3)
    assert entered == [], "two of three do not enter"
    threads[2].start()
    for thread in threads:
        thread.join(30)
    assert sorted(left) == ["c0", "c1", "c2"]
    assert clients[0].get_children("/kazoo/double-barrier") == []
    for client in clients:
        client.stop()


def locks():
    clients = [connect() for _ in range(3)]
    one, other = clients[0].Lock("/kazoo/held", "one"), clients[1].Lock("/kazoo/held", "other")
    assert one.acquire() and not other.acquire(blocking=False)
    assert other.contenders() == ["one"]
    got = []
    waiting = threading.Thread(target=lambda: got.append(other.acquire(timeout=30)))
    waiting.start()
    until(lambda: clients[2].Lock("/kazoo/held").contenders() == ["one", "other"], "the other waits")
    clients[0].stop()
    waiting.join(30)
    assert got == [True], "a lock goes with its holder's session"
    other.release()

    reading, writing = clients[1].ReadLock("/kazoo/shared", "r"), clients[2].WriteLock("/kazoo/shared", "w")
    again = clients[2].ReadLock("/kazoo/shared", "r2")
    assert reading.acquire() and again.acquire(blocking=False) and not writing.acquire(blocking=False)
    reading.release()
    again.release()
    assert writing.acquire(blocking=False) and not reading.acquire(blocking=False)
    writing.release()

    leases = [client.Semaphore("/kazoo/semaphore", "s", max_leases=2) for client in clients[1:]]
    third = clients[1].Semaphore("/kazoo/semaphore", "third", max_leases=2)
    assert leases[0].acquire() and leases[1].acquire() and not third.acquire(blocking=False)
    leases[0].release()
    assert third.acquire(timeout=30)
    third.release()
    leases[1].release()
    for client in clients[1:]:
        client.stop()


def queues():
    zk, other = connect(), connect()
    queue = zk.LockingQueue("/kazoo/locking-queue")
    queue.put_all([b"%d" % n for n in range(5)], priority=50)
    queue.put(b"urgent", priority=1)
    same_queue = other.LockingQueue("/kazoo/locking-queue")
    assert same_queue.get(timeout=30) == b"urgent" and same_queue.holds_lock()
    assert queue.get(timeout=30) == b"0", "what another holds is not given out"
    assert same_queue.consume() and queue.consume()
    assert [queue.get(timeout=30) and queue.consume() for _ in range(4)] == [True] * 4
    assert queue.get(timeout=0.2) is None
    party = zk.ShallowParty("/kazoo/shallow-party", "one")
    party.join()
    second = other.ShallowParty("/kazoo/shallow-party", "two")
    second.join()
    assert sorted(party) == ["one", "two"]
    second.leave()
    assert list(party) == ["one"]
    zk.stop()
    other.stop()


def trees():
    zk, other = connect(), connect()
    other.create("/kazoo/tree/a", b"1", makepath=True)
    seen = []
    cache = TreeCache(zk, "/kazoo/tree")
    cache.listen(lambda event: seen.append((event.event_type, event.event_data and event.event_data.path)))
    cache.start()
    until(lambda: (TreeEvent.INITIALIZED, None) in seen, "the cache has all")
    for n in range(30):
        other.create("/kazoo/tree/a/b%d/c" % n, b"%d" % n, makepath=True)
    until(lambda: cache.get_data("/kazoo/tree/a/b29/c") is not None, "the last one cached")
    until(lambda: all(cache.get_data("/kazoo/tree/a/b%d/c" % n) for n in range(30)), "all cached")
    other.set("/kazoo/tree/a/b7/c", b"changed")
    until(lambda: cache.get_data("/kazoo/tree/a/b7/c").data == b"changed", "a change")
    other.delete("/kazoo/tree/a", recursive=True)
    until(lambda: cache.get_data("/kazoo/tree/a") is None, "deleted again")
    until(lambda: cache.get_data("/kazoo/tree/a/b7/c") is None, "and what was below")
    cache.close()
    zk.stop()
    other.stop()


def cut():
    """The connection is cut from outside when "cut me" is printed."""
    zk = connect()
    states, values, listings = [], [], []
    zk.add_listener(states.append)
    zk.ensure_path("/kazoo/cut")
    DataWatch(zk, "/kazoo/cut", lambda data, stat: values.append(data))
    ChildrenWatch(zk, "/kazoo/cut", lambda children: listings.append(sorted(children)))
    lock = zk.Lock("/kazoo/cut-lock", "held")
    assert lock.acquire()
    party = zk.Party("/kazoo/cut-party", "member")
    party.join()
    session = zk.client_id
    print("cut me", flush=True)
    until(lambda: KazooState.SUSPENDED in states, "the connection broken")
    until(lambda: states[-1] == KazooState.CONNECTED, "connected again", 40)
    assert KazooState.LOST not in states and zk.client_id == session
    assert lock.contenders() == ["held"] and list(party) == ["member"]
    zk.set("/kazoo/cut", b"after")
    until(lambda: values[-1] == b"after", "the data still watched")
    zk.create("/kazoo/cut/child")
    until(lambda: listings[-1] == ["child"], "the children still watched")
    lock.release()
    zk.stop()


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


PARTS = (crud, acls, transactions, watches, recipes, barriers, locks, queues, trees, cut, restart)
{f.__name__: f for f in PARTS}[sys.argv[1]]()
print("done", flush=True)
