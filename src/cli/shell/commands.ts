import type { ShellCommand } from './command.ts';
import { ensembleCommands } from './ensemble-commands.ts';
import { quotaCommands } from './quota-commands.ts';
import { readCommands } from './read-commands.ts';
import { watchCommands } from './watch-commands.ts';
import { writeCommands } from './write-commands.ts';

/** All commands that need a session, and `version`. */
export const commands: ReadonlyMap<string, ShellCommand> = new Map([
  ...readCommands,
  ...writeCommands,
  ...watchCommands,
  ...quotaCommands,
  ...ensembleCommands,
]);
