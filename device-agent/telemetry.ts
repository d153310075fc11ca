import type { MqttConnection } from '../shared/adapters/mqtt-connection.ts';
import type { FrameResult } from '../shared/protocol/frame-result.ts';
import type { Summary } from '../shared/protocol/messages.ts';
import { deviceTopic } from '../shared/protocol/topics.ts';
import type { Clock } from '../shared/runtime/clock.ts';
import { percentile } from '../shared/runtime/statistics.ts';
import type { LinkMonitor } from './link-monitor.ts';

/**
 * Counts frames and reports them, with the bandwidth samples, once an interval.
 * INVARIANT: one message is on its way at a time, and leaves the backlog when the broker has it.
 */
export interface Telemetry {
  record(result: FrameResult): void;
  /** Sends what was gathered. @returns false where the broker did not take it; it is kept then */
  flush(): Promise<boolean>;
}

export interface TelemetryOptions {
  device: string;
  boot: number;
  connection: MqttConnection;
  monitor: LinkMonitor;
  clock: Clock;
}

/** Most intervals held while the broker is away; the oldest goes. */
const maxBacklog = 600;

export function createTelemetry({ device, boot, connection, monitor, clock }: TelemetryOptions): Telemetry {
  let sequence = 0;
  let results: FrameResult[] = [];
  let from = clock.wallTime().toISOString();
  let backlog: { topic: string; payload: string }[] = [];
  let sending: Promise<boolean> | undefined;

  function gather(): void {
    const to = clock.wallTime().toISOString();
    const samples = monitor.drain();
    if (samples.length > 0) {
      sequence += 1;
      const payload = JSON.stringify({ schema: 1, boot, sequence, samples });
      backlog.push({ topic: deviceTopic(device, 'samples'), payload });
    }
    if (results.length > 0) {
      sequence += 1;
      const summary = summarise(results, { boot, sequence, from, to });
      backlog.push({ topic: deviceTopic(device, 'summaries'), payload: JSON.stringify(summary) });
      results = [];
    }
    from = to;
    backlog = backlog.slice(-maxBacklog);
  }

  async function send(): Promise<boolean> {
    for (let next = backlog[0]; next !== undefined; next = backlog[0]) {
      if (!(await connection.publishAcknowledged(next.topic, next.payload))) return false;
      // The oldest may have gone meanwhile, to make room.
      if (backlog[0] === next) backlog.shift();
    }
    return true;
  }

  return {
    record: (result) => void results.push(result),
    flush() {
      gather();
      sending ??= send().finally(() => {
        sending = undefined;
      });
      return sending;
    },
  };
}

/** @returns the interval's counts, with the configuration version of its last frame */
export function summarise(
  results: readonly FrameResult[],
  interval: Pick<Summary, 'boot' | 'sequence' | 'from' | 'to'>,
): Summary {
  const latencies = results.map(({ latencyMs }) => latencyMs);
  const plans = new Map<string, Summary['plans'][number]>();
  for (const { plan } of results) {
    const key = JSON.stringify(plan);
    const known = plans.get(key);
    plans.set(key, { ...plan, frames: (known?.frames ?? 0) + 1 });
  }
  const met = results.filter((result) => result.met).length;
  return {
    schema: 1,
    ...interval,
    configurationVersion: results.at(-1)?.configurationVersion ?? 0,
    frames: results.length,
    met,
    missed: results.length - met,
    fallbacks: results.filter(({ fallback }) => fallback !== null).length,
    uploadBytes: results.reduce((sum, { uploadBytes }) => sum + uploadBytes, 0),
    latencyMs: { p50: percentile(latencies, 0.5), p95: percentile(latencies, 0.95), max: percentile(latencies, 1) },
    plans: [...plans.values()],
  };
}
