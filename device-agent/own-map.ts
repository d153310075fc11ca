import { buildConfigurationMap } from '../shared/planner/algorithm-2.ts';
import { diffMaps } from '../shared/planner/configuration-map.ts';
import { type MapBasis, type Movement, movementOf } from '../shared/planner/correction.ts';
import type { PlanningInput } from '../shared/planner/predict.ts';
import { transferMs } from '../shared/planner/wire-bytes.ts';
import type { ConfigurationMap } from '../shared/protocol/configuration-map.ts';

/**
 * The device's copy of the map that was pushed to its class: built anew for the same states where this device, its
 * worker or the delay between them is not as the map's builder believed.
 * INVARIANTS: a map that is pushed anew replaces the copy; a revision stands for its plans: where these stay, or are the
 * pushed map's again, only what they are predicted to take becomes newer; what goes far, or on the way that it went
 * before, is followed at once, while what turns back by less, and what single segments are off by, is followed when it
 * has lasted for `backFrames`: a factor that wanders to and fro builds no copy after copy.
 */
export interface OwnMap {
  of(pushed: ConfigurationMap): ConfigurationMap;
  /** Builds the copy anew if it is due: not while a frame waits. To be called once a frame. */
  refresh(pushed: ConfigurationMap, input: PlanningInput): void;
}

/** A factor takes some four frames to show a step, and what lasts is to be in force within ten. */
const backFrames = 6;

const quantities = ['device', 'worker', 'delayMs', 'segments'] as const;
type Counts = Record<(typeof quantities)[number], number>;
const still: Counts = { device: 0, worker: 0, delayMs: 0, segments: 0 };

export function createOwnMap(): OwnMap {
  let copy: { of: string; map: ConfigurationMap; basis: MapBasis } | undefined;
  let built = 0;
  /** Which way each quantity went last; 0: it has not moved yet. */
  let way = still;
  /** For how many frames each has been where it is now, up (above 0) or down from where the copy has it. */
  let lasted = still;

  function copyOf(pushed: ConfigurationMap): NonNullable<typeof copy> {
    if (copy?.of === pushed.revision) return copy;
    built = 0;
    way = still;
    lasted = still;
    copy = { of: pushed.revision, map: pushed, basis: basisOfPushed(pushed) };
    return copy;
  }

  function isDue(movement: Movement): boolean {
    lasted = each((quantity) => {
      const moved = movement[quantity];
      return moved * lasted[quantity] > 0 ? lasted[quantity] + moved : moved;
    });
    if (movement.isLarge) return true;
    return quantities.some((quantity) => {
      if (movement[quantity] === 0) return false;
      const goesOn = quantity !== 'segments' && movement[quantity] * way[quantity] >= 0;
      return goesOn || Math.abs(lasted[quantity]) >= backFrames;
    });
  }

  return {
    of: (pushed) => copyOf(pushed).map,
    refresh(pushed, input) {
      if (input.offload === null) return;
      const current = copyOf(pushed);
      const basis = basisNow(input, input.offload);
      const movement = movementOf(current.basis, basis, pushed.deadlineMs);
      if (!isDue(movement)) return;
      const states = pushed.entries.map(({ state }) => state);
      const revision = `${pushed.revision}+${built + 1}`;
      const result = buildConfigurationMap({ input: lasting(input), states, revision });
      if (result.kind === 'no-plan') return;
      const known = [current.map, pushed].find((map) => diffMaps(map, result.map).length === 0);
      if (known === undefined) built += 1;
      copy = { of: pushed.revision, map: { ...result.map, revision: known?.revision ?? revision }, basis };
      way = each((quantity) => movement[quantity] || way[quantity]);
      lasted = still;
    },
  };
}

function each(count: (quantity: keyof Counts) => number): Counts {
  return {
    device: count('device'),
    worker: count('worker'),
    delayMs: count('delayMs'),
    segments: count('segments'),
  };
}

/** How much times vary, and what runs at the moment, counts for each frame, when its plan is looked up. */
function lasting({ deviceSpread: _, busyMs: __, ...input }: PlanningInput): PlanningInput {
  return input;
}

function basisNow(
  { correction, frameMs = 0, plans }: PlanningInput,
  { queueMs, link }: NonNullable<PlanningInput['offload']>,
): MapBasis {
  const { device = 1, worker = 1 } = correction ?? {};
  return { device, worker, delayMs: frameMs + queueMs + link.rttMs, segments: plans.segmentFactors };
}

/** A map is pushed for the tables as they are; the delay that it counts on is found in what it offloads. */
function basisOfPushed({ entries }: ConfigurationMap): MapBasis {
  const offloaded = entries.find(({ prediction }) => prediction.uploadBytes > 0);
  const asMeasured = { device: 1, worker: 1, segments: [] };
  if (offloaded === undefined) return { ...asMeasured, delayMs: 0 };
  const { breakdownMs, uploadBytes } = offloaded.prediction;
  const halfRttMs = Math.max(0, breakdownMs.upload - transferMs(uploadBytes, offloaded.state.mbps));
  return { ...asMeasured, delayMs: breakdownMs.queue + 2 * halfRttMs };
}
