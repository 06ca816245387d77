import type { RunResult } from './run.ts';

export interface Failure {
  readonly seed: number;
  readonly message: string;
}

/** Sums over many runs; plain data, to go from thread to thread. */
export interface CampaignTotals {
  seeds: number;
  simulatedMs: number;
  events: number;
  txns: number;
  epochs: number;
  healedMsMax: number;
  readonly figures: Record<string, number>;
  readonly failures: Failure[];
}

export function noTotals(): CampaignTotals {
  return {
    seeds: 0,
    simulatedMs: 0,
    events: 0,
    txns: 0,
    epochs: 0,
    healedMsMax: 0,
    figures: {},
    failures: [],
  };
}

export function addResult(totals: CampaignTotals, result: RunResult): void {
  const { deaths, ...figures } = result.figures;
  const all = { ...figures, kills: deaths.kill, powerLosses: deaths.powerLoss, diskErrors: deaths.diskError };
  const failures =
    result.violation === null ? [] : [{ seed: result.seed, message: result.violation.message }];
  addTotals(totals, { ...result, seeds: 1, healedMsMax: result.healedMs, figures: all, failures });
}

export function addTotals(totals: CampaignTotals, added: CampaignTotals): void {
  totals.seeds += added.seeds;
  totals.simulatedMs += added.simulatedMs;
  totals.events += added.events;
  totals.txns += added.txns;
  totals.epochs += added.epochs;
  totals.healedMsMax = Math.max(totals.healedMsMax, added.healedMsMax);
  for (const [name, value] of Object.entries(added.figures)) {
    totals.figures[name] = (totals.figures[name] ?? 0) + value;
  }
  totals.failures.push(...added.failures);
}

/** What a campaign came to, for people. */
export function reportOf(totals: CampaignTotals, tookMs: number, firstSeed: number): string {
  const { figures, failures } = totals;
  const lines = [
    `seeds ${firstSeed} to ${firstSeed + totals.seeds - 1}: ${failures.length === 0 ? 'all well' : `${failures.length} FAILED`}`,
    `simulated ${(totals.simulatedMs / 3_600_000).toFixed(2)} hours in ${(tookMs / 1000).toFixed(0)} s; ${totals.events} events, ${totals.txns} txns in ${totals.epochs} epochs`,
    `longest time from the last fault until all was well: ${(totals.healedMsMax / 1000).toFixed(1)} s (simulated)`,
    ...Object.entries(figures).map(([name, value]) => `  ${name.padEnd(18)} ${value}`),
    ...failures.map(
      ({ seed, message }) => `npm run sim -- --seed ${seed} --trace   # ${message.split('\n', 1)[0]}`,
    ),
  ];
  return lines.join('\n');
}
