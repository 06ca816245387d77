"""Work by kazoo on a server whose data directory another server takes over afterwards: directory_work.py PORT PART ...

work TAG             several sessions write; one is closed, two stay open: prints their ids and passwords
attach ID PASSWORD   takes a session over (it must still be that one) and writes with it; it stays open
dump                 prints the whole tree: data, ACLs, stats
"""
import base64
import json
import os
import sys

from kazoo.client import KazooClient
from kazoo.exceptions import KazooException
from kazoo.security import ACL, Id, READ_ACL_UNSAFE, make_digest_acl

PORT, PART = sys.argv[1], sys.argv[2]


def connect(client_id=None):
    client = KazooClient(hosts='127.0.0.1:' + PORT, timeout=30.0, client_id=client_id)
    client.start(timeout=30)
    client.add_auth('digest', 'bob:secret')
    return client


def described(client):
    session, password = client.client_id
    return [str(session), password.hex()]


def work(tag):
    root = '/' + tag
    closed, first, second = connect(), connect(), connect()
    closed.create(root, tag.encode())
    for i in range(30):
        closed.create('%s/n%d' % (root, i), b'x' * (i * 37))
    for i in range(0, 30, 3):
        closed.delete('%s/n%d' % (root, i))
    for i in range(1, 30, 3):
        closed.set('%s/n%d' % (root, i), b'changed')
    closed.create(root + '/deep/er/and/deeper', b'', makepath=True)
    closed.create(root + '/\u00fc\u4e2d', b'name in UTF-8')
    for _ in range(5):
        first.create(root + '/seq-', b'', sequence=True)
    first.create(root + '/mine', b'first', ephemeral=True)
    second.create(root + '/eph-', b'second', ephemeral=True, sequence=True)
    closed.create(root + '/goes', b'', ephemeral=True)
    closed.create(root + '/acl', b'acl', acl=[make_digest_acl('bob', 'secret', all=True), *READ_ACL_UNSAFE])
    closed.create(root + '/acl/below', b'', acl=[ACL(31, Id('ip', '127.0.0.1'))])
    closed.set_acls(root + '/n1', READ_ACL_UNSAFE)
    transaction = second.transaction()
    transaction.create(root + '/multi', b'm')
    transaction.create(root + '/multi/below', b'c')
    transaction.set_data(root, b'from multi')
    transaction.check(root + '/n2', 0)
    transaction.delete(root + '/n4')
    assert not any(isinstance(result, KazooException) for result in transaction.commit())
    failing = second.transaction()
    failing.create(root + '/never', b'n')
    failing.check(root, 777)
    assert isinstance(failing.commit()[1], KazooException)
    for path in (root, root + '/missing/child'):
        try:
            closed.create(path, b'again')
        except KazooException:
            pass
    closed.stop()
    print(json.dumps([described(first), described(second)]))


def attach(session, password):
    client = connect((int(session), bytes.fromhex(password)))
    assert str(client.client_id[0]) == session, 'the session was not there any more: 0x%x' % int(session)
    for path, znode in walk(client, '/').items():
        if znode['stat']['ephemeralOwner'] == int(session):
            client.set(path, b'written by its owner again')
    path = client.create('/attached-', b'', ephemeral=True, sequence=True)
    assert client.get(path)[1].ephemeralOwner == int(session)


def walk(client, path):
    data, stat = client.get(path)
    acls, _ = client.get_acls(path)
    found = {
        path: {
            'data': None if data is None else base64.b64encode(data).decode(),
            'acl': [[acl.perms, acl.id.scheme, acl.id.id] for acl in acls],
            'stat': {field: getattr(stat, field) for field in stat._fields},
        }
    }
    for child in client.get_children(path):
        found.update(walk(client, path.rstrip('/') + '/' + child))
    return found


if PART == 'work':
    work(sys.argv[3])
elif PART == 'attach':
    attach(sys.argv[3], sys.argv[4])
elif PART == 'dump':
    client = connect()
    print(json.dumps(walk(client, '/'), sort_keys=True))
    client.stop()
sys.stdout.flush()
# No close: sessions that were not ended live on.
os._exit(0)
