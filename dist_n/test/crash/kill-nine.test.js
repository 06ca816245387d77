import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runCampaign } from './kill-nine.js';
const KILLS = 30;
test(`${KILLS} times kill -9 under write load: nothing acknowledged is lost`, {
    timeout: 400_000,
}, async (t) => {
    const kind = process.env.MENAGERIE_TEST_APACHE === 'only' ? 'apache' : 'menagerie';
    const report = await runCampaign({ kills: KILLS, kind });
    t.diagnostic(`seed ${report.seed}: ${report.kills} kills, ${report.killsAtStart} of them at start, ` +
        `${report.acknowledgedWrites} writes acknowledged, slowest start ${report.slowestStartMs} ms`);
    assert.ok(report.kills >= KILLS);
    assert.ok(report.acknowledgedWrites > KILLS, 'there was load');
});
