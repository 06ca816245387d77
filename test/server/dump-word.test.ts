import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatDump, javaDate } from '../../src/server/dump-word.ts';

/** As a standalone Apache ZooKeeper 3.8.0 gave it. */
const sample = `SessionTracker dump:
Session Sets (2)/(2):
1 expire at Sun Nov 22 07:36:17 UTC 2026:
	0x100005f23ef0000
1 expire at Sun Nov 22 07:36:27 UTC 2026:
	0x100005f23ef0001
ephemeral nodes dump:
Sessions with Ephemerals (2):
0x100005f23ef0000:
	/e1
	/e2
0x100005f23ef0001:
	/e3
Connections dump:
Connections Sets (2)/(4):
3 expire at Sun Nov 22 07:36:21 UTC 2026:
	ip: /127.0.0.1:38880 sessionId: 0x0
	ip: /127.0.0.1:38854 sessionId: 0x100005f23ef0000
	ip: /127.0.0.1:38864 sessionId: 0x0
1 expire at Sun Nov 22 07:36:31 UTC 2026:
	ip: /127.0.0.1:38858 sessionId: 0x100005f23ef0001
`;

function at(seconds: number): number {
  return Date.UTC(2026, 10, 22, 7, 36, seconds);
}

process.env.TZ = 'UTC';

test('dump is as Apache gives it, whatever order things are given in', () => {
  const text = formatDump({
    sessions: [
      { expiresMs: at(27), line: '0x100005f23ef0001' },
      { expiresMs: at(17), line: '0x100005f23ef0000' },
    ],
    localSessions: null,
    globalSessions: null,
    ephemerals: [
      { session: '0x100005f23ef0000', paths: ['/e1', '/e2'] },
      { session: '0x100005f23ef0001', paths: ['/e3'] },
    ],
    connections: [
      { expiresMs: at(21), line: 'ip: /127.0.0.1:38880 sessionId: 0x0' },
      { expiresMs: at(31), line: 'ip: /127.0.0.1:38858 sessionId: 0x100005f23ef0001' },
      { expiresMs: at(21), line: 'ip: /127.0.0.1:38854 sessionId: 0x100005f23ef0000' },
      { expiresMs: at(21), line: 'ip: /127.0.0.1:38864 sessionId: 0x0' },
    ],
  });
  assert.equal(text, sample);
});

test('a server without clients', () => {
  assert.equal(
    formatDump({ sessions: [], localSessions: null, globalSessions: null, ephemerals: [], connections: [] }),
    'SessionTracker dump:\nSession Sets (0)/(0):\nephemeral nodes dump:\nSessions with Ephemerals (0):\n' +
      'Connections dump:\nConnections Sets (0)/(0):\n',
  );
});

test('dates have two digits everywhere, and midnight is 00', () => {
  assert.equal(javaDate(new Date(Date.UTC(2026, 1, 3, 0, 4, 5))), 'Tue Feb 03 00:04:05 UTC 2026');
});

test('a leader and a learner with local sessions', () => {
  const local = [{ expiresMs: at(17), line: '0x100005f23ef0000' }];
  const rest = { localSessions: local, ephemerals: [], connections: [] };
  const localText =
    'SessionTracker dump:\nLocal Session Sets (1)/(1):\n1 expire at Sun Nov 22 07:36:17 UTC 2026:\n\t0x100005f23ef0000\n';
  const tail =
    'ephemeral nodes dump:\nSessions with Ephemerals (0):\nConnections dump:\nConnections Sets (0)/(0):\n';
  assert.equal(
    formatDump({ ...rest, sessions: [], globalSessions: null }),
    `${localText}Global Session Sets (0)/(0):\n${tail}`,
  );
  const globalSessions = [{ session: '0x200005f23ef0000', timeoutMs: 4000 }];
  assert.equal(
    formatDump({ ...rest, sessions: [], globalSessions }),
    `${localText}Global Sessions(1):\n0x200005f23ef0000\t4000ms\n${tail}`,
  );
});
