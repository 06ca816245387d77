import { OpCode } from '../../../src/protocol/opcode.ts';
import { type MultiOp, readOnlyAcl } from '../../support/wire-records.ts';
import {
  container,
  ephemeral,
  nobody,
  onZnode,
  sequential,
  ttl,
  ttlSequential,
  type WireCase,
} from './wire-case.ts';

const MARSHALLINGERROR = -5;
const bytes = (text: string) => Buffer.from(text);
const hex = (text: string) => bytes(text).toString('hex');
const int = (value: number) => (value >>> 0).toString(16).padStart(8, '0');

/** A multi that fails at its second operation: what stands before and behind it is told so. */
function failing(name: string, about: string, operation: (path: string) => MultiOp): WireCase {
  return onZnode(`multi-${name}`, `A multi that fails: ${about}`, async (a, path) => {
    await a.create(`${path}/closed`, { acl: nobody });
    await a.create(`${path}/full`);
    await a.create(`${path}/full/child`);
    await a.create(`${path}/full/e`, { flags: ephemeral });
    await a.create(`${path}/read`, { acl: readOnlyAcl });
    await a.multi([
      { type: 'setData', path, data: bytes('never') },
      operation(path),
      { type: 'create', path: `${path}/behind` },
    ]);
    await a.read(OpCode.getData, path);
  });
}

/** protocol/client.md §7. */
export const multiCases: readonly WireCase[] = [
  onZnode('multi-success', 'One of each kind, under one zxid.', async (a, path) => {
    await a.multi([
      { type: 'create', path: `${path}/a`, data: bytes('a') },
      { type: 'create', path: `${path}/e`, flags: ephemeral },
      { type: 'create', path: `${path}/s-`, flags: sequential },
      { type: 'setData', path, data: bytes('new'), version: 0 },
      { type: 'check', path, version: 1 },
      { type: 'delete', path: `${path}/a`, version: 0 },
    ]);
    await a.read(OpCode.exists, path);
  }),
  onZnode('multi-empty', 'No operation at all: it takes a zxid.', async (a) => {
    await a.multi([]);
    await a.multi([]);
  }),
  onZnode('multi-container', 'A container, whichever the type of create.', async (a, path) => {
    await a.multi([{ type: 'createContainer', path: `${path}/c`, flags: container }]);
    await a.multi([{ type: 'create', path: `${path}/d`, flags: container }]);
  }),
  onZnode(
    'multi-create2',
    'create2 in a multi: up to 3.8 its result is that of create (ZOOKEEPER-4026).',
    async (a, path) => {
      await a.multi([{ type: 'create2', path: `${path}/two`, data: bytes('2') }]);
      const name = a.zxidName;
      const znode = hex(`${path}/two`);
      const stat = [
        name,
        name,
        '{time}',
        '{time}',
        int(0),
        int(0),
        int(0),
        '0000000000000000',
        int(1),
        int(0),
        name,
      ];
      const result = [int(OpCode.create2), '00', int(0), int(znode.length / 2), znode, ...stat];
      a.since39(0, [...result, int(-1), '01', int(-1)].join(' '));
    },
  ),
  onZnode(
    'multi-ttl',
    'TTL znodes.',
    async (a, path) => {
      await a.multi([
        { type: 'createTTL', path: `${path}/t`, flags: ttl, ttlMs: 3_600_000n },
        { type: 'createTTL', path: `${path}/s-`, flags: ttlSequential, ttlMs: 3_600_000n },
      ]);
      await a.multi([{ type: 'createTTL', path: `${path}/u`, flags: ttl, ttlMs: 0n }]);
    },
    ['extendedTypesEnabled=true'],
  ),
  onZnode('multi-ttl-off', 'TTL znodes where they are not enabled.', (a, path) =>
    a.multi([{ type: 'createTTL', path: `${path}/t`, flags: ttl, ttlMs: 1000n }]),
  ),
  failing('exists', 'NODEEXISTS', (path) => ({ type: 'create', path })),
  failing('no-parent', 'NONODE', (path) => ({ type: 'create', path: `${path}/no/such` })),
  failing('create-no-auth', 'NOAUTH', (path) => ({ type: 'create', path: `${path}/closed/x` })),
  failing('below-ephemeral', 'NOCHILDRENFOREPHEMERALS', (path) => ({
    type: 'create',
    path: `${path}/full/e/x`,
  })),
  failing('create-bad-path', 'BADARGUMENTS', (path) => ({ type: 'create', path: `${path}/` })),
  failing('create-bad-acl', 'INVALIDACL', (path) => ({ type: 'create', path: `${path}/x`, acl: [] })),
  failing('delete-no-node', 'NONODE', (path) => ({ type: 'delete', path: `${path}/x` })),
  failing('delete-bad-version', 'BADVERSION', (path) => ({
    type: 'delete',
    path: `${path}/read`,
    version: 4,
  })),
  failing('delete-not-empty', 'NOTEMPTY', (path) => ({ type: 'delete', path: `${path}/full` })),
  failing('set-data-no-node', 'NONODE', (path) => ({ type: 'setData', path: `${path}/x`, data: null })),
  failing('set-data-bad-version', 'BADVERSION', (path) => ({
    type: 'setData',
    path,
    data: null,
    version: 0,
  })),
  failing('set-data-no-auth', 'NOAUTH', (path) => ({ type: 'setData', path: `${path}/read`, data: null })),
  failing('check-no-node', 'NONODE', (path) => ({ type: 'check', path: `${path}/x` })),
  failing('check-bad-version', 'BADVERSION', (path) => ({ type: 'check', path, version: 0 })),
  failing('check-no-auth', 'NOAUTH', (path) => ({ type: 'check', path: `${path}/closed` })),
  failing('check-bad-path', 'BADARGUMENTS', (path) => ({ type: 'check', path: `${path}/` })),
  onZnode(
    'multi-bad-flags',
    'Flags that mean nothing: up to 3.8 an error of the operation.',
    async (a, path) => {
      await a.multi([
        { type: 'create', path: `${path}/a` },
        { type: 'create', path: `${path}/x`, flags: 9 },
      ]);
      a.since39(MARSHALLINGERROR);
      await a.read(OpCode.exists, path);
    },
  ),
  onZnode('multi-with-read', 'A read among writes: the whole is not understood.', async (a, path) => {
    await a.request(OpCode.multi, (writer) => {
      writer.writeInt(OpCode.getData);
      writer.writeBoolean(false);
      writer.writeInt(-1);
      writer.writeString(path);
      writer.writeBoolean(false);
      writer.writeInt(OpCode.delete);
      writer.writeBoolean(false);
      writer.writeInt(-1);
      writer.writeString(path);
      writer.writeInt(-1);
      writer.writeInt(-1);
      writer.writeBoolean(true);
      writer.writeInt(-1);
    });
    await a.read(OpCode.exists, path);
  }),
  onZnode('multi-unknown-op', 'An operation that multi does not know.', (a, path) =>
    a.request(OpCode.multi, (writer) => {
      writer.writeInt(OpCode.setACL);
      writer.writeBoolean(false);
      writer.writeInt(-1);
      writer.writeString(path);
    }),
  ),
];
