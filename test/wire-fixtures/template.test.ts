import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseFixture } from './replay.ts';
import { Bindings, parseTemplate } from './template.ts';

const long = (value: bigint | number) => BigInt.asUintN(64, BigInt(value)).toString(16).padStart(16, '0');
const bytes = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');

describe('Bindings', () => {
  const rows: [string, string, string, boolean][] = [
    ['equal bytes', '0102 03', '010203', true],
    ['another byte', '0102 03', '010204', false],
    ['a byte too few', '0102 03', '0102', false],
    ['a byte too many', '0102 03', '01020304', false],
    ['a zxid behind another', '{zxid+0} {zxid+2}', long(7) + long(9), true],
    ['a zxid too far behind', '{zxid+0} {zxid+2}', long(7) + long(10), false],
    ['a zxid before the first', '{zxid+0} {zxid-1}', long(7) + long(6), true],
    ['the zxid of an event', '{zxid+0} {event:zxid+1}', long(7) + long(8), true],
    ['no zxid of an event', '{zxid+0} {event:zxid+1}', long(7) + long(-1), false],
    ['the same session twice', '{session:1} {session:1}', long(99) + long(99), true],
    ['another session', '{session:1} {session:1}', long(99) + long(98), false],
    ['no session', '{session:1}', long(0), false],
    ['now', '{time}', long(Date.now()), true],
    ['an hour ago', '{time}', long(Date.now() - 3_600_000), false],
    ['no time', '{time}', long(0), false],
    ['a frame cut short in a name', '{time}', '0000', false],
  ];
  for (const [name, template, actual, isEqual] of rows) {
    test(name, () => {
      const difference = new Bindings(true).difference(parseTemplate(template), bytes(actual));
      assert.equal(difference === null, isEqual, difference ?? 'no difference');
    });
  }

  test('servers before 3.9 say no zxid of events', () => {
    const template = parseTemplate('{event:zxid+1}');
    assert.equal(new Bindings(false).difference(template, bytes(long(-1))), null);
    assert.notEqual(new Bindings(false).difference(template, bytes(long(8))), null);
  });

  test('what has come is sent back', () => {
    const bindings = new Bindings(true);
    const password = 'ab'.repeat(16);
    const came = parseTemplate('{session:1} {password:1} {zxid+0}');
    assert.equal(bindings.difference(came, bytes(long(5) + password + long(70))), null);
    const sent = bindings.fill(parseTemplate('00 {zxid+3} {password:1} {session:1}'));
    assert.equal(sent.toString('hex'), `00${long(73)}${password}${long(5)}`);
    assert.throws(() => bindings.fill(parseTemplate('{session:2}')), /session 2 is not known yet/);
  });

  test('a word that is neither', () => {
    assert.throws(() => parseTemplate('0102 {zxid}'), /neither bytes nor a name: \{zxid\}/);
    assert.throws(() => parseTemplate('010'), /neither/);
  });
});

test('a file', () => {
  const lines = ['# About', 'config key=value', 'a open', 'a> 01', 'a< 02', 'a<3.9 03', 'a closed', ''];
  const { about, config, steps } = parseFixture(lines.join('\n'));
  assert.equal(about, 'About');
  assert.deepEqual(config, ['key=value']);
  assert.deepEqual(
    steps.map(({ action, template, instead }) => [action, template, instead]),
    [
      ['open', '', null],
      ['send', ' 01', null],
      ['receive', ' 02', ' 03'],
      ['closed', '', null],
    ],
  );
  assert.throws(() => parseFixture('a opens\n'), /line 1 is no step: a opens/);
});
