import type { Plan } from '../shared/planner/plan.ts';
import type { Clock } from '../shared/runtime/clock.ts';
import type { LinkMonitor } from './link-monitor.ts';
import type { OffloadClient, OffloadOutcome, Sent } from './offload.ts';

/**
 * The path to the placed worker: whether it answers, how fast it is, which tails stand ready there.
 * INVARIANTS: no frame is sent to a worker that did not answer a probe since it was last lost; a tail counts as
 * prepared only after the worker said so; probes take at most `probeShare` of the link, yet no longer pause
 * than `longestBlindnessMs`.
 */
export interface WorkerLink {
  /** The worker to offload to, undefined while none is placed or the placed one does not answer. */
  reachable(): string | undefined;
  use(worker: string | undefined, model: string): void;
  /** Tells how a frame's offload ended. */
  observeOutcome(outcome: 'answered' | 'lost'): void;
  isPrepared(plan: Plan): boolean;
  /** Asks the worker to load the plan's tail; again and again is once. */
  prepare(plan: Plan): void;
  start(): void;
  stop(): void;
}

export interface WorkerLinkOptions {
  offload: OffloadClient;
  monitor: LinkMonitor;
  clock: Clock;
  /** Frames lost in a row after which the worker counts as gone. */
  lostInARow?: number;
  probeBytes?: number;
  /** Share of the link that probes may take, 0..1. */
  probeShare?: number;
  /** Pause without a sample after which an idle link is probed, ms. */
  idleMs?: number;
  longestBlindnessMs?: number;
}

const tickMs = 200;
const probeTimeoutMs = 2000;
/** Any tail: partition 0 of exit 1 is loaded at every worker. */
const anyPlan: Plan = { exit: 1, partition: 0, direction: 'device-first', encoding: 'f32' };

export function createWorkerLink(options: WorkerLinkOptions): WorkerLink {
  const { offload, monitor, clock } = options;
  const { lostInARow = 3, probeBytes = 4096, probeShare = 0.01, idleMs = 2000, longestBlindnessMs = 10_000 } = options;
  let worker: string | undefined;
  let model = '';
  let alive = false;
  let lost = 0;
  let probing = false;
  let lastProbeMs = Number.NEGATIVE_INFINITY;
  let cancelTick: (() => void) | undefined;
  const prepared = new Set<string>();
  const preparing = new Set<string>();

  function send(plan: Plan, bytes: number): Sent | undefined {
    if (worker === undefined) return undefined;
    const data = new Float32Array(Math.max(1, bytes / 4));
    return offload.send({
      kind: 'probe',
      worker,
      model,
      plan,
      tensors: [{ data, dims: [data.length] }],
      timeLeftMs: probeTimeoutMs,
      giveUpAtMs: clock.nowMs() + probeTimeoutMs,
    });
  }

  /** A message of no size tells the rtt, one of some size the rate. @returns whether the worker answered */
  async function probe(): Promise<boolean> {
    const small = await send(anyPlan, 0)?.outcome;
    if (!isAnswer(small)) return false;
    monitor.observeRtt(small.elapsedMs, small.report);
    const sized = send(anyPlan, probeBytes);
    const large = await sized?.outcome;
    if (sized === undefined || !isAnswer(large)) return false;
    monitor.observe('probe', sized.bytes, large.elapsedMs, large.report);
    return true;
  }

  function markLost(): void {
    alive = false;
    prepared.clear();
  }

  function pauseMs(): number {
    if (!alive) return 0;
    const mbps = monitor.link()?.uplinkMbps ?? 0;
    const affordableMs = mbps > 0 ? (probeBytes * 8) / (probeShare * mbps * 1000) : 0;
    return Math.min(longestBlindnessMs, Math.max(idleMs, affordableMs));
  }

  async function tick(): Promise<void> {
    const nowMs = clock.nowMs();
    const quietMs = Math.min(monitor.ageMs(), nowMs - lastProbeMs);
    if (worker === undefined || probing || (alive && quietMs < pauseMs())) return;
    probing = true;
    lastProbeMs = nowMs;
    const asked = worker;
    // What was believed of a link that had gone is of no use for the one that came back.
    if (!alive) monitor.reset();
    const answered = await probe();
    probing = false;
    if (asked !== worker) return;
    if (answered) {
      alive = true;
      lost = 0;
    } else if (alive) {
      markLost();
    }
  }

  function schedule(): void {
    cancelTick = clock.after(tickMs, () => {
      schedule();
      void tick();
    });
  }

  return {
    reachable: () => (alive ? worker : undefined),
    use(nextWorker, nextModel) {
      if (nextWorker === worker && nextModel === model) return;
      worker = nextWorker;
      model = nextModel;
      markLost();
      monitor.reset();
      offload.useWorker(worker);
    },
    observeOutcome(outcome) {
      lost = outcome === 'answered' ? 0 : lost + 1;
      if (lost >= lostInARow) markLost();
    },
    isPrepared: (plan) => plan.partition === 0 || prepared.has(tailKey(plan)),
    prepare(plan) {
      const key = tailKey(plan);
      if (!alive || plan.partition === 0 || preparing.has(key)) return;
      preparing.add(key);
      void send(plan, 0)?.outcome.then((outcome) => {
        preparing.delete(key);
        if (isAnswer(outcome) && alive) prepared.add(key);
      });
    },
    start: schedule,
    stop: () => cancelTick?.(),
  };
}

function tailKey({ exit, partition }: Plan): string {
  return `${exit}/${partition}`;
}

function isAnswer(outcome: OffloadOutcome | undefined): outcome is Extract<OffloadOutcome, { kind: 'reply' }> {
  return outcome?.kind === 'reply' && outcome.status === 'ok';
}
