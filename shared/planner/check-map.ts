import type { ConfigurationMap, ConfigurationMapEntry } from '../protocol/configuration-map.ts';
import { withRevision } from '../protocol/map-revision.ts';
import { isImageEncoding } from '../protocol/wire-encoding.ts';
import { FleetError } from '../runtime/errors.ts';
import { requireBandwidthStates } from './bandwidth-states.ts';
import type { Candidate } from './plan.ts';

/**
 * Checks a map beyond its schema, as far as it can be told from the map alone: its states, whether its plans and
 * predictions can be those of one model and deadline, and whether its content is what its revision was given to. The
 * revision of a device's own copy (`…+1`) names the map that it was made of, and says nothing of its content.
 * @throws {FleetError} `bandwidth-states-invalid`, `configuration-map-invalid`
 */
export function checkMap(map: ConfigurationMap): void {
  requireBandwidthStates(map.entries.map(({ state }) => state));
  const layers = layersOf(map);
  for (const [i, entry] of map.entries.entries()) {
    const fault = faultOfEntry(entry, map, layers);
    if (fault !== undefined) throw invalid(`/entries/${i} ${fault}`);
  }
  const { revision } = withRevision(map);
  if (/^sha256:[0-9a-f]{64}$/.test(map.revision) && map.revision !== revision) {
    throw invalid(`the content of ${map.revision} was changed, it is ${revision} now`);
  }
}

/** Layers of each exit, where they are known: by what the map was made for, else by plans that run all of them. */
function layersOf({ madeFor, entries }: ConfigurationMap): (exit: number) => number | undefined {
  if (madeFor !== undefined) return (exit) => madeFor.model.layers[exit - 1] ?? 0;
  const local = entries.flatMap(candidatesOf).filter(isLocal);
  const known = new Map(local.map(({ plan }) => [plan.exit, plan.partition]));
  return (exit) => known.get(exit);
}

function candidatesOf({ runnerUp, ...chosen }: ConfigurationMapEntry): Candidate[] {
  return runnerUp === null ? [chosen] : [chosen, runnerUp];
}

function isLocal({ prediction }: Candidate): boolean {
  return prediction.uploadBytes === 0;
}

/** T is summed up anew for the map, in another order than where it was held against the deadline. */
const roundingShare = 1e-9;

function faultOfEntry(
  entry: ConfigurationMapEntry,
  { deadlineMs }: ConfigurationMap,
  layers: (exit: number) => number | undefined,
): string | undefined {
  const { plan, prediction, feasible, reward, runnerUp } = entry;
  if (feasible && prediction.totalMs > deadlineMs * (1 + roundingShare))
    return `takes ${prediction.totalMs} ms, and is called feasible`;
  if (!feasible && (reward !== 0 || runnerUp !== null)) return 'is not feasible, and has a reward or a runner-up';
  if (runnerUp?.plan.exit === plan.exit) return `has a runner-up of the same exit ${plan.exit}`;
  return candidatesOf(entry)
    .map((candidate) => faultOfPlan(candidate, layers(candidate.plan.exit)))
    .find((fault) => fault !== undefined);
}

function faultOfPlan({ plan, prediction }: Candidate, layers: number | undefined): string | undefined {
  const { exit, partition, direction, encoding } = plan;
  const here = `plans exit ${exit} @${partition}`;
  if (layers === 0) return `${here}, the model has no such exit`;
  if (layers !== undefined && partition > layers) return `${here}, the exit has ${layers} layers`;
  const sendsNothing = prediction.uploadBytes === 0;
  if (layers !== undefined && sendsNothing !== (partition === layers)) {
    return `${here} of ${layers} layers, and sends ${prediction.uploadBytes} bytes`;
  }
  if (sendsNothing && (direction !== 'device-first' || encoding !== 'f32')) {
    return `${here} ${direction} in ${encoding}, and sends nothing`;
  }
  if (direction === 'edge-first' && partition === 0) return `${here} edge-first: the worker runs no layer`;
  if (isImageEncoding(encoding) && partition > 0) return `${here} in ${encoding}, and only the input may be an image`;
  return undefined;
}

function invalid(what: string): FleetError {
  return new FleetError('configuration-map-invalid', `configuration map: ${what}`);
}
