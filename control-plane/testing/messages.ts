import type { Load, Presence } from '../../shared/protocol/messages.ts';
import type { Profile } from '../../shared/protocol/profile.ts';
import type { Report, Samples, Summary } from '../../shared/protocol/telemetry.ts';

/** Well-formed messages of devices and workers, for tests to send. */
export function online(boot = 1): Presence {
  return { schema: 1, online: true, boot };
}

export function offline(boot = 1): Presence {
  return { schema: 1, online: false, boot };
}

/** Of a worker that was asked to stop. */
export function leaving(boot = 1): Presence {
  return { ...offline(boot), leaving: true };
}

export function samples(sequence: number, uplinkMbps = 2): Samples {
  const at = '2020-01-01T00:00:00.000Z';
  return { schema: 1, boot: 1, sequence, samples: [{ at, uplinkMbps, bytes: 1000, source: 'passive' }] };
}

export function summary(sequence: number, frames = 10): Summary {
  return {
    schema: 1,
    boot: 1,
    sequence,
    from: '2020-01-01T00:00:00.000Z',
    to: '2020-01-01T00:00:05.000Z',
    configurationVersion: 1,
    frames,
    met: frames - 1,
    missed: 1,
    fallbacks: 0,
    uploadBytes: 100,
    latencyMs: { p50: 10, p95: 20, max: 30 },
    plans: [{ exit: 'exit1', partition: 1, direction: 'device-first', encoding: 'u8', frames }],
  };
}

/** @returns a telemetry message of one report as it is stored, of a device that has lost none around it */
export function telemetryOf({ schema, boot, ...content }: Samples | Summary) {
  const { sequence } = content;
  const report: Report = 'samples' in content ? { kind: 'samples', ...content } : { kind: 'summary', ...content };
  return { schema, boot, covers: { first: sequence, last: sequence }, reports: [report] };
}

export function profile(tier: Profile['tier'], hardwareClass: string, modelDigest: string, medianMs = 1): Profile {
  const timing = { medianMs, p90Ms: medianMs };
  const none = { medianMs: 0, p90Ms: 0 };
  return {
    schema: 1,
    modelDigest,
    tier,
    hardwareClass,
    threads: 1,
    runtime: 'test',
    measuredAt: '2020-01-01T00:00:00.000Z',
    gapMs: 0,
    runs: 20,
    perCallOverheadMs: 0.1,
    modelLoadMs: 5,
    exits: [
      {
        name: 'exit1',
        cuts: [[{ elements: 4, rank: 4 }], [{ elements: 4, rank: 4 }]],
        layers: [{ name: 'n0', type: 'relu', outputBytes: 16, timing }],
        head: [none, timing],
        tail: [timing, none],
      },
    ],
  };
}

/** Of a package of three layers: each takes `ms`, and so many of them that many times as long. */
export function deepProfile(tier: Profile['tier'], hardwareClass: string, modelDigest: string, ms = 1): Profile {
  const timing = (layers: number) => ({ medianMs: layers * ms, p90Ms: layers * ms });
  const done = [0, 1, 2, 3];
  const layers = [0, 1, 2].map((index) => ({ name: `n${index}`, type: 'relu', outputBytes: 16, timing: timing(1) }));
  const exit = { name: 'exit1', layers, head: done.map(timing), tail: done.map((count) => timing(3 - count)) };
  return { ...profile(tier, hardwareClass, modelDigest), exits: [exit] };
}

/** @param counts since the worker's start */
export function load(utilisation: number, counts: Partial<Load> = {}): Load {
  const none = { queued: 0, completed: 0, expired: 0, overloaded: 0, queueMs: 0 };
  return { schema: 1, boot: 1, threads: 1, utilisation, ...none, ...counts };
}
