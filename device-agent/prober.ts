import type { Plan } from '../shared/planner/plan.ts';
import type { Clock } from '../shared/runtime/clock.ts';
import type { LinkMonitor } from './link-monitor.ts';
import type { OffloadClient, Sent } from './offload.ts';
import type { OffloadOutcome } from './pending-request.ts';
import { sendLeadBytes } from './send-lead.ts';

/** Who is asked: a worker, and which model it is asked about. */
export interface Target {
  worker: string;
  /** First 8 bytes of the model's digest, hexadecimal. */
  model: string;
}

/** Questions to a worker that carry no frame. */
export interface Prober {
  /** @returns whether the worker answered */
  isThere(target: Target): Promise<boolean>;
  /** Measures rtt and rate. @returns whether the worker answered */
  measure(target: Target): Promise<boolean>;
  /** Has the worker load its segment of a plan. @returns whether it stands ready */
  prepareSegment(target: Target, plan: Plan): Promise<boolean>;
}

export interface ProberOptions {
  offload: OffloadClient;
  monitor: LinkMonitor;
  clock: Clock;
}

/** Bounds of a probe's size, bytes. */
const leastProbeBytes = 4096;
const mostProbeBytes = 65_536;
/** A probe is to last so long that the noise of the clocks and of the event loops is small beside it, ms. */
const probeMs = 10;

/** A probe that contradicts what was believed is repeated: the link has changed, or a busy processor was in the way. */
export const maxSizedProbes = 5;

/** @returns whether two measured rates may be of the same link */
export function ratesAgree(a: number, b: number): boolean {
  return Math.max(a, b) <= 1.3 * Math.min(a, b);
}

/** @returns the bytes that a probe takes on a link that is believed to be this fast */
export function probeBytes(mbps: number | undefined): number {
  const wanted = ((mbps ?? 0) * 1000 * probeMs) / 8;
  return Math.round(Math.min(mostProbeBytes, Math.max(leastProbeBytes, wanted)) / 4) * 4;
}

/** Of an unknown link: the first message may be held up by what was just started, and the least of these counts. */
const firstSmallProbes = 3;

/** A probe that is not answered by then is given up. */
export const probeTimeoutMs = 2000;
/** Any plan: partition 0 of exit 1 is loaded at every worker. */
const anyPlan: Plan = { exit: 1, partition: 0, direction: 'device-first', encoding: 'f32' };

export function createProber({ offload, monitor, clock }: ProberOptions): Prober {
  function send({ worker, model }: Target, plan: Plan, bytes: number): Sent {
    const data = new Float32Array(Math.max(1, bytes / Float32Array.BYTES_PER_ELEMENT));
    return offload.send({
      kind: 'probe',
      worker,
      model,
      plan,
      tensors: [{ data, dims: [data.length] }],
      timeLeftMs: probeTimeoutMs,
      giveUpAtMs: clock.nowMs() + probeTimeoutMs,
      leadBytes: sendLeadBytes(monitor.link()),
    });
  }

  return {
    isThere: async (target) => isAnswer(await send(target, anyPlan, 0).outcome),
    async measure(target) {
      let believedMbps = monitor.link()?.uplinkMbps;
      // A message of no size tells the rtt, one of some size the rate.
      for (let count = believedMbps === undefined ? firstSmallProbes : 1; count > 0; count -= 1) {
        const small = await send(target, anyPlan, 0).outcome;
        if (!isAnswer(small)) return false;
        monitor.observeRtt(small);
      }
      for (let attempt = 0; attempt < maxSizedProbes; attempt += 1) {
        const large = await send(target, anyPlan, probeBytes(believedMbps)).outcome;
        if (!isAnswer(large)) return false;
        const mbps = monitor.observe('probe', large);
        if (mbps === undefined || (believedMbps !== undefined && ratesAgree(mbps, believedMbps))) break;
        believedMbps = mbps;
      }
      return true;
    },
    prepareSegment: async (target, plan) => isAnswer(await send(target, plan, 0).outcome),
  };
}

function isAnswer(outcome: OffloadOutcome): outcome is Extract<OffloadOutcome, { kind: 'reply' }> {
  return outcome.kind === 'reply' && outcome.status === 'ok';
}
