import { type Static, Type } from 'typebox';
import { idPatternSource } from '../shared/protocol/ids.ts';
import { LogLevelSchema } from '../shared/runtime/log-level.ts';

/** Settings of one device agent; the environment gives them as EDGENT_… */
export const DeviceConfigSchema = Type.Object({
  id: Type.String({ pattern: idPatternSource, description: 'Name of this device in the fleet.' }),
  controlPlaneUrl: Type.String({ default: 'http://127.0.0.1:8080', description: 'Where the control plane answers.' }),
  brokerUrl: Type.Optional(
    Type.String({ description: 'Broker address, if another than the control plane names (an emulated link).' }),
  ),
  enrolmentToken: Type.Optional(Type.String({ description: 'Needed once: registers this device.' })),
  dataFolder: Type.String({ description: 'Keeps credentials, the last configuration and models.' }),
  modelCacheFolder: Type.Optional(Type.String({ description: 'Keeps models, if elsewhere than in the data folder.' })),
  source: Type.String({
    default: 'synthetic',
    description: 'Frames: a CIFAR-10 file, a folder of PNG/JPEG, "ffmpeg:<arguments>", "socket:<path>" or "synthetic".',
  }),
  framesPerSecond: Type.Number({ default: 5, exclusiveMinimum: 0, maximum: 1000, description: 'Rate of frames.' }),
  maxFrames: Type.Integer({ default: 0, minimum: 0, description: 'Stop after so many frames; 0: never.' }),
  firstFrame: Type.Integer({ default: 0, minimum: 0, description: 'Frame of a file or folder to begin with.' }),
  plan: Type.Optional(
    Type.String({
      pattern: '^[0-9]+,[0-9]+(,(f32|f16|u8)(,(device-first|edge-first))?)?$',
      description: 'Forces exit,partition[,encoding[,direction]] instead of planning, where the policy allows it.',
    }),
  ),
  processorFactor: Type.Number({
    default: 1,
    minimum: 1,
    maximum: 10_000,
    description: 'Emulates a processor so many times slower; 1: none emulated.',
  }),
  announceReady: Type.Boolean({
    default: false,
    description: 'Print a ready line before the results, for a supervisor.',
  }),
  waitForStart: Type.Boolean({
    default: false,
    description: 'Begin with frames only when a line "start" comes on standard input.',
  }),
  publishResults: Type.Boolean({ default: false, description: 'Publish each result on the device’s results topic.' }),
  profileRuns: Type.Integer({
    default: 20,
    minimum: 20,
    maximum: 1000,
    description: 'Runs a segment is profiled with.',
  }),
  profileBudgetMs: Type.Integer({
    default: 50_000,
    minimum: 1000,
    description: 'Time for measuring a profile: where it is short, expensive segments get fewer runs.',
  }),
  maxReconnectMs: Type.Integer({
    default: 15_000,
    minimum: 100,
    maximum: 600_000,
    description: 'Longest wait before the next attempt to reach a broker that does not answer, ms.',
  }),
  decisions: Type.Integer({
    default: 50,
    minimum: 1,
    maximum: 10_000,
    description: 'Decisions kept in decisions.json of the data folder, for `edgent device why`.',
  }),
  telemetryMaxBytes: Type.Integer({
    default: 64 << 20,
    minimum: 256 << 10,
    description:
      'Disk that reports may take while the control plane does not have them, bytes; beyond it the oldest are dropped.',
  }),
  telemetrySyncMs: Type.Integer({
    default: 10_000,
    minimum: 0,
    description:
      'How often reports that the control plane does not have are brought to the disk, ms: a power cut loses those since.',
  }),
  telemetryBytesPerSecond: Type.Integer({
    default: 2048,
    minimum: 128,
    description:
      'Most that telemetry takes of the link while frames are offloaded, bytes a second; a fiftieth of a faster link.',
  }),
  logLevel: LogLevelSchema,
});

export type DeviceConfig = Static<typeof DeviceConfigSchema>;
