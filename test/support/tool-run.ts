import { spawnSync } from 'node:child_process';

const PATIENCE_MS = 60_000;
const ENVIRONMENT = { ...process.env, NODE_TEST_CONTEXT: undefined, TZ: 'UTC', LC_ALL: 'C.UTF-8' };

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string;
  readonly nodeOptions?: readonly string[];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs a command line tool to its end, in a fixed locale and time zone. Throws when it takes too long. */
export function runTool(program: string, args: readonly string[], options: RunOptions): Outcome {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    input: options.input ?? '',
    encoding: 'utf8',
    env: { ...ENVIRONMENT, ...options.env },
    cwd: options.cwd,
    timeout: PATIENCE_MS,
    maxBuffer: 512 << 20,
  });
  if (error !== undefined) throw error;
  return { code: status, stdout, stderr };
}
