import type { Plan } from '../shared/planner/plan.ts';
import type { Clock } from '../shared/runtime/clock.ts';
import type { LinkMonitor } from './link-monitor.ts';
import type { OffloadClient } from './offload.ts';
import { createProber, probeBytes, type Target } from './prober.ts';

/**
 * The path to the placed worker: whether it answers, how fast it is, which segments stand ready there.
 * INVARIANTS: no frame is sent to a worker that did not answer a probe since it was last lost; a segment counts as
 * prepared only after the worker said so; probes take at most `probeShare` of the link, yet no longer pause
 * than `longestBlindnessMs`, and where a reply is missing ask at once whether the link or the worker has gone.
 */
export interface WorkerLink {
  /** The worker to offload to, undefined while none is placed or the placed one does not answer. */
  reachable(): string | undefined;
  use(worker: string | undefined, model: string): void;
  /** Tells how a frame's offload ended. */
  observeOutcome(outcome: 'answered' | 'lost'): void;
  isPrepared(plan: Plan): boolean;
  /** Asks the worker to load its segment of the plan; again and again is once. */
  prepare(plan: Plan): void;
  start(): void;
  stop(): void;
}

export interface WorkerLinkOptions extends ProbingLimits {
  offload: OffloadClient;
  monitor: LinkMonitor;
  clock: Clock;
  /** Frames lost in a row after which the worker counts as gone. */
  lostInARow?: number;
}

const tickMs = 200;

export function createWorkerLink(options: WorkerLinkOptions): WorkerLink {
  const { offload, monitor, clock, lostInARow = 3 } = options;
  const prober = createProber({ offload, monitor, clock });
  const segments = createPreparedSegments();
  let target: Target | undefined;
  let alive = false;
  let lost = 0;
  let probing = false;
  let lastProbeMs = Number.NEGATIVE_INFINITY;
  let cancelTick: (() => void) | undefined;

  function markLost(): void {
    alive = false;
    segments.clear();
  }

  async function probe(asked: Target): Promise<void> {
    probing = true;
    lastProbeMs = clock.nowMs();
    const isThere = alive || (await prober.isThere(asked));
    // What was believed of a link that had gone is of no use for the one that came back, nor is how long the first
    // answer was held up.
    if (!alive) monitor.reset();
    const answered = isThere && (await prober.measure(asked));
    probing = false;
    if (asked !== target) return;
    if (!answered) return markLost();
    alive = true;
    lost = 0;
  }

  function tick(): void {
    cancelTick = clock.after(tickMs, tick);
    if (target !== undefined && !probing && (!alive || isProbeDue())) void probe(target);
  }

  function isProbeDue(): boolean {
    const nowMs = clock.nowMs();
    const mbps = monitor.link()?.uplinkMbps ?? 0;
    const lastSampleMs = nowMs - monitor.ageMs();
    return nowMs >= nextProbeMs({ mbps, isDoubted: monitor.isDoubted(), lastSampleMs, lastProbeMs }, options);
  }

  return {
    reachable: () => (alive ? target?.worker : undefined),
    use(worker, model) {
      if (worker === target?.worker && (worker === undefined || model === target?.model)) return;
      target = worker === undefined ? undefined : { worker, model };
      markLost();
      monitor.reset();
      offload.useWorker(worker);
    },
    observeOutcome(outcome) {
      lost = outcome === 'answered' ? 0 : lost + 1;
      if (lost >= lostInARow) markLost();
    },
    isPrepared: (plan) => plan.partition === 0 || segments.has(plan),
    prepare(plan) {
      const asked = target;
      if (asked === undefined || !alive || plan.partition === 0) return;
      segments.prepare(plan, async () => (await prober.prepareSegment(asked, plan)) && alive && asked === target);
    },
    start: tick,
    stop: () => cancelTick?.(),
  };
}

/** Bounds on how much a device probes. */
export interface ProbingLimits {
  /** Share of the link that probes may take, 0..1. */
  probeShare?: number;
  /** Least pause without a sample after which an idle link is probed, and between two probes of a doubted one, ms. */
  idleMs?: number;
  /** However slow the link is, it is probed after so long a pause, ms. */
  longestBlindnessMs?: number;
}

/** What is known of a link, and since when. Times on one clock, minus infinity for never. */
export interface Heard {
  /** What the link is believed to carry, Mbit/s; 0: unknown. */
  mbps: number;
  /** Whether a missing reply is the newest that was heard. */
  isDoubted: boolean;
  lastSampleMs: number;
  lastProbeMs: number;
}

/**
 * An idle link is probed when it has been quiet for as long as a probe may cost. A doubt is not left standing: frames
 * stay on the device by what one missing reply told, and so nothing else would settle it.
 * @returns when to probe, on the clock of the times given
 */
export function nextProbeMs({ mbps, isDoubted, lastSampleMs, lastProbeMs }: Heard, limits: ProbingLimits = {}): number {
  const { probeShare = 0.01, idleMs = 2000, longestBlindnessMs = 10_000 } = limits;
  if (isDoubted) return Math.max(lastSampleMs, lastProbeMs + idleMs);
  const affordableMs = mbps > 0 ? (probeBytes(mbps) * 8) / (probeShare * mbps * 1000) : 0;
  return Math.max(lastSampleMs, lastProbeMs) + Math.min(longestBlindnessMs, Math.max(idleMs, affordableMs));
}

/** Which segments the worker said are loaded. */
function createPreparedSegments() {
  const ready = new Set<string>();
  const asked = new Set<string>();
  const keyOf = ({ exit, partition, direction }: Plan): string => `${exit}/${partition}/${direction}`;
  return {
    has: (plan: Plan): boolean => ready.has(keyOf(plan)),
    clear: (): void => ready.clear(),
    prepare(plan: Plan, ask: () => Promise<boolean>): void {
      const key = keyOf(plan);
      if (asked.has(key) || ready.has(key)) return;
      asked.add(key);
      void ask().then((stands) => {
        asked.delete(key);
        if (stands) ready.add(key);
      });
    },
  };
}
