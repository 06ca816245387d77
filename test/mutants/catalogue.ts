import { CLIENT_MUTANTS } from './clients.ts';
import type { Mutant } from './mutant.ts';
import { STORAGE_MUTANTS } from './storage.ts';
import { SYNCHRONISATION_MUTANTS } from './synchronisation.ts';

/** All mutants, in the order in which they are shown. */
export const MUTANTS: readonly Mutant[] = [...SYNCHRONISATION_MUTANTS, ...STORAGE_MUTANTS, ...CLIENT_MUTANTS];
