import { describe, it } from 'node:test';
import fc from 'fast-check';
import { history, runs } from './histories.js';
import { ModelRunner } from './model-runner.js';
describe('prep and apply against a model of ZooKeeper', { timeout: 600_000 }, () => {
    it('agree on errors, log entries, replies, tree, digest, ephemerals and ACL lists, however far apply lags behind', () => {
        const property = fc.property(history(80), (steps) => {
            const runner = new ModelRunner();
            runner.run(steps);
            runner.check();
            runner.clear();
        });
        fc.assert(property, runs(150));
    });
    it('agree without ACL checks', () => {
        const property = fc.property(history(50), (steps) => {
            const runner = new ModelRunner({ skipAcl: true });
            runner.run(steps);
            runner.check();
        });
        fc.assert(property, runs(30));
    });
});
