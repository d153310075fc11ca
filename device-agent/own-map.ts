import { buildConfigurationMap } from '../shared/planner/algorithm-2.ts';
import { hasMoved, type MapBasis } from '../shared/planner/correction.ts';
import type { PlanningInput } from '../shared/planner/predict.ts';
import { transferMs } from '../shared/planner/wire-bytes.ts';
import type { ConfigurationMap } from '../shared/protocol/configuration-map.ts';

/**
 * The device's copy of the map that was pushed to its class: built anew for the same states where this device, its
 * worker or the delay between them is not as the map's builder believed.
 * INVARIANT: a map that is pushed anew replaces the copy.
 */
export interface OwnMap {
  of(pushed: ConfigurationMap): ConfigurationMap;
  /** Builds the copy anew if it is due: not while a frame waits. */
  refresh(pushed: ConfigurationMap, input: PlanningInput): void;
}

export function createOwnMap(): OwnMap {
  let copy: { of: string; map: ConfigurationMap; basis: MapBasis } | undefined;
  let built = 0;

  function copyOf(pushed: ConfigurationMap): NonNullable<typeof copy> {
    if (copy?.of === pushed.revision) return copy;
    built = 0;
    copy = { of: pushed.revision, map: pushed, basis: basisOfPushed(pushed) };
    return copy;
  }

  return {
    of: (pushed) => copyOf(pushed).map,
    refresh(pushed, input) {
      if (input.offload === null) return;
      const basis = basisNow(input, input.offload);
      if (!hasMoved(copyOf(pushed).basis, basis, pushed.deadlineMs)) return;
      const states = pushed.entries.map(({ state }) => state);
      const revision = `${pushed.revision}+${built + 1}`;
      const result = buildConfigurationMap({ input, states, revision });
      if (result.kind === 'no-plan') return;
      built += 1;
      copy = { of: pushed.revision, map: result.map, basis };
    },
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
