import { type Static, Type } from 'typebox';
import { measureCodecNs } from '../../device-agent/codec-timing.ts';
import { modelShape } from '../../shared/planner/model-shape.ts';
import type { PlanningInput } from '../../shared/planner/predict.ts';
import { preparePlans } from '../../shared/planner/prepared-plans.ts';
import { type Policy, policyParser } from '../../shared/protocol/messages.ts';
import { latencyTable, slowedProfile } from '../../shared/protocol/profile.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import type { ExperimentContext } from './experiment.ts';
import { profileOf } from './factors.ts';
import { measurePlan } from './measure-plan.ts';
import { measuringPolicy } from './measuring-policy.ts';
import type { Circumstances } from './methods/method.ts';
import { openModel } from './models.ts';
import type { Place } from './test-bed.ts';

const Ns = Type.Object({ f32: Type.Number(), f16: Type.Number(), u8: Type.Number() });
const CodecSchema = Type.Object({ encodeNs: Ns, decodeNs: Ns });

/** What methods decide on at one place, whatever the link and the deadline. */
export interface Costs {
  /** @param deadlineMs of the policy, which allows everything and takes accuracies for what they are */
  at(mbps: number, deadlineMs: number): Circumstances;
}

/** Fast enough that what is measured of a small message is its round trip, Mbit/s. */
const fastMbps = 10;

/** Measures what planning needs of a place: a profile, the encodings, the round trip through the broker. */
export async function costsOf(context: ExperimentContext, place: Place): Promise<Costs> {
  const { model: name, factors } = place;
  const { package: model, description } = await openModel(name);
  const own = await profileOf(context, name);
  const slowed = { device: slowedProfile(own, factors.device), worker: slowedProfile(own, factors.worker) };
  const shape = modelShape(description, model.manifest);
  const plans = preparePlans({ model: shape, device: latencyTable(own), worker: latencyTable(slowed.worker) });
  const codecNs = await codecOf(context);
  const { rttMs, queueMs, frameMs } = await delaysOf(context, place);
  const inputBytes = description.inputs.reduce((sum, { bytes }) => sum + bytes, 0);
  const branches = slowed.device.exits.map(({ layers }, index) => ({
    edgeMs: (slowed.worker.exits[index]?.layers ?? []).map(({ timing }) => timing.medianMs),
    deviceMs: layers.map(({ timing }) => timing.medianMs),
    outputBytes: layers.map(({ outputBytes }) => outputBytes),
  }));
  return {
    at: (mbps, deadlineMs) => ({
      input: {
        plans,
        policy: policyAt(deadlineMs),
        processorFactor: factors.device,
        frameMs,
        offload: { queueMs, link: { uplinkMbps: mbps, downlinkMbps: mbps, rttMs } },
        ...codecNs,
      },
      printed: { branches, inputBytes, bandwidthMbps: mbps, latencyMs: deadlineMs },
    }),
  };
}

function policyAt(deadlineMs: number): Policy {
  return policyParser.parse({
    name: 'reproduce',
    version: 1,
    deadlineMs,
    ...measuringPolicy,
  });
}

function codecOf({ point }: ExperimentContext): Promise<Pick<PlanningInput, keyof Static<typeof CodecSchema>>> {
  return point({ what: 'codec' }, CodecSchema, async () => measureCodecNs(systemClock));
}

/** What every frame waits, whatever its plan: on its way, on a worker that has nothing else to do, on the device. */
async function delaysOf(
  context: ExperimentContext,
  place: Place,
): Promise<{ rttMs: number; queueMs: number; frameMs: number }> {
  const plan = { exit: 1, partition: 0, direction: 'device-first', encoding: 'u8' } as const;
  const { rttMs, frameMs, breakdownMs } = await measurePlan(context, { place, plan, mbps: fastMbps });
  return { rttMs, queueMs: breakdownMs.queue, frameMs };
}
