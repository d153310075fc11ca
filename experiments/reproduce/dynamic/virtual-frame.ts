import { defaultRememberMs } from '../../../device-agent/offload.ts';
import { type RescueBranch, type RescuePolicy, rescueExit, rescueTarget } from '../../../device-agent/rescue-exit.ts';
import { type BandwidthTrace, transmissionEndMs, transmittedBytes } from '../../../shared/planner/bandwidth-trace.ts';
import { chunkLimitsFor, chunkPayloadBytes } from '../../../shared/protocol/chunking.ts';
import { type PlaceCosts, type PlanCosts, slowMbps } from './plan-costs.ts';

/** What earlier frames still keep busy, ms since the trace began; each carries or runs one thing after the other. */
export interface World {
  readonly deviceFreeMs: number;
  readonly workerFreeMs: number;
  readonly uplinkFreeMs: number;
  readonly downlinkFreeMs: number;
}

export const idleWorld: World = { deviceFreeMs: 0, workerFreeMs: 0, uplinkFreeMs: 0, downlinkFreeMs: 0 };

/** What a device learns of its link. */
export interface LinkSample {
  /** When it is known, ms since the trace began. */
  readonly atMs: number;
  readonly bytes: number;
  /** Round trip less the worker's part and what a reply of several messages took; of what is missing, how long it was waited for. */
  readonly transferMs: number;
  readonly isMissing: boolean;
}

/** What came of one frame. */
export interface VirtualFrame {
  readonly startMs: number;
  readonly endMs: number;
  /** Of the exit that it was finished on, as its encoding leaves it. */
  readonly accuracy: number;
  readonly fellBack: boolean;
  /** The exit that was run whole on the device, if any. */
  readonly ranWhole: number | null;
  readonly world: World;
  readonly samples: readonly LinkSample[];
}

/** A whole branch on the device as its fallback sees it. */
export interface VirtualRescue extends RescueBranch {
  readonly costs: PlanCosts;
}

/** Under what frames are run. */
export interface FrameRules {
  readonly costs: PlaceCosts;
  readonly trace: BandwidthTrace;
  readonly policy: RescuePolicy;
  /** What the device knows of its whole branches, the fastest first. */
  readonly rescues: readonly VirtualRescue[];
  /** False: a frame waits for its reply, however late. */
  readonly fallsBack: boolean;
}

/** A reply larger than this comes as several messages, whose spread tells how long it took, bytes. */
const oneMessageBytes = 1200;
/** A worker that refuses sends headers alone, bytes. */
const refusalBytes = 128;

/**
 * Runs one frame in virtual time, as the device agent runs it: head, upload, worker, reply, tail; and where only the
 * time that is left for a local exit remains, one is begun. Device-first the reply is used if it comes first.
 * @param slowness what the device's own times are multiplied by in this frame
 */
export function runVirtualFrame(
  rules: FrameRules,
  world: World,
  { planned, startMs, slowness }: { planned: PlanCosts; startMs: number; slowness: number },
): VirtualFrame {
  const frame: Frame = { rules, planned, startMs, slowness, deadlineAtMs: startMs + rules.policy.deadlineMs };
  const readyMs = startMs + rules.costs.frameMs;
  if (planned.isLocal) return finishOnDevice(frame, world, { fromMs: readyMs, exit: planned, fellBack: false });
  const headMs = planned.headMs * slowness;
  const headEndMs = headMs > 0 ? Math.max(readyMs, world.deviceFreeMs) + headMs : readyMs;
  const busy = headMs > 0 ? { ...world, deviceFreeMs: headEndMs } : world;
  return planned.plan.direction === 'edge-first'
    ? runEdgeFirst(frame, busy, headEndMs + planned.encodeMs)
    : runDeviceFirst(frame, busy, headEndMs + planned.encodeMs);
}

interface Frame {
  readonly rules: FrameRules;
  readonly planned: PlanCosts;
  readonly startMs: number;
  readonly slowness: number;
  readonly deadlineAtMs: number;
}

function runDeviceFirst(frame: Frame, before: World, sentMs: number): VirtualFrame {
  const { rules, planned, deadlineAtMs } = frame;
  const reply = offload(frame, before, { sentMs, usefulUntilMs: deadlineAtMs });
  const { world } = reply;
  const rescueAtMs = Math.max(sentMs, rescueDueMs(frame, sentMs));
  const repliedMs = reply.isResult ? reply.atMs + planned.decodeMs : Number.POSITIVE_INFINITY;
  if (!rules.fallsBack || reply.atMs <= rescueAtMs) return finishedByWorker(frame, reply, repliedMs);
  const rescued = finishOnDevice(frame, world, {
    fromMs: rescueAtMs,
    exit: bestExit(frame, world, rescueAtMs),
    fellBack: true,
  });
  if (repliedMs >= rescued.endMs) return withoutReply(frame, before, { reply, sentMs, rescued });
  // One that has not begun is withdrawn.
  if (repliedMs <= world.deviceFreeMs) return finishedByWorker(frame, reply, repliedMs);
  // The local exit that lost runs to its end beside what follows.
  return { ...finishedByWorker(frame, reply, repliedMs), world: rescued.world, ranWhole: rescued.ranWhole };
}

function runEdgeFirst(frame: Frame, before: World, sentMs: number): VirtualFrame {
  const { rules, planned, deadlineAtMs, slowness } = frame;
  const { marginMs } = rules.policy;
  const fastest = fastestOf(rules);
  const canSave = rules.fallsBack && sentMs + fastest.reserveMs <= deadlineAtMs;
  const tailMs = (planned.tailMs * fastest.slowMs) / fastest.predictedMs;
  const reply = offload(frame, before, { sentMs, usefulUntilMs: deadlineAtMs - (canSave ? tailMs : 0) });
  const { world } = reply;
  const rescueAtMs = Math.max(sentMs, rescueDueMs(frame, sentMs));
  if (canSave && reply.atMs > rescueAtMs) {
    const rescued = finishOnDevice(frame, world, {
      fromMs: rescueAtMs,
      exit: bestExit(frame, world, rescueAtMs),
      fellBack: true,
    });
    return withoutReply(frame, before, { reply, sentMs, rescued });
  }
  const repliedMs = reply.atMs + planned.decodeMs;
  const isTooLate = repliedMs + tailMs + marginMs > deadlineAtMs && repliedMs + fastest.reserveMs <= deadlineAtMs;
  if (rules.fallsBack && (isTooLate || !reply.isResult)) {
    const exit = bestExit(frame, world, repliedMs);
    return { ...finishOnDevice(frame, world, { fromMs: repliedMs, exit, fellBack: true }), samples: [reply.sample] };
  }
  const endMs = Math.max(repliedMs, world.deviceFreeMs) + planned.tailMs * slowness;
  return { ...finishedByWorker(frame, reply, endMs), world: { ...world, deviceFreeMs: endMs } };
}

/** Runs a whole branch. */
function finishOnDevice(
  { startMs, slowness }: Frame,
  world: World,
  { fromMs, exit, fellBack }: { fromMs: number; exit: PlanCosts; fellBack: boolean },
): VirtualFrame {
  const endMs = Math.max(fromMs, world.deviceFreeMs) + exit.headMs * slowness;
  return {
    startMs,
    endMs,
    accuracy: exit.accuracy,
    fellBack,
    ranWhole: exit.plan.exit,
    world: { ...world, deviceFreeMs: endMs },
    samples: [],
  };
}

/** @returns when a local exit is begun if no reply is there */
function rescueDueMs({ rules, deadlineAtMs }: Frame, sentMs: number): number {
  const { rescues, policy } = rules;
  const { reserveMs } = rescueTarget(rescues, policy, deadlineAtMs - sentMs) ?? fastestOf(rules);
  return deadlineAtMs - reserveMs - policy.marginMs;
}

/** @returns the whole branch that the device would finish on */
function bestExit({ rules, deadlineAtMs }: Frame, { deviceFreeMs }: World, nowMs: number): PlanCosts {
  const { rescues, policy } = rules;
  const fastest = fastestOf(rules);
  // What the thread is busy with may take longer too.
  const busyMs = (Math.max(0, deviceFreeMs - nowMs) * fastest.slowMs) / fastest.predictedMs;
  return (rescueExit(rescues, policy, deadlineAtMs - nowMs - busyMs) ?? fastest).costs;
}

function fastestOf({ rescues }: FrameRules): VirtualRescue {
  const [fastest] = rescues;
  if (fastest === undefined) throw new RangeError('a place without a local exit');
  return fastest;
}

interface Reply {
  /** When its last message is there; decoding comes after it. */
  atMs: number;
  isResult: boolean;
  sample: LinkSample;
  world: World;
}

/** Uploads, is served and is replied to; each waits for what is under way already. */
function offload(
  { rules, planned }: Frame,
  world: World,
  { sentMs, usefulUntilMs }: { sentMs: number; usefulUntilMs: number },
): Reply {
  const { trace, costs } = rules;
  const halfRttMs = costs.rttMs / 2;
  const uplinkFreeMs = transmissionEndMs(trace, Math.max(sentMs, world.uplinkFreeMs), planned.uploadBytes);
  const arrivedMs = uplinkFreeMs + halfRttMs;
  const isResult = !rules.fallsBack || arrivedMs <= usefulUntilMs;
  const servedMs = isResult ? Math.max(arrivedMs, world.workerFreeMs) + planned.workerMs : arrivedMs;
  const replyBytes = isResult ? planned.replyBytes : refusalBytes;
  const downFromMs = Math.max(servedMs, world.downlinkFreeMs);
  const downlinkFreeMs = transmissionEndMs(trace, downFromMs, replyBytes);
  const atMs = downlinkFreeMs + halfRttMs;
  const spreadMs = replyBytes > oneMessageBytes ? downlinkFreeMs - downFromMs : 0;
  const transferMs = atMs - sentMs - (servedMs - arrivedMs) - spreadMs;
  return {
    atMs,
    isResult,
    sample: { atMs, bytes: planned.uploadBytes, transferMs, isMissing: false },
    world: {
      deviceFreeMs: world.deviceFreeMs,
      workerFreeMs: Math.max(world.workerFreeMs, isResult ? servedMs : 0),
      uplinkFreeMs,
      downlinkFreeMs,
    },
  };
}

function finishedByWorker({ startMs, planned }: Frame, { sample, world }: Reply, endMs: number): VirtualFrame {
  const { accuracy } = planned;
  return { startMs, endMs, accuracy, fellBack: false, ranWhole: null, world, samples: [sample] };
}

/**
 * The frame ended on the device: how long was waited tells something, and so does the reply when it comes. What of the
 * upload was not sent by then is not sent any more.
 */
function withoutReply(
  { rules, planned, deadlineAtMs }: Frame,
  before: World,
  { reply, sentMs, rescued }: { reply: Reply; sentMs: number; rescued: VirtualFrame },
): VirtualFrame {
  const { endMs } = rescued;
  if (reply.atMs <= endMs) return { ...rescued, samples: [reply.sample] };
  const missing = { atMs: endMs, bytes: planned.uploadBytes, transferMs: endMs - sentMs, isMissing: true };
  if (reply.world.uplinkFreeMs <= endMs) {
    const isHeard = reply.atMs <= deadlineAtMs + defaultRememberMs;
    return { ...rescued, samples: isHeard ? [missing, reply.sample] : [missing] };
  }
  // The chunk that was on its way may have arrived, as far as the device can tell.
  const chunkBytes = chunkPayloadBytes(planned.uploadBytes, chunkLimitsFor(slowMbps));
  const fromMs = Math.max(sentMs, before.uplinkFreeMs);
  const bytes = Math.min(planned.uploadBytes, transmittedBytes(rules.trace, fromMs, endMs) + chunkBytes);
  const { deviceFreeMs } = rescued.world;
  const world = { ...before, deviceFreeMs, uplinkFreeMs: Math.max(before.uplinkFreeMs, endMs) };
  return { ...rescued, world, samples: [{ ...missing, bytes }] };
}
