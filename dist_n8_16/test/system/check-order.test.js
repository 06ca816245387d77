import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ErrorCode, errorName } from '../../src/protocol/error-code.js';
import { conformance } from '../support/conformance.js';
import { ok } from '../support/wire-connection.js';
import { Flag, text } from '../support/wire-records.js';
const { BADARGUMENTS, BADVERSION, INVALIDACL, NOAUTH, NOCHILDRENFOREPHEMERALS, NODEEXISTS, NONODE } = ErrorCode;
const { NOTEMPTY, MARSHALLINGERROR, UNIMPLEMENTED, OK } = ErrorCode;
/**
 * What each row's request meets, under a fresh path:
 * `/open` with a child `/open/child`; `/none`, whose ACL gives nobody anything, with a child; `/blind` without READ;
 * `/ephemeral`.
 */
async function layOut(subject, client) {
    const base = subject.freshPath();
    ok(await client.create(base));
    ok(await client.create(`${base}/open`, text('data')));
    ok(await client.create(`${base}/open/child`));
    ok(await client.create(`${base}/none`));
    ok(await client.create(`${base}/none/child`));
    ok(await client.create(`${base}/none/child/grandchild`));
    ok(await client.create(`${base}/noneLeaf`));
    ok(await client.create(`${base}/ephemeral`, null, Flag.ephemeral));
    ok(await client.setACL(`${base}/none/child`, nobody));
    ok(await client.setACL(`${base}/none`, nobody));
    ok(await client.setACL(`${base}/noneLeaf`, nobody));
    return base;
}
/** Grants everything to an address that no test has. */
const nobody = [{ perms: 31, scheme: 'ip', id: '10.255.255.1' }];
const badAcl = [{ perms: 31, scheme: 'world', id: 'nobody' }];
/** The same row for create and for create2. */
function creates(name, err, { path, flags = 0, acl }) {
    return ['create', 'create2'].map((op) => ({
        name: `${op}: ${name}`,
        err,
        send: (client, base) => client[op](path(base), null, flags, acl),
    }));
}
const createRows = [
    ...creates('bad flags before a path without slash', BADARGUMENTS, { path: () => 'noslash', flags: 7 }),
    ...creates('bad flags before a bad ACL', BADARGUMENTS, { path: (b) => `${b}/x`, flags: 7, acl: [] }),
    ...creates('bad flags before a missing parent', BADARGUMENTS, { path: (b) => `${b}/no/x`, flags: -1 }),
    ...creates('bad flags before CREATE on the parent', BADARGUMENTS, {
        path: (b) => `${b}/none/x`,
        flags: 100,
    }),
    ...creates('TTL flags, not enabled, before a bad path', UNIMPLEMENTED, { path: () => 'noslash', flags: 5 }),
    ...creates('TTL flags, not enabled, before a bad ACL', UNIMPLEMENTED, {
        path: (b) => `${b}/x`,
        flags: 6,
        acl: [],
    }),
    ...creates('TTL flags, not enabled, before a missing parent', UNIMPLEMENTED, {
        path: (b) => `${b}/no/x`,
        flags: 5,
    }),
    ...creates('no slash before a bad ACL', BADARGUMENTS, { path: () => 'noslash', acl: [] }),
    ...creates('empty path before a bad ACL', BADARGUMENTS, { path: () => '', acl: [] }),
    ...creates('NUL before a bad ACL', BADARGUMENTS, { path: (b) => `${b}/x\u0000`, acl: [] }),
    ...creates('NUL before a missing parent', BADARGUMENTS, { path: (b) => `${b}/no/x\u0000` }),
    ...creates('NUL before CREATE on the parent', BADARGUMENTS, { path: (b) => `${b}/none/x\u0000` }),
    ...creates('bad ACL before a missing parent', INVALIDACL, { path: (b) => `${b}/no/x`, acl: badAcl }),
    ...creates('bad ACL before CREATE on the parent', INVALIDACL, { path: (b) => `${b}/none/x`, acl: badAcl }),
    ...creates('bad ACL before a bad name', INVALIDACL, { path: (b) => `${b}/\u0001`, acl: null }),
    ...creates('bad ACL before an existing node', INVALIDACL, { path: (b) => `${b}/open`, acl: [] }),
    ...creates('bad ACL before an ephemeral parent', INVALIDACL, { path: (b) => `${b}/ephemeral/x`, acl: [] }),
    ...creates('missing parent before a bad name', NONODE, { path: (b) => `${b}/no/\u0001` }),
    ...creates('missing parent by an empty component', NONODE, { path: (b) => `${b}/open//x` }),
    ...creates('missing parent by a dot', NONODE, { path: (b) => `${b}/open/./x` }),
    ...creates('missing parent by two dots', NONODE, { path: (b) => `${b}/open/../x` }),
    ...creates('CREATE on the parent before a bad name', NOAUTH, { path: (b) => `${b}/none/\u0001` }),
    ...creates('CREATE on the parent before an existing node', NOAUTH, { path: (b) => `${b}/none/child` }),
    ...creates('bad name before an ephemeral parent', BADARGUMENTS, { path: (b) => `${b}/ephemeral/..` }),
    ...creates('trailing slash', BADARGUMENTS, { path: (b) => `${b}/open/` }),
    ...creates('existing node', NODEEXISTS, { path: (b) => `${b}/open` }),
    ...creates('the root', NODEEXISTS, { path: () => '/' }),
    ...creates('ephemeral parent', NOCHILDRENFOREPHEMERALS, { path: (b) => `${b}/ephemeral/x` }),
    ...creates('bad name in front of the number', BADARGUMENTS, {
        path: (b) => `${b}/\u0001`,
        flags: Flag.sequential,
    }),
    ...creates('trailing slash, and a number', OK, { path: (b) => `${b}/open/`, flags: Flag.sequential }),
];
const reserved = ['/', '/zookeeper', '/zookeeper/quota', '/zookeeper/config', 'noslash', '', '/x\u0000'];
const deleteRows = [
    ...reserved.map((path) => ({
        name: `delete: ${JSON.stringify(path)} before its version`,
        err: BADARGUMENTS,
        send: (client) => client.delete(path, 99),
    })),
    { name: 'delete: missing parent', err: NONODE, send: (c, b) => c.delete(`${b}/no/x`, 99) },
    {
        name: 'delete: a trailing slash names a missing node',
        err: NONODE,
        send: (c, b) => c.delete(`${b}/open/child/`),
    },
    {
        name: 'delete: DELETE on the parent before a missing node',
        err: NOAUTH,
        send: (c, b) => c.delete(`${b}/none/x`),
    },
    { name: 'delete: DELETE before version', err: NOAUTH, send: (c, b) => c.delete(`${b}/none/child`, 99) },
    {
        name: 'delete: the ACL of the node itself does not count',
        err: OK,
        send: (c, b) => c.delete(`${b}/noneLeaf`),
    },
    { name: 'delete: missing node before version', err: NONODE, send: (c, b) => c.delete(`${b}/x`, 99) },
    { name: 'delete: version before children', err: BADVERSION, send: (c, b) => c.delete(`${b}/open`, 99) },
    { name: 'delete: children', err: NOTEMPTY, send: (c, b) => c.delete(`${b}/open`, 0) },
];
const badPaths = ['', 'noslash', '/x//y', '/x/', '/./x', '/x/..', '/\u0001', '/x\u0000'];
const writeRows = [
    ...badPaths.flatMap((path) => [
        {
            name: `setData: bad path ${JSON.stringify(path)}`,
            err: BADARGUMENTS,
            send: (c) => c.setData(path, null, 9),
        },
        {
            name: `setACL: bad path ${JSON.stringify(path)} before a bad ACL`,
            err: BADARGUMENTS,
            send: (c) => c.setACL(path, badAcl, 9),
        },
    ]),
    { name: 'setData: missing before version', err: NONODE, send: (c, b) => c.setData(`${b}/no`, null, 9) },
    { name: 'setData: WRITE before version', err: NOAUTH, send: (c, b) => c.setData(`${b}/none`, null, 9) },
    { name: 'setData: version', err: BADVERSION, send: (c, b) => c.setData(`${b}/open`, null, 9) },
    { name: 'setACL: bad ACL before missing', err: INVALIDACL, send: (c, b) => c.setACL(`${b}/no`, badAcl, 9) },
    { name: 'setACL: bad ACL before ADMIN', err: INVALIDACL, send: (c, b) => c.setACL(`${b}/none`, [], 9) },
    { name: 'setACL: missing before version', err: NONODE, send: (c, b) => c.setACL(`${b}/no`, nobody, 9) },
    { name: 'setACL: ADMIN before version', err: NOAUTH, send: (c, b) => c.setACL(`${b}/none`, nobody, 9) },
    { name: 'setACL: version', err: BADVERSION, send: (c, b) => c.setACL(`${b}/open`, nobody, 9) },
];
const readRows = [
    { name: 'exists: NUL', err: BADARGUMENTS, send: (c) => c.exists('/x\u0000') },
    { name: 'exists: missing', err: NONODE, send: (c, b) => c.exists(`${b}/no`) },
    { name: 'exists: READ (3.9.2)', err: NOAUTH, on38: OK, send: (c, b) => c.exists(`${b}/none`) },
    {
        name: 'exists: the ACL of the parent does not count',
        err: OK,
        send: (c, b) => c.exists(`${b}/none/child/grandchild`),
    },
    ...['noslash', '/x//y', '/x/', '/./x'].flatMap((path) => ['exists', 'getData', 'getChildren', 'getChildren2', 'getACL'].map((op) => ({
        name: `${op}: ${JSON.stringify(path)} is not there`,
        err: NONODE,
        send: (client) => client[op](path),
    }))),
    ...['getData', 'getChildren', 'getChildren2', 'getACL'].flatMap((op) => [
        { name: `${op}: missing`, err: NONODE, send: (client, b) => client[op](`${b}/no`) },
        {
            name: `${op}: missing under a closed parent`,
            err: NONODE,
            send: (client, b) => client[op](`${b}/none/no`),
        },
        { name: `${op}: not allowed`, err: NOAUTH, send: (client, b) => client[op](`${b}/none`) },
    ]),
];
/** A sub-operation whose code is expected at the second place of a multi. */
function inMulti(name, err, operation) {
    return {
        name: `multi: ${name}`,
        err,
        send: async (client, base) => {
            const results = ok(await client.multi([{ type: 'check', path: '/' }, operation(base)]));
            return { err: results[1].err };
        },
    };
}
const multiRows = [
    ...badPaths.map((path) => inMulti(`check of ${JSON.stringify(path)}`, BADARGUMENTS, () => ({ type: 'check', path, version: 9 }))),
    inMulti('check missing before version', NONODE, (b) => ({ type: 'check', path: `${b}/no`, version: 9 })),
    inMulti('check READ before version', NOAUTH, (b) => ({ type: 'check', path: `${b}/none`, version: 9 })),
    inMulti('check version', BADVERSION, (b) => ({ type: 'check', path: `${b}/open`, version: 9 })),
    inMulti('create bad ACL before missing parent', INVALIDACL, (b) => ({
        type: 'create',
        path: `${b}/no/x`,
        acl: [],
    })),
    inMulti('create CREATE before exists', NOAUTH, (b) => ({ type: 'create', path: `${b}/none/child` })),
    inMulti('create2 exists', NODEEXISTS, (b) => ({ type: 'create2', path: `${b}/open` })),
    inMulti('create under an ephemeral', NOCHILDRENFOREPHEMERALS, (b) => ({
        type: 'create',
        path: `${b}/ephemeral/x`,
    })),
    inMulti('delete of a reserved node', BADARGUMENTS, () => ({
        type: 'delete',
        path: '/zookeeper',
        version: 9,
    })),
    inMulti('delete version before children', BADVERSION, (b) => ({
        type: 'delete',
        path: `${b}/open`,
        version: 9,
    })),
    inMulti('delete children', NOTEMPTY, (b) => ({ type: 'delete', path: `${b}/open` })),
    inMulti('setData WRITE before version', NOAUTH, (b) => ({
        type: 'setData',
        path: `${b}/none`,
        data: null,
        version: 9,
    })),
    inMulti('setData version', BADVERSION, (b) => ({
        type: 'setData',
        path: `${b}/open`,
        data: null,
        version: 9,
    })),
];
const nullPathRows = [
    { name: 'create: null path', err: MARSHALLINGERROR, send: (c) => c.create(null) },
    { name: 'delete: null path', err: MARSHALLINGERROR, send: (c) => c.delete(null) },
    { name: 'setData: null path', err: BADARGUMENTS, send: (c) => c.setData(null, null) },
    { name: 'setACL: null path', err: BADARGUMENTS, send: (c) => c.setACL(null, nobody) },
    { name: 'getData: null path', err: MARSHALLINGERROR, send: (c) => c.getData(null) },
    { name: 'exists: null path', err: MARSHALLINGERROR, send: (c) => c.exists(null) },
    { name: 'getChildren2: null path', err: MARSHALLINGERROR, send: (c) => c.getChildren2(null) },
];
conformance('which check comes first', {}, (subject) => {
    for (const row of [
        ...createRows,
        ...deleteRows,
        ...writeRows,
        ...readRows,
        ...multiRows,
        ...nullPathRows,
    ]) {
        test(`${row.name} -> ${errorName(row.err)}`, async () => {
            const client = await subject.connect();
            const base = await layOut(subject, client);
            const expected = subject.since39(row.err, row.on38 ?? row.err);
            assert.equal(errorName((await row.send(client, base)).err), errorName(expected));
            assert.equal((await client.exists(base)).err, 0, 'the connection goes on');
        });
    }
});
