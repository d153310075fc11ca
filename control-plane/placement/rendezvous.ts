import { createHash } from 'node:crypto';

/** A worker among which devices are shared out. */
export interface WeightedWorker {
  id: string;
  /** Its share of the devices is this by the sum over all; above 0. */
  weight: number;
}

/**
 * How much a device prefers a worker: highest random weight ("rendezvous") hashing with weights, w / −ln u where u is
 * what the two ids hash to in (0, 1). The highest of several wins with a probability of its share of the weights, and
 * a worker that comes or goes changes nothing between the others.
 * @see Thaler, Ravishankar, "Using Name-Based Mappings to Increase Hit Rates", IEEE/ACM ToN 6(1), 1998;
 *   Schindelhauer, Schomaker, "Weighted Distributed Hash Tables", SPAA 2005 (logarithmic method)
 */
export function preference(deviceId: string, { id, weight }: WeightedWorker): number {
  return -weight / Math.log(unitHash(deviceId, id));
}

/** @returns the worker that the device prefers, whatever the order of the list; the lower id wins a tie */
export function favourite<W extends WeightedWorker>(deviceId: string, workers: readonly W[]): W | undefined {
  let best: W | undefined;
  let highest = Number.NEGATIVE_INFINITY;
  for (const worker of workers) {
    const height = preference(deviceId, worker);
    const wins = height > highest || (height === highest && best !== undefined && worker.id < best.id);
    if (!wins) continue;
    best = worker;
    highest = height;
  }
  return best;
}

const steps = 2 ** 52;

/** @returns in the middle of one of 2^52 equal steps of (0, 1), so that it is never 0 or 1; an id has no line break */
function unitHash(deviceId: string, workerId: string): number {
  const digest = createHash('sha256').update(`${deviceId}\n${workerId}`).digest();
  return (Number(digest.readBigUInt64BE() >> 12n) + 0.5) / steps;
}
