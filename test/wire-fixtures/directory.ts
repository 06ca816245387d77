import { join } from 'node:path';
import { sourcesDirectory } from '../storage/support.ts';

/** Where the fixtures are kept, in the sources. */
export function fixturesDirectory(): string {
  return join(sourcesDirectory(), 'fixtures', 'wire');
}
