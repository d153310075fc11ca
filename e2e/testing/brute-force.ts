import type { ModelShape, Plan } from '../../shared/planner/plan.ts';
import { replyBytes, requestBytes } from '../../shared/planner/wire-bytes.ts';
import { chunkLimitsFor } from '../../shared/protocol/chunking.ts';
import type { FrameResult } from '../../shared/protocol/frame-result.ts';
import type { DeviceConfiguration } from '../../shared/protocol/messages.ts';
import type { Encoding } from '../../shared/protocol/tensor-encoding.ts';
import { isImageEncoding } from '../../shared/protocol/wire-encoding.ts';

type TensorPlan = Plan & { encoding: Encoding };

/** A plan with its T, as a search over all plans finds it. */
export interface PricedPlan extends TensorPlan {
  totalMs: number;
  headMs: number;
  /** What must be left of the deadline at its end: the margin, and what the device takes longer at its slowest. */
  reserveMs: number;
}

type Assumed = FrameResult['assumed'];

/** What a frame was planned on. */
export interface Question {
  model: ModelShape;
  configuration: DeviceConfiguration;
  processorFactor: number;
  assumed: Assumed;
}

/**
 * The best plan by trying every exit, partition and encoding, written apart from the planner: T is summed up here anew,
 * and the order of preference is applied to all plans at once.
 */
export function bestByBruteForce(question: Question): PricedPlan | undefined {
  const { policy } = question.configuration;
  const { deviceSpread = 1, busyMs = 0 } = question.assumed;
  const all = allPlans(question);
  // What frames take besides their plans is the margin's.
  const localMs = Math.min(...all.filter((plan) => isLocal(question, plan)).map(({ headMs }) => headMs));
  const rescueMs = busyMs + localMs;
  // Of head and rescue the longer one may be at its slowest.
  const savedAtMs = ({ headMs }: PricedPlan): number =>
    Math.max(deviceSpread * headMs + rescueMs, headMs + deviceSpread * rescueMs);
  const admissible = all.filter(
    (plan) =>
      isLocal(question, plan) ||
      plan.partition === 0 ||
      savedAtMs(plan) + policy.marginMs <= policy.deadlineMs ||
      rescueMs > policy.deadlineMs,
  );
  const inTime = admissible.filter(({ totalMs, reserveMs }) => totalMs + reserveMs <= policy.deadlineMs);
  if (inTime.length === 0) return leastLate(question, admissible);
  const accuracyOf = ({ exit, partition, encoding }: TensorPlan): number => {
    const { accuracy = 0, encodedAccuracy = {} } = question.model.exits[exit - 1] ?? {};
    return encoding === 'f32' ? accuracy : (encodedAccuracy[encoding]?.[partition] ?? accuracy);
  };
  const top = Math.max(...inTime.map(accuracyOf));
  const equal = inTime.filter((plan) => top - accuracyOf(plan) <= policy.accuracyTolerance + 1e-12);
  return equal.toSorted((a, b) => a.totalMs - b.totalMs)[0];
}

/** Behind a busy thread a worker is asked all the same, if it is not hopeless. */
function leastLate({ configuration, assumed }: Question, plans: readonly PricedPlan[]): PricedPlan | undefined {
  const byTotal = plans.toSorted((a, b) => a.totalMs - b.totalMs);
  const asked = byTotal.find(({ partition }) => partition === 0);
  const isAsked = (assumed.busyMs ?? 0) > 0 && asked && asked.totalMs <= 2 * configuration.policy.deadlineMs;
  return isAsked ? asked : byTotal[0];
}

function isLocal({ model }: Question, { exit, partition }: Plan): boolean {
  return partition === (model.exits[exit - 1]?.cuts.length ?? 0) - 1;
}

function allPlans(question: Question): PricedPlan[] {
  const { model, configuration } = question;
  return model.exits.flatMap(({ cuts }, index) =>
    cuts.flatMap((_, partition) => {
      const encodings = partition === cuts.length - 1 ? (['f32'] as const) : tensorEncodings(configuration);
      return encodings.flatMap((encoding) => {
        const plan: TensorPlan = { exit: index + 1, partition, direction: 'device-first', encoding };
        return price(question, plan) ?? [];
      });
    }),
  );
}

/** Images are not tried. */
function tensorEncodings({ policy }: DeviceConfiguration): Encoding[] {
  return policy.encodings.flatMap((encoding) => (isImageEncoding(encoding) ? [] : [encoding]));
}

function price(question: Question, plan: TensorPlan): PricedPlan | undefined {
  const { model, configuration, processorFactor, assumed } = question;
  const cuts = model.exits[plan.exit - 1]?.cuts ?? [];
  const cut = cuts[plan.partition];
  const head = configuration.deviceProfile?.exits[plan.exit - 1]?.head[plan.partition];
  if (cut === undefined || head === undefined) return undefined;
  const { correction, deviceSpread = 1, busyMs = 0 } = assumed;
  const headMs = head.medianMs * processorFactor * (correction?.device ?? 1) * ownFactor(assumed, plan);
  // Whoever begins on the device waits for its thread.
  const ownMs = plan.partition === 0 ? 0 : busyMs + headMs;
  const reserveMs = configuration.policy.marginMs + (deviceSpread - 1) * ownMs;
  if (isLocal(question, plan)) return { ...plan, headMs, reserveMs, totalMs: assumed.frameMs + ownMs };
  const tail = configuration.worker?.profile?.exits[plan.exit - 1]?.tail[plan.partition];
  if (assumed.uplinkMbps === null || assumed.downlinkMbps === null || tail === undefined) return undefined;
  const msPerByte = 8 / (assumed.uplinkMbps * 1000);
  const msPerByteDown = 8 / (assumed.downlinkMbps * 1000);
  const up = requestBytes(cut, plan.encoding, chunkLimitsFor(assumed.uplinkMbps)) * msPerByte;
  const outputs = cuts.at(-1)?.[0]?.elements ?? 0;
  const down = replyBytes([{ elements: outputs, rank: 2 }], 'f32') * msPerByteDown;
  const encodeMs = (cut.reduce((sum, { elements }) => sum + elements, 0) * assumed.encodeNs[plan.encoding]) / 1e6;
  const decodeMs = (outputs * assumed.decodeNs.f32) / 1e6;
  const workerMs = tail.medianMs * (correction?.worker ?? 1);
  const handlingMs = assumed.frameMs + assumed.rttMs + assumed.queueMs;
  const totalMs = ownMs + encodeMs + up + workerMs + down + decodeMs + handlingMs;
  return { ...plan, headMs, reserveMs, totalMs };
}

/** @returns what the device's part of the plan is off by besides the device as a whole */
function ownFactor({ segments = [] }: Assumed, { exit, partition, direction }: Plan): number {
  const own = segments.find(
    (each) => each.exit === exit && each.partition === partition && each.direction === direction,
  );
  return own?.factor ?? 1;
}
