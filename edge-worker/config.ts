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
      description: 'Tails that each inference thread keeps loaded',
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
