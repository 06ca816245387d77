import fc from 'fast-check';
/** Sessions of a history, by index; each has identities of its own. */
export const IDENTITIES = [
    [
        { scheme: 'ip', id: '127.0.0.1' },
        { scheme: 'digest', id: 'ann:x' },
    ],
    [
        { scheme: 'ip', id: '127.0.0.1' },
        { scheme: 'digest', id: 'bob:y' },
        { scheme: 'digest', id: 'eve:z' },
    ],
    [{ scheme: 'super', id: '' }],
];
const names = fc.constantFrom('a', 'b', 'c');
const path = fc.oneof(
// Few paths, so that requests meet.
{ weight: 20, arbitrary: fc.constantFrom('/a', '/b', '/a/a') }, {
    weight: 10,
    arbitrary: fc.array(names, { minLength: 1, maxLength: 3 }).map((all) => `/${all.join('/')}`),
}, {
    weight: 1,
    arbitrary: fc.constantFrom(...[
        '/',
        '',
        'a',
        '/a/',
        '//',
        '/a//b',
        '/.',
        '/a/..',
        '/zookeeper',
        '/zookeeper/config',
        '/zookeeper/quota',
    ], ...['/zookeeper/quota/a', '/zookeeperx', '/a\0b', '/a\u0001', '/ä/ö', '/b/ä']),
});
const acl = fc.oneof({ weight: 6, arbitrary: fc.constant([[31, 'world', 'anyone']]) }, {
    weight: 3,
    arbitrary: fc.constantFrom([[1, 'world', 'anyone']], [[31, 'auth', '']], [
        [31, 'digest', 'ann:x'],
        [1, 'world', 'anyone'],
    ], [[31, 'digest', 'bob:y']]),
}, {
    weight: 1,
    arbitrary: fc.constantFrom(null, [], [[31, 'world', 'someone']], [[31, 'digest', 'a:b:c']]),
});
const data = fc.oneof(fc.constant(null), fc.uint8Array({ maxLength: 12 }), fc.constantFrom(Buffer.alloc(130, 7), Buffer.alloc(300, 0xfe)));
const version = fc.oneof({ weight: 4, arbitrary: fc.constant(-1) }, { weight: 2, arbitrary: fc.integer({ min: 0, max: 3 }) }, { weight: 1, arbitrary: fc.constant(-7) });
const flags = fc.oneof({ weight: 15, arbitrary: fc.integer({ min: 0, max: 3 }) }, { weight: 1, arbitrary: fc.constantFrom(4, 5, 7, -1) });
const create = fc.record({ type: fc.constantFrom('create', 'create2'), path, data, acl, flags });
const remove = fc.record({ type: fc.constant('delete'), path, version });
const setData = fc.record({ type: fc.constant('setData'), path, data, version });
const setAcl = fc.record({ type: fc.constant('setACL'), path, acl, version });
const check = fc.record({ type: fc.constant('check'), path, version });
const multiOp = fc.oneof({ weight: 4, arbitrary: create }, { weight: 3, arbitrary: remove }, { weight: 2, arbitrary: setData }, { weight: 1, arbitrary: check });
const multi = fc.record({ type: fc.constant('multi'), ops: fc.array(multiOp, { maxLength: 5 }) });
const action = fc.oneof({ weight: 10, arbitrary: create }, { weight: 5, arbitrary: remove }, { weight: 4, arbitrary: setData }, { weight: 2, arbitrary: setAcl }, { weight: 5, arbitrary: multi }, { weight: 2, arbitrary: fc.constant({ type: 'closeSession' }) });
export function history(stepsMax) {
    const step = fc.record({
        session: fc.constantFrom(0, 0, 0, 1, 1, 2),
        applies: fc.constantFrom(0, 0, 0, 0, 1, 1, 2, 5, 1000),
        action,
    });
    return fc.array(step, { minLength: 1, maxLength: stepsMax, size: 'max' });
}
/** Runs of a property: few in the ordinary test run, more by `MENAGERIE_TEST_RUNS`. */
export function runs(few) {
    return { numRuns: Number(process.env.MENAGERIE_TEST_RUNS ?? few) };
}
