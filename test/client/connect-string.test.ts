import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConnectString, serverText } from '../../src/client/connect-string.ts';
import { BadArgumentsError } from '../../src/client/errors.ts';

test('hosts, ports, IPv6 and chroots', () => {
  const cases: [string, string[], string][] = [
    ['localhost:2181', ['localhost:2181'], ''],
    ['a', ['a:2181'], ''],
    ['a:1,b:2,c', ['a:1', 'b:2', 'c:2181'], ''],
    ['a:1, b:2/app/x', ['a:1', 'b:2'], '/app/x'],
    ['a/', ['a:2181'], ''],
    ['[::1]:2182,[fe80::1]', ['[::1]:2182', '[fe80::1]:2181'], ''],
    ['::1', ['[::1]:2181'], ''],
    ['127.0.0.1:65535/a', ['127.0.0.1:65535'], '/a'],
  ];
  for (const [given, servers, chroot] of cases) {
    const parsed = parseConnectString(given);
    assert.deepEqual(parsed.servers.map(serverText), servers, given);
    assert.equal(parsed.chroot, chroot, given);
  }
});

test('what is wrong is said', () => {
  const cases: [string, RegExp][] = [
    ['', /a host is missing/],
    ['a,', /a host is missing/],
    [':2181', /a host is missing/],
    ['a:0', /'0' is no port/],
    ['a:65536', /'65536' is no port/],
    ['a:http', /'http' is no port/],
    ['a:2181/b/', /the chroot ends with \//],
    ['a:2181//b', /the chroot has an empty component/],
    ['a:2181/b/../c', /the chroot is relative/],
  ];
  for (const [given, reason] of cases) {
    assert.throws(
      () => parseConnectString(given),
      (error) => error instanceof BadArgumentsError && reason.test(error.message),
      given,
    );
  }
});
