import type { QuotaTotals } from '../txn/quotas.ts';
import type { MetricValue } from './four-letter-words.ts';

const totalNames: readonly (readonly [keyof QuotaTotals, string])[] = [
  ['countLimit', 'quota_count_limit'],
  ['bytesLimit', 'quota_bytes_limit'],
  ['countUsage', 'quota_count_usage'],
  ['bytesUsage', 'quota_bytes_usage'],
];

/** The figures of quotas in mntr (protocol/features.md §8): a set each, with a value per top-level znode. */
export function quotaMetrics(
  totals: ReadonlyMap<string, QuotaTotals>,
  exceeded: ReadonlyMap<string, number>,
): MetricValue[] {
  const metrics: MetricValue[] = [];
  const add = (namespace: string, name: string, value: number) =>
    metrics.push({ name: `${namespace}_${name}_per_namespace`, value, kind: 'integer' });
  for (const [key, name] of totalNames) {
    for (const [namespace, { [key]: value }] of totals) if (value !== null) add(namespace, name, value);
  }
  for (const [namespace, count] of exceeded) add(namespace, 'quota_exceeded_error', count);
  return metrics;
}
