import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Ensemble } from '../../src/zab/ensemble.ts';
import { EnsembleError, parseServerLine, printServerLine } from '../../src/zab/server-line.ts';

describe('a server line', () => {
  const printed: [value: string, printed: string][] = [
    ['a:2888:3888', 'a:2888:3888:participant'],
    [' zoo1.example.com:2888:3888 ', 'zoo1.example.com:2888:3888:participant'],
    ['a:2888:3888:OBSERVER;2181', 'a:2888:3888:observer;0.0.0.0:2181'],
    ['a:2888:3888:participant;b:2181', 'a:2888:3888:participant;b:2181'],
    ['[::1]:2888:3888;[::]:2181', '[::1]:2888:3888:participant;[::]:2181'],
    ['b:1:2|a:3:4:observer', 'a:3:4|b:1:2:observer'],
  ];
  for (const [value, expected] of printed) {
    it(`is printed as every server prints it: ${value}`, () => {
      const server = parseServerLine(7, value);
      assert.equal(printServerLine(server), `server.7=${expected}`);
      assert.equal(printServerLine(parseServerLine(7, expected)), `server.7=${expected}`, 'and read back');
    });
  }

  it('is read with all its parts', () => {
    assert.deepEqual(parseServerLine(3, '[fe80::1]:2888:3888:observer;2181'), {
      sid: 3,
      addresses: [{ host: 'fe80::1', quorumPort: 2888, electionPort: 3888 }],
      role: 'observer',
      client: { host: null, port: 2181 },
    });
  });

  const bad: [value: string, problem: RegExp][] = [
    ['', /^must be host:quorumPort:electionPort/],
    ['a:2888', /^must be host:/],
    ['a:2888:3888:participant:2181', /^must be host:.*$/],
    ['::1:2888:3888', /IPv6 address needs brackets/],
    ['[x::1]:2888:3888', /"\[x::1\]" is no IPv6 address/],
    [':2888:3888', /"" is no host name/],
    ['a b:2888:3888', /"a b" is no host name/],
    ['a:0:3888', /"0" is no quorum port: must be a number from 1 to 65535/],
    ['a:2888:65536', /"65536" is no election port/],
    ['a:2888:3888:voter', /"voter" is no role/],
    ['a:2888:3888;', /"" is no client port/],
    ['a:2888:3888;x', /"x" is no client port/],
    ['a:2888:3888;1;2', /more than one ";"/],
    ['a:1:2:observer|b:1:2:participant', /participant in one address and observer in another/],
  ];
  for (const [value, problem] of bad) {
    it(`is refused: ${JSON.stringify(value)}`, () => {
      assert.throws(
        () => parseServerLine(1, value),
        (error) => error instanceof EnsembleError && problem.test(error.message),
      );
    });
  }
});

const text = [
  'server.1=a:2888:3888:participant;0.0.0.0:2181',
  'server.2=b:2888:3888:participant',
  'server.3=c:2888:3888:observer;0.0.0.0:2181',
  'version=100000000',
].join('\n');

describe('an ensemble', () => {
  it('is read from its text and prints it again', () => {
    const ensemble = Ensemble.parse(text);
    assert.deepEqual(ensemble.voters, [1, 2]);
    assert.deepEqual(ensemble.observers, [3]);
    assert.equal(ensemble.version, 0x100000000n);
    assert.equal(ensemble.text, text);
    assert.equal(ensemble.isVoter(2), true);
    assert.equal(ensemble.isVoter(3), false);
    assert.equal(ensemble.isVoter(9), false);
    assert.equal(ensemble.verifier.containsQuorum(new Set([1, 2])), true);
    assert.equal(ensemble.verifier.containsQuorum(new Set([1, 3])), false);
  });

  it('does not care for the order of lines', () => {
    const shuffled = text.split('\n').reverse().join('\r\n');
    assert.equal(Ensemble.parse(shuffled).text, text);
  });

  it('takes another version without becoming another', () => {
    const next = Ensemble.parse(text).withVersion(-1n);
    assert.equal(next.text, text.replace('version=100000000', 'version=ffffffffffffffff'));
    assert.equal(Ensemble.parse(next.text).version, -1n);
  });

  it('has groups and weights', () => {
    const grouped = [
      ...['server.1=a:1:2:participant', 'server.2=b:1:2:participant', 'server.3=c:1:2:participant'],
      ...['group.1=1:2', 'group.2=3', 'weight.3=0', 'version=0'],
    ].join('\n');
    const ensemble = Ensemble.parse(grouped);
    assert.equal(ensemble.text, grouped);
    assert.equal(ensemble.verifier.containsQuorum(new Set([1, 2])), true);
    assert.equal(ensemble.verifier.weightOf(3), 0);
    assert.equal(ensemble.withVersion(5n).verifier.containsQuorum(new Set([1, 3])), false);
  });

  const one = 'server.1=a:2888:3888\n';
  const bad: [text: string, problem: RegExp][] = [
    ['', /at least one voter/],
    ['server.1=a:2888:3888:observer', /at least one voter/],
    [`${one}server.1=b:2888:3888`, /server 1 is there twice/],
    [`${one}server.01=b:2888:3888`, /server 1 is there twice/],
    [
      `${one}server.2=A:2888:3889`,
      /server 1's quorum port and server 2's quorum port are both at A port 2888/,
    ],
    [
      `${one}server.2=a:3888:3889`,
      /server 1's election port and server 2's quorum port are both at a port 3888/,
    ],
    ['server.1=a:2888:2888', /server 1's quorum port and server 1's election port/],
    ['server.1=a:2888:3888;2888', /server 1's quorum port and server 1's client port/],
    ['server.1=a:1:2;h:5\nserver.2=b:1:2;h:5', /client port and server 2's client port are both at h port 5/],
    [`${one}server.256=b:1:2`, /256 is no server's number: must be from 0 to 255/],
    [`${one}server.x=b:1:2`, /the key must be server.N with N a number/],
    [`${one}hello`, /"" is none of server.N/],
    [`${one}peer.1=x`, /"peer.1" is none of server.N/],
    [`${one}version=xyz`, /must be hexadecimal/],
    [`${one}group.1=1;2`, /must be the numbers of servers/],
    [`${one}group.1=1\ngroup.1=1`, /group 1 is there twice/],
    [`${one}group.1=1\nweight.1=heavy`, /must be a whole number/],
    [`${one}group.1=1\nweight.1=1\nweight.1=2`, /weight of server 1 is there twice/],
    [`${one}group.1=1\nweight.2=1`, /weight is given to server 2, which is not in the list/],
    [`${one}weight.1=2`, /weights need groups: add group.1=1$/],
    [`${one}group.1=1:2`, /group 1 names server 2, which is no voter/],
    [`${one}${'#'.repeat(70_000)}`, /more than 65536/],
  ];
  for (const [wrong, problem] of bad) {
    it(`is refused: ${JSON.stringify(wrong.slice(0, 60))}`, () => {
      assert.throws(
        () => Ensemble.parse(wrong),
        (error) => error instanceof EnsembleError && problem.test(error.message),
      );
    });
  }

  it('may share a machine, and its client port where the hosts differ', () => {
    const pseudo =
      'server.1=127.0.0.1:2888:3888;2181\nserver.2=127.0.0.1:2889:3889;2182\nserver.3=127.0.0.1:2890:3890;2183';
    assert.deepEqual(Ensemble.parse(pseudo).voters, [1, 2, 3]);
    assert.deepEqual(Ensemble.parse('server.1=a:1:2;2181\nserver.2=b:1:2;2181').voters, [1, 2]);
  });
});
