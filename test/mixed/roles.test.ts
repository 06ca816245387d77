import { test } from 'node:test';
import { apacheMissing } from '../support/server-process.ts';
import { playRoles } from './roles.ts';

const options = { skip: apacheMissing() ?? false, timeout: 300_000 };

test('Apache leads, ours follow and observe; then ours lead it', options, async (context) => {
  await playRoles('apache', 'menagerie', (step) => context.diagnostic(step));
});

test('ours leads, Apache follows and observes; then Apache leads ours', options, async (context) => {
  await playRoles('menagerie', 'apache', (step) => context.diagnostic(step));
});
