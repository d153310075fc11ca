import { defaultDetectorParameters, defaultRiseMargin } from '../protocol/detector-settings.ts';
/** One typical message of each kind, for tests to take and to spoil. */

export const digest = `sha256:${'0123456789abcdef'.repeat(4)}`;
const encodeNs = { f32: 1, f16: 5, u8: 2 };
const timing = { medianMs: 1.5, p90Ms: 2 };
export const table = { hardwareClass: 'pi-4', exits: [{ name: 'exit1', head: [timing], tail: [timing] }] };
export const plan = { exit: 'exit1', partition: 2, direction: 'device-first', encoding: 'u8' };
export const policy = {
  name: 'default',
  version: 1,
  deadlineMs: 100,
  minimumAccuracy: 0.5,
  accuracyTolerance: 0.005,
  encodings: ['f32', 'u8'],
  directions: ['device-first'],
  marginMs: 5,
  objective: 'accuracy',
  rewardWeights: { accuracy: 1, throughput: 1 },
  configurator: 'static',
  detector: { ...defaultDetectorParameters, riseMargin: defaultRiseMargin },
  stateCount: 12,
  earlyExit: null,
};
export const model = { name: 'branchy', version: '1', digest };
export const profile = {
  schema: 1,
  modelDigest: digest,
  tier: 'device',
  hardwareClass: 'pi-4',
  threads: 1,
  runtime: 'onnxruntime 1.30',
  measuredAt: '2020-01-01T00:00:00Z',
  gapMs: 20,
  runs: 20,
  perCallOverheadMs: 0.1,
  modelLoadMs: 3,
  exits: [
    { name: 'exit1', layers: [{ name: 'c1', type: 'conv', outputBytes: 4, timing }], head: [timing], tail: [timing] },
  ],
};
export const result = {
  schema: 1,
  device: 'pi-1',
  frame: 0,
  name: 'frame-0',
  label: 'cat',
  truth: null,
  ...plan,
  finishedOn: 'worker',
  plan,
  planned: 'best',
  configurationVersion: 1,
  deadlineMs: 100,
  latencyMs: 60,
  met: true,
  fallback: null,
  breakdownMs: { device: 1, encode: 1, upload: 1, queue: 1, worker: 1, download: 1 },
  runtimeMs: { device: 1, worker: 1 },
  assumed: {
    totalMs: 60,
    uplinkMbps: null,
    downlinkMbps: null,
    rttMs: 1,
    queueMs: 0,
    frameMs: 0,
    encodeNs,
    decodeNs: encodeNs,
  },
  uploadBytes: 100,
  skipped: 0,
  rescue: { runs: 3, p99Ms: 9 },
  processorFactor: 1,
};
export const failure = {
  schema: 1,
  device: 'pi-1',
  frame: 0,
  name: 'frame-0',
  failed: 'no such segment',
  skipped: 2,
};
export const summary = {
  schema: 1,
  boot: 1,
  sequence: 1,
  from: '2020-01-01T00:00:00Z',
  to: '2020-01-01T00:00:10Z',
  configurationVersion: 1,
  frames: 1,
  met: 1,
  missed: 0,
  fallbacks: 0,
  uploadBytes: 10,
  latencyMs: { p50: 1, p95: 1, max: 1 },
  plans: [{ ...plan, frames: 1 }],
};
export const sample = { at: '2020-01-01T00:00:00Z', uplinkMbps: 3.2, bytes: 4000, source: 'passive' };
export const load = {
  schema: 1,
  boot: 1,
  threads: 2,
  queued: 0,
  utilisation: 0.5,
  completed: 10,
  expired: 0,
  overloaded: 0,
  queueMs: 1,
};
export const configuration = {
  schema: 1,
  version: 3,
  issuedAt: '2020-01-01T00:00:00Z',
  model,
  policy,
  worker: { id: 'w-1', profile: table },
  deviceProfile: table,
  map: null,
  profileRequested: false,
};
