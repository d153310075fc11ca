import type { RateSample } from '../../../device-agent/link-monitor.ts';
import { maxSizedProbes, probeBytes, probeTimeoutMs, ratesAgree } from '../../../device-agent/prober.ts';
import { nextProbeMs } from '../../../device-agent/worker-link.ts';
import { type BandwidthTrace, transmissionEndMs } from '../../../shared/planner/bandwidth-trace.ts';
import { createLinkKnowledge } from './link-knowledge.ts';
import type { LinkSample, World } from './virtual-frame.ts';

/**
 * What tells a device of its link, in order of time: its frames, and where those tell nothing for long a probe, by the
 * device agent's rules. A probe that contradicts what was believed is repeated at once.
 */
export interface Ear {
  /** Sends the first probe over an idle link. @returns when it is answered, ms: the first frame may come then */
  begin(): number;
  /** Takes in all that has come by now, and probes when that was due. @returns the world with the probes under way */
  hear(world: World, nowMs: number): World;
  /** A frame's samples will be known at their time. */
  expect(samples: readonly LinkSample[]): void;
  /** As the device estimates the link now, Mbit/s; undefined before the first sample. */
  estimateMbps(): number | undefined;
  /** How the link's rate has moved of late, as the device has seen it. */
  moves(): readonly number[];
}

export interface EarOptions {
  trace: BandwidthTrace;
  costs: { rttMs: number };
  /** What measuring makes of the n-th sample's rate. */
  measuredAt: (sample: number) => number;
}

interface Listener {
  tell(sample: RateSample): void;
  setTime(ms: number): void;
}

/** A probe's sample, with what was believed before it and how many came before it. */
type Coming = LinkSample & { readonly probe?: { readonly attempt: number; readonly believedMbps: number | undefined } };

export function createEar({ trace, costs, measuredAt }: EarOptions, { tell, setTime }: Listener): Ear {
  const knowledge = createLinkKnowledge(costs.rttMs);
  let coming: Coming[] = [];
  let heard = 0;
  let probedMs = Number.NEGATIVE_INFINITY;

  function expect(samples: readonly Coming[]): void {
    if (samples.length > 0) coming = [...coming, ...samples].sort((a, b) => a.atMs - b.atMs);
  }

  function probe(world: World, nowMs: number, about: NonNullable<Coming['probe']>): World {
    probedMs = nowMs;
    const bytes = probeBytes(about.believedMbps);
    const uplinkFreeMs = transmissionEndMs(trace, Math.max(nowMs, world.uplinkFreeMs), bytes);
    const transferMs = uplinkFreeMs + costs.rttMs - nowMs;
    if (transferMs <= probeTimeoutMs) {
      expect([{ atMs: nowMs + transferMs, bytes, transferMs, isMissing: false, probe: about }]);
    }
    return { ...world, uplinkFreeMs };
  }

  /** @returns the world with the probe that follows, if any */
  function take(world: World, sample: Coming): World {
    setTime(sample.atMs);
    const told = knowledge.learn(sample, measuredAt(heard));
    heard += 1;
    if (told === undefined) return world;
    tell(told);
    if (sample.probe === undefined) return world;
    const { attempt, believedMbps } = sample.probe;
    const isCertain = believedMbps !== undefined && ratesAgree(told.mbps, believedMbps);
    if (isCertain || attempt >= maxSizedProbes) return world;
    return probe(world, sample.atMs, { attempt: attempt + 1, believedMbps: told.mbps });
  }

  /** @returns when the device probes next, ms: between frames too */
  function dueMs(): number {
    return nextProbeMs({
      mbps: knowledge.estimateMbps() ?? 0,
      isDoubted: knowledge.isDoubted(),
      lastSampleMs: -knowledge.ageMs(0),
      lastProbeMs: probedMs,
    });
  }

  return {
    begin() {
      const answeredMs = transmissionEndMs(trace, 0, probeBytes(undefined)) + costs.rttMs;
      const sample = { atMs: answeredMs, bytes: probeBytes(undefined), transferMs: answeredMs, isMissing: false };
      take({ deviceFreeMs: 0, workerFreeMs: 0, uplinkFreeMs: 0, downlinkFreeMs: 0 }, sample);
      return answeredMs;
    },
    hear(world, nowMs) {
      let now = world;
      for (;;) {
        const [next] = coming;
        const probeMs = dueMs();
        if (next !== undefined && next.atMs <= Math.min(nowMs, probeMs)) {
          coming = coming.slice(1);
          now = take(now, next);
        } else if (probeMs <= nowMs) {
          now = probe(now, probeMs, { attempt: 1, believedMbps: knowledge.estimateMbps() });
        } else {
          setTime(nowMs);
          return now;
        }
      }
    },
    expect,
    estimateMbps: knowledge.estimateMbps,
    moves: knowledge.moves,
  };
}
