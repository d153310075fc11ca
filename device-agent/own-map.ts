import { buildConfigurationMap } from '../shared/planner/algorithm-2.ts';
import { type MapBasis, type Movement, movementOf } from '../shared/planner/correction.ts';
import type { PlanningInput } from '../shared/planner/predict.ts';
import { transferMs } from '../shared/planner/wire-bytes.ts';
import type { ConfigurationMap } from '../shared/protocol/configuration-map.ts';
import type { Clock } from '../shared/runtime/clock.ts';

/**
 * The device's copy of the map that was pushed to its class: built anew for the same states where this device, its
 * worker or the delay between them is not as the map's builder believed.
 * INVARIANTS: a map that is pushed anew replaces the copy; what goes to and fro by little builds no copy sooner than
 * `leastGapMs` after the last, while what goes far, or on the way that it went before, is followed at once.
 */
export interface OwnMap {
  of(pushed: ConfigurationMap): ConfigurationMap;
  /** Builds the copy anew if it is due: not while a frame waits. */
  refresh(pushed: ConfigurationMap, input: PlanningInput): void;
}

/** Noise of a busy machine turns round within a second or two, and each copy is a line in what the device decided by. */
const leastGapMs = 10_000;

export function createOwnMap(clock: Pick<Clock, 'nowMs'>): OwnMap {
  let copy: { of: string; map: ConfigurationMap; basis: MapBasis } | undefined;
  let built = 0;
  let last: { atMs: number; way: Movement } | undefined;

  function copyOf(pushed: ConfigurationMap): NonNullable<typeof copy> {
    if (copy?.of === pushed.revision) return copy;
    built = 0;
    last = undefined;
    copy = { of: pushed.revision, map: pushed, basis: basisOfPushed(pushed) };
    return copy;
  }

  function isDue(movement: Movement): boolean {
    if (!quantities.some((quantity) => movement[quantity] !== 0)) return false;
    if (movement.isLarge || last === undefined || clock.nowMs() - last.atMs >= leastGapMs) return true;
    const { way } = last;
    return !quantities.some((quantity) => movement[quantity] * way[quantity] < 0);
  }

  return {
    of: (pushed) => copyOf(pushed).map,
    refresh(pushed, input) {
      if (input.offload === null) return;
      const basis = basisNow(input, input.offload);
      const movement = movementOf(copyOf(pushed).basis, basis, pushed.deadlineMs);
      if (!isDue(movement)) return;
      const states = pushed.entries.map(({ state }) => state);
      const revision = `${pushed.revision}+${built + 1}`;
      const result = buildConfigurationMap({ input: lasting(input), states, revision });
      if (result.kind === 'no-plan') return;
      built += 1;
      last = { atMs: clock.nowMs(), way: last === undefined ? movement : goingOn(last.way, movement) };
      copy = { of: pushed.revision, map: result.map, basis };
    },
  };
}

/** How much times vary, and what runs at the moment, counts for each frame, when its plan is looked up. */
function lasting({ deviceSpread: _, busyMs: __, ...input }: PlanningInput): PlanningInput {
  return input;
}

const quantities = ['device', 'worker', 'delayMs'] as const;

/** What did not move goes the way that it went before. */
function goingOn(before: Movement, { device, worker, delayMs, isLarge }: Movement): Movement {
  return {
    device: device || before.device,
    worker: worker || before.worker,
    delayMs: delayMs || before.delayMs,
    isLarge,
  };
}

function basisNow(
  { correction, frameMs = 0 }: PlanningInput,
  { queueMs, link }: NonNullable<PlanningInput['offload']>,
): MapBasis {
  return { device: correction?.device ?? 1, worker: correction?.worker ?? 1, delayMs: frameMs + queueMs + link.rttMs };
}

/** A map is pushed for the tables as they are; the delay that it counts on is found in what it offloads. */
function basisOfPushed({ entries }: ConfigurationMap): MapBasis {
  const offloaded = entries.find(({ prediction }) => prediction.uploadBytes > 0);
  if (offloaded === undefined) return { device: 1, worker: 1, delayMs: 0 };
  const { breakdownMs, uploadBytes } = offloaded.prediction;
  const halfRttMs = Math.max(0, breakdownMs.upload - transferMs(uploadBytes, offloaded.state.mbps));
  return { device: 1, worker: 1, delayMs: breakdownMs.queue + 2 * halfRttMs };
}
