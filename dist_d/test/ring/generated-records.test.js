import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { CommitHead, LogHead, RequestHead } from '../../src/ring/generated/records.js';
import { COMMIT_HEAD_BYTES, LOG_HEAD_BYTES, REQUEST_HEAD_BYTES } from '../../src/ring/record-kind.js';
import { generatedUrl } from '../support/schemas.js';
/** What schemas.ts generates now, in a process of its own: the compiler's threads would keep this one alive. */
async function generated() {
    const schemas = new URL('../support/schemas.js', import.meta.url);
    const script = `
    const { generateRecords } = await import(${JSON.stringify(schemas.href)});
    process.stdout.write(await generateRecords(), () => process.exit(0));`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
        cwd: fileURLToPath(new URL('.', import.meta.url)),
        timeout: 60_000,
    });
    return stdout;
}
describe('the generated records', () => {
    it('are what schemas/records.fbs says now: `npm run schemas` brings them up to date', async () => {
        assert.equal(await readFile(generatedUrl, 'utf8'), await generated());
    });
    it('have the sizes that the code counts on', () => {
        assert.equal(RequestHead.sizeOf(), REQUEST_HEAD_BYTES);
        assert.equal(LogHead.sizeOf(), LOG_HEAD_BYTES);
        assert.equal(CommitHead.sizeOf(), COMMIT_HEAD_BYTES);
    });
});
