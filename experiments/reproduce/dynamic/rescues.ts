import { rehearsalGapMs, reservedMs } from '../../../device-agent/local-timing.ts';
import { rehearsedExits } from '../../../device-agent/rescue-exit.ts';
import type { Policy } from '../../../shared/protocol/messages.ts';
import type { PlaceCosts } from './plan-costs.ts';
import type { VirtualFrame, VirtualRescue, World } from './virtual-frame.ts';

/** What a device knows of its whole branches while frames pass. */
export interface Rescues {
  /** As the device leaves time for them now, the fastest first. */
  branches(): VirtualRescue[];
  /** Counts what a frame ran, and runs what is due for the sake of its time. @returns the world for the next frame */
  after(frame: VirtualFrame): World;
}

/** @param p99Slowness what the device has seen its branches take at their slowest, of their predicted times */
export function createRescues({ local }: PlaceCosts, policy: Policy, p99Slowness: number): Rescues {
  /** When a frame ran a whole branch last. */
  let lastFrameMs = Number.NEGATIVE_INFINITY;
  const histories = new Map(local.map(({ plan }) => [plan.exit, { runs: 0, lastMs: 0 }]));

  const branches = (): VirtualRescue[] =>
    local.map((costs) => {
      const { plan, accuracy, headMs } = costs;
      const slowMs = headMs * p99Slowness;
      const runs = histories.get(plan.exit)?.runs ?? 0;
      const reserveMs = reservedMs({ runs, p99Ms: slowMs, slowestMs: slowMs });
      return { costs, exit: plan.exit, accuracy, predictedMs: headMs, slowMs, reserveMs };
    });

  function ran(exit: number, atMs: number): void {
    histories.set(exit, { runs: (histories.get(exit)?.runs ?? 0) + 1, lastMs: atMs });
  }

  function dueAt(ms: number): VirtualRescue | undefined {
    const all = branches();
    const isDue = ({ exit, slowMs }: VirtualRescue): boolean =>
      ms - Math.max(lastFrameMs, histories.get(exit)?.lastMs ?? 0) > rehearsalGapMs(slowMs);
    return rehearsedExits(all, policy)
      .map((exit) => all.find((branch) => branch.exit === exit))
      .find((branch) => branch !== undefined && isDue(branch));
  }

  return {
    branches,
    after({ endMs, ranWhole, world }) {
      if (ranWhole !== null) {
        lastFrameMs = endMs;
        ran(ranWhole, endMs);
      }
      const due = dueAt(endMs);
      if (due === undefined) return world;
      // The device's thread is busy with it while the next frame comes.
      const deviceFreeMs = Math.max(world.deviceFreeMs, endMs) + due.predictedMs;
      ran(due.exit, deviceFreeMs);
      return { ...world, deviceFreeMs };
    },
  };
}
