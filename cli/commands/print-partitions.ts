import type { DagPartition } from '../../shared/planner/dag-partition.ts';
import type { DagPlan } from '../../shared/planner/dag-plan.ts';
import type { Plan, Prediction } from '../../shared/planner/plan.ts';
import type { ExitPartitions, ModelPartitions } from './partition-model.ts';
import { printLine, printTable } from './print.ts';

const head = [
  ...['exit', 'chosen from', 'first tier', 'direction', 'encoding'],
  ...['device ms', 'encode ms', 'up ms', 'worker ms', 'down ms', 'T ms', 'KB up'],
];
const numeric = [5, 6, 7, 8, 9, 10, 11];

/** Three rows an exit, and below them what the free choice is worth. */
export function printPartitions(partitions: ModelPartitions): void {
  const { source, deviceClass, workerClass, processorFactor, link, exits } = partitions;
  const slowed = processorFactor === 1 ? '' : `, ${processorFactor} times slower`;
  printLine(`${source.manifest?.name ?? 'model'} (${source.digest})`);
  printLine(
    `device "${deviceClass}"${slowed}, idle worker "${workerClass}", ${link.uplinkMbps} Mbit/s up, ` +
      `${link.downlinkMbps} down, round trip ${link.rttMs} ms`,
  );
  printTable(head, exits.flatMap(rowsOf), numeric);
  printLine(
    'Sets and prefixes: sums of single layers. Algorithm 1: whole segments as measured, where layers are fused.',
  );
  for (const exit of exits) printLine(`${exit.branch.exit}: ${describeGain(exit)}`);
}

function rowsOf({ branch, anySet, prefix, planned }: ExitPartitions): string[][] {
  const count = branch.layers.length;
  const tier = ({ firstTier }: DagPlan): string => describeLayers(firstTier, count);
  const way = ({ direction, encoding }: Pick<Plan, 'direction' | 'encoding'>) => [direction, encoding];
  const cells = ({ plan, prediction }: DagPartition) => [tier(plan), ...way(plan), ...timeCells(prediction)];
  const plannedTier = describeLayers(new Set(Array.from({ length: planned.plan.partition }, (_, i) => i + 1)), count);
  return [
    [branch.exit, 'closed sets', ...cells(anySet)],
    ['', 'prefixes', ...cells(prefix)],
    ['', 'Algorithm 1', plannedTier, ...way(planned.plan), ...timeCells(planned.prediction)],
  ];
}

function timeCells({ breakdownMs, totalMs, uploadBytes }: Prediction): string[] {
  const { device, encode, upload, worker, download } = breakdownMs;
  const times = [device, encode, upload, worker, download, totalMs].map((ms) => ms.toFixed(3));
  return [...times, (uploadBytes / 1000).toFixed(2)];
}

function describeGain(exit: ExitPartitions): string {
  if (exit.isChain) return 'a chain, where every closed set is a prefix: both are the same';
  if (exit.gainMs === 0) return 'no closed set is faster than the best prefix: both are the same';
  const percent = (100 * exit.gainShare).toFixed(1);
  return `the best closed set is ${exit.gainMs.toFixed(3)} ms (${percent} %) faster than the best prefix`;
}

/** @returns as people write it, e.g. "1–4, 7 of 12" */
function describeLayers(layers: ReadonlySet<number>, count: number): string {
  if (layers.size === 0) return `none of ${count}`;
  if (layers.size === count) return `all ${count}`;
  const ends = [...layers].filter((index) => !layers.has(index + 1)).toSorted((one, other) => one - other);
  const runs = [...layers].filter((index) => !layers.has(index - 1)).toSorted((one, other) => one - other);
  const ranges = runs.map((first, i) => (ends[i] === first ? `${first}` : `${first}–${ends[i]}`));
  return `${ranges.join(', ')} of ${count}`;
}
