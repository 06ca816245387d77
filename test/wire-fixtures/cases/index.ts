import { multiCases } from './multis.ts';
import { readCases } from './reads.ts';
import { sessionCases } from './sessions.ts';
import { watchCases } from './watches.ts';
import type { WireCase } from './wire-case.ts';
import { writeCases } from './writes.ts';

/** All that `npm run fixtures` takes from a real server; each is a file in test/fixtures/wire. */
export const wireCases: readonly WireCase[] = [
  ...sessionCases,
  ...writeCases,
  ...readCases,
  ...multiCases,
  ...watchCases,
];
