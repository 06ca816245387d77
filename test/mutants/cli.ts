import { Command, InvalidArgumentError } from 'commander';
import { MUTANTS } from './catalogue.ts';
import { HUNTERS, type HuntResult, hunt } from './hunt.ts';
import type { Mutant } from './mutant.ts';

interface CliOptions {
  readonly seedsMax: number;
  readonly from: number;
  readonly hunters: number;
  readonly list?: boolean;
  readonly table?: boolean;
}

function count(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('a number from 1 on');
}

function chosen(names: readonly string[]): Mutant[] {
  const unknown = names.find((name) => !MUTANTS.some((mutant) => mutant.name === name));
  if (unknown !== undefined) command.error(`no mutant "${unknown}"; --list shows them`);
  return MUTANTS.filter(({ name }) => names.length === 0 || names.includes(name));
}

function lineOf({ mutant, finding, seedsTried, tookMs }: HuntResult): string {
  const took = `${(tookMs / 1000).toFixed(1)} s`;
  if (finding === null) return `${mutant.name}: NOT FOUND in ${seedsTried} seeds (${took})`;
  const note = mutant.checks.includes(finding.check) ? '' : ' (ANOTHER CHECK than the one meant)';
  return `${mutant.name}: ${seedsTried} seeds, found by "${finding.check}"${note} at seed ${finding.seed} (${took}): ${finding.message.split('\n', 1)[0]}`;
}

/** The table in README. */
function tableOf(results: readonly HuntResult[]): string {
  const rows = results.map(({ mutant, finding, seedsTried }) => {
    const found = finding === null ? 'not found' : finding.check;
    return `| \`${mutant.name}\` | ${mutant.what} (${mutant.seen}) | ${mutant.finder} | ${seedsTried} | ${found} |`;
  });
  return [
    '| mutant | what is wrong again (seen as) | found by | seeds | check |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
}

async function huntAll(mutants: readonly Mutant[], options: CliOptions): Promise<HuntResult[]> {
  const results = new Map<Mutant, HuntResult>();
  const waiting = [...mutants];
  const shownMs = new Map<Mutant, number>();
  const work = async (): Promise<void> => {
    for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
      const current = mutant;
      shownMs.set(current, performance.now());
      const result = await hunt(current, options.from, options.seedsMax, (tried) => {
        if (performance.now() - (shownMs.get(current) ?? 0) < 10_000) return;
        shownMs.set(current, performance.now());
        console.log(`  … ${current.name}: ${tried} of ${options.seedsMax} seeds`);
      });
      results.set(current, result);
      console.log(`${results.size}/${mutants.length} ${lineOf(result)}`);
    }
  };
  await Promise.all(Array.from({ length: Math.min(options.hunters, mutants.length) }, work));
  return mutants.flatMap((mutant) => results.get(mutant) ?? []);
}

const command = new Command('sim:mutants')
  .description(
    'Puts bugs of the past back into copies of the compiled server, one by one, and shows how many seeds it takes until each is found.',
  )
  .argument('[names...]', 'mutants; all, if none is named')
  .option('--list', 'shows what there is, and hunts for nothing')
  .option('--from <seed>', 'the first seed', count, 1)
  .option('--seeds-max <count>', 'how many seeds before one counts as not found', count, 2000)
  .option('--hunters <count>', 'hunts at a time, each in a thread', count, HUNTERS)
  .option('--table', 'ends with the table for README');
command.parse();
const options = command.opts<CliOptions>();
const mutants = chosen(command.args);
if (options.list === true) {
  for (const { name, what, seen, finder } of mutants) console.log(`${name}: ${what} (${seen}); ${finder}`);
} else {
  const results = await huntAll(mutants, options);
  const missed = results.filter(({ finding }) => finding === null);
  if (options.table === true) console.log(tableOf(results));
  const most = Math.max(...results.map(({ seedsTried }) => seedsTried));
  console.log(`${results.length - missed.length} of ${results.length} found, in at most ${most} seeds each`);
  process.exitCode = missed.length === 0 ? 0 : 1;
}
