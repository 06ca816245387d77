import type { WatchMode } from '../../client/index.ts';
import { command } from './command.ts';
import { ShellError } from './shell-error.ts';

const modes: Readonly<Record<string, WatchMode>> = {
  PERSISTENT: 'persistent',
  PERSISTENT_RECURSIVE: 'recursive',
};
const addWatchUsage =
  '[-m mode] path # optional mode is one of [PERSISTENT, PERSISTENT_RECURSIVE] - default is PERSISTENT_RECURSIVE';

export const watchCommands = [
  command('addWatch', addWatchUsage, { m: true }, 1, async (shell, parsed) => {
    const name = (parsed.value('m') ?? 'PERSISTENT_RECURSIVE').toUpperCase();
    if (parsed.words.length !== 1 || !Object.hasOwn(modes, name))
      throw new ShellError(`addWatch ${addWatchUsage}`);
    await shell.zk.watch(parsed.words[0], { mode: modes[name], onEvent: shell.watcher });
  }),

  command(
    'removewatches',
    'path [-c|-d|-a] [-l]',
    { c: false, d: false, a: false, p: false, r: false, l: false },
    1,
    async (shell, parsed) => {
      const kind = (
        [
          ['c', 'children'],
          ['d', 'data'],
          ['p', 'persistent'],
          ['r', 'recursive'],
        ] as const
      ).find(([option]) => parsed.has(option))?.[1];
      await shell.zk.removeWatches(parsed.words[0], kind ?? 'any', { isLocal: parsed.has('l') });
    },
  ),
];
