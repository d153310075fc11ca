import { availableParallelism } from 'node:os';
import { type Static, Type } from 'typebox';
import { idPatternSource } from '../shared/protocol/ids.ts';
import { LogLevelSchema } from '../shared/runtime/log-level.ts';

/** Settings of an edge worker; as environment variables `EDGENT_ID`, `EDGENT_CONTROL_PLANE_URL` and so on. */
export const edgeWorkerConfigSchema = Type.Object(
  {
    id: Type.String({ pattern: idPatternSource, description: 'Name of this worker' }),
    controlPlaneUrl: Type.String({ pattern: '^https?://', description: 'Address of the control plane' }),
    enrolmentToken: Type.Optional(
      Type.String({ minLength: 1, description: 'Lets this worker register; not needed once credentials are kept' }),
    ),
    brokerUrl: Type.Optional(
      Type.String({ description: 'Broker to connect to, if another than the control plane names' }),
    ),
    dataFolder: Type.String({ minLength: 1, description: 'Keeps credentials, models and the last configuration' }),
    threads: Type.Integer({
      minimum: 0,
      maximum: 256,
      default: 0,
      description: 'Inference threads; 0: all cores but one',
    }),
    maxSessions: Type.Integer({
      minimum: 1,
      default: 48,
      description: 'Segments that each inference thread keeps loaded at most',
    }),
    maxSessionBytes: Type.Integer({
      minimum: 1 << 20,
      default: 512 * 1024 * 1024,
      description: 'Memory for loaded segments of all threads together, bytes: those used longest ago are let go',
    }),
    maxBatch: Type.Integer({
      minimum: 1,
      maximum: 16,
      default: 16,
      description: 'Waiting requests that one run may take together; 1: none are',
    }),
    maxBatchMs: Type.Number({
      minimum: 0,
      default: 50,
      description: 'How long a run of several requests may keep a thread, ms: who comes meanwhile waits for all of it',
    }),
    aheadMs: Type.Number({
      minimum: 0,
      default: 2,
      description: 'A thread gets its next work so long before it should be done with the last, ms; 0: afterwards',
    }),
    maxQueued: Type.Integer({ minimum: 1, default: 256, description: 'Requests that may wait' }),
    maxReassemblyBytes: Type.Integer({
      minimum: 1024,
      default: 32 * 1024 * 1024,
      description: 'Bytes of unfinished tensors that one device may have here',
    }),
    maxReassemblyAgeMs: Type.Integer({
      minimum: 10,
      default: 10_000,
      description: 'How long an unfinished tensor is kept',
    }),
    maxReassemblyLateMs: Type.Integer({
      minimum: 0,
      default: 1000,
      description: 'How long an unfinished tensor is kept after its own time is over: its device has given it up',
    }),
    maxImageDecodes: Type.Integer({
      minimum: 1,
      default: 64,
      description: 'Inputs that may be decoded from images at the same time; beyond that a request is overload',
    }),
    retiredQuietMs: Type.Integer({
      minimum: 1,
      default: 15_000,
      description: 'A model that the configuration names no longer is let go when no device has asked for it so long',
    }),
    retiredLimitMs: Type.Integer({
      minimum: 0,
      default: 300_000,
      description: 'Such a model is let go after so long whoever asks for it',
    }),
    profileRuns: Type.Integer({
      minimum: 3,
      default: 20,
      description: 'Runs of each segment when a profile is asked for',
    }),
    profileBudgetMs: Type.Integer({
      minimum: 1000,
      default: 50_000,
      description: 'Time for measuring a profile: where it is short, expensive segments get fewer runs',
    }),
    processorFactor: Type.Number({
      default: 1,
      minimum: 1,
      maximum: 10_000,
      description: 'Emulates a processor so many times slower; 1: none emulated',
    }),
    logLevel: LogLevelSchema,
  },
  { additionalProperties: false },
);

export type EdgeWorkerConfig = Static<typeof edgeWorkerConfigSchema>;

/** @returns how many inference threads to start: one core stays free for the messages */
export function threadCount({ threads }: Pick<EdgeWorkerConfig, 'threads'>, cores = availableParallelism()): number {
  return threads > 0 ? threads : Math.max(1, cores - 1);
}
