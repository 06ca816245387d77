import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DECODERS, fuzz } from './fuzz.js';
const INPUTS = 4000;
for (const decoder of DECODERS) {
    test(`fuzz, ${decoder}: ${INPUTS} damaged files are read or refused`, (t) => {
        const seed = Number(process.env.MENAGERIE_TEST_SEED ?? Date.now() % 0x7fffffff);
        const report = fuzz({ seed, inputs: INPUTS, decoders: [decoder] });
        t.diagnostic(`seed ${seed}: ${report.read} read, ${report.refused} refused`);
        // Neither is always or never so, or the fuzzer does not reach what it is made for.
        assert.ok(report.read > INPUTS / 100, `${report.read} read`);
        assert.ok(report.refused > INPUTS / 10, `${report.refused} refused`);
    });
}
