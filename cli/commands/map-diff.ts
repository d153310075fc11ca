import { diffMaps, type MapChange } from '../../shared/planner/configuration-map.ts';
import { describePlan } from '../../shared/planner/plan.ts';
import { printJson, printLine, printTable } from './print.ts';
import { readMap } from './read-map.ts';

/** `edgent map diff`. */
export async function diffMapsCommand(before: string, after: string, asJson: boolean): Promise<void> {
  const changes = diffMaps(await readMap(before), await readMap(after));
  if (asJson) printJson(changes);
  else if (changes.length === 0) printLine('both maps plan the same for every rate');
  else printChanges(changes);
}

function printChanges(changes: readonly MapChange[]): void {
  const rows = changes.map(({ fromMbps, toMbps, before, after }) => [
    fromMbps.toFixed(3),
    toMbps?.toFixed(3) ?? '',
    describe(before),
    describe(after),
  ]);
  printTable(['from Mbit/s', 'to Mbit/s', 'before', 'after'], rows, [0, 1]);
}

function describe({ plan, feasible }: MapChange['before']): string {
  return `${describePlan(plan)}${feasible ? '' : ', late'}`;
}
