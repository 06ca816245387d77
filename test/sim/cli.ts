import { Command } from 'commander';
import { NO_FAULTS, optionsOf, type SimOptions } from './options.ts';
import { run } from './run.ts';

interface CliOptions {
  readonly seed: string;
  readonly seeds: string;
  readonly servers?: string;
  readonly observers?: string;
  readonly clients?: string;
  readonly faultsMs?: string;
  readonly faults: boolean;
  readonly trace?: boolean;
}

/** The options that a command line gives, over those that the seed draws. */
function givenOptions(given: CliOptions): Partial<SimOptions> {
  return {
    ...(given.servers === undefined ? {} : { voters: Number(given.servers) }),
    ...(given.observers === undefined ? {} : { observers: Number(given.observers) }),
    ...(given.clients === undefined ? {} : { clients: Number(given.clients) }),
    ...(given.faultsMs === undefined ? {} : { faultsMs: Number(given.faultsMs) }),
    ...(given.faults ? {} : { faults: NO_FAULTS }),
  };
}

const command = new Command('sim')
  .description('Runs a whole ensemble with clients and faults in one thread, from a seed.')
  .option('--seed <number>', 'the first seed', '1')
  .option('--seeds <count>', 'how many seeds, one after another', '1')
  .option('--servers <count>', 'voters; otherwise drawn from the seed')
  .option('--observers <count>', 'observers; otherwise drawn from the seed')
  .option('--clients <count>', 'clients; otherwise drawn from the seed')
  .option('--faults-ms <ms>', 'how long faults go on, in simulated time')
  .option('--no-faults', 'nothing goes wrong')
  .option('--trace', 'prints what happens');
command.parse();
const given = command.opts<CliOptions>();
let failed = 0;
for (let seed = Number(given.seed); seed < Number(given.seed) + Number(given.seeds); seed++) {
  const options = optionsOf(seed, givenOptions(given));
  const startedMs = performance.now();
  const result = run(options, given.trace === true ? (line) => process.stdout.write(`${line}\n`) : null);
  const tookMs = performance.now() - startedMs;
  const { violation, simulatedMs, events, txns, epochs, figures } = result;
  const verdict = violation === null ? 'ok' : `FAILED ${violation.message}`;
  console.log(
    `seed ${seed}: ${options.voters}+${options.observers} servers, ${(simulatedMs / 1000).toFixed(1)} s simulated in ${tookMs.toFixed(0)} ms, ` +
      `${events} events, ${txns} txns, ${epochs} epochs, ${figures.acknowledged} acknowledged, ${figures.lost} lost: ${verdict}`,
  );
  if (violation !== null) failed++;
}
process.exitCode = failed === 0 ? 0 : 1;
