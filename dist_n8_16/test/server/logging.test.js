import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { createLogger, LimitedLog } from '../../src/server/logging.js';
function logged(options, write) {
    let text = '';
    const output = {
        write(line) {
            text += line;
        },
    };
    write(createLogger({ thread: 'main', format: 'pretty', level: 'info', output, ...options }));
    return text;
}
test('pretty: one line with time, level, thread and message', () => {
    const text = logged({ thread: 'connection-1' }, (logger) => logger.warn('frame of 5 bytes'));
    assert.match(text, /^\[\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\] WARN: \[connection-1\] frame of 5 bytes\n$/);
});
test('pretty: what a client sent cannot forge a line', () => {
    const text = logged({}, (logger) => logger.info('path /a\n[x] FATAL: \x1b[2J\u2028'));
    assert.equal(text.split('\n').length, 2);
    assert.match(text, /path \/a\\n\[x\] FATAL: \\u001b\[2J\\u2028\n$/);
});
test('json: levels by name, ISO time', () => {
    const line = JSON.parse(logged({ format: 'json' }, (logger) => logger.error({ peer: '::1' }, 'gone')));
    assert.equal(line.level, 'error');
    assert.equal(line.thread, 'main');
    assert.equal(line.peer, '::1');
    assert.equal(line.msg, 'gone');
    assert.equal(new Date(line.time).toISOString(), line.time);
});
test('lines below the level are left out', () => {
    assert.equal(logged({ level: 'warn' }, (logger) => logger.info('no')), '');
});
test('lines of several threads are on stdout when the process ends right after', () => {
    const module = new URL('../../src/server/logging.js', import.meta.url).href;
    const script = `
    import { Worker, isMainThread, threadId } from 'node:worker_threads';
    import { createLogger } from ${JSON.stringify(module)};
    const logger = createLogger({ thread: isMainThread ? 'main' : 'log', format: 'pretty', level: 'info' });
    logger.info('hello');
    if (isMainThread) {
      new Worker(new URL(import.meta.url)).once('exit', () => { logger.info('bye'); process.exit(3); });
    } else process.exit(0);`;
    const url = `data:text/javascript,${encodeURIComponent(script)}`;
    const result = spawnSync(process.execPath, ['--input-type=module', '-e', `await import(${JSON.stringify(url)})`], {
        encoding: 'utf8',
    });
    const messages = result.stdout.split('\n').map((line) => line.replace(/^\S+ /, ''));
    assert.deepEqual(messages, ['INFO: [main] hello', 'INFO: [log] hello', 'INFO: [main] bye', ''], result.stderr);
    assert.equal(result.status, 3);
});
test('LimitedLog writes some lines of a kind per interval and says how many it left out', (context) => {
    context.mock.timers.enable({ apis: ['setTimeout'] });
    const lines = [];
    const log = new LimitedLog({ warn: (line) => lines.push(line) }, 2, 10_000);
    for (let i = 0; i < 5; i++)
        log.warn('bad frame', `frame ${i}`);
    log.warn('bad path', 'path');
    assert.deepEqual(lines, ['frame 0', 'frame 1', 'path']);
    context.mock.timers.tick(10_000);
    assert.deepEqual(lines.slice(3), ['bad frame: 3 more such lines in 10 s were left out']);
    assert.equal(log.warn('bad frame', 'frame 5'), true);
    log.warn('bad frame', 'frame 6');
    assert.equal(log.warn('bad frame', 'frame 7'), false);
    log.close();
    assert.deepEqual(lines.slice(4), [
        'frame 5',
        'frame 6',
        'bad frame: 1 more such lines in 10 s were left out',
    ]);
    context.mock.timers.tick(10_000);
    assert.equal(lines.length, 7);
});
