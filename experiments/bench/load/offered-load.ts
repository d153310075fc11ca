import type { Clock } from '../../../shared/runtime/clock.ts';
import { percentile } from '../../../shared/runtime/statistics.ts';
import type { LeanDevice } from './lean-device.ts';

/** What devices met that sent for a while. */
export interface Served {
  frames: number;
  /** Answered by the deadline, 0..1. */
  metShare: number;
  /** Of those answered. */
  medianMs: number;
  p95Ms: number;
}

export interface OfferedLoad {
  devices: readonly Pick<LeanDevice, 'frame'>[];
  /** Of each device, on average: frames come independently of each other. */
  framesPerSecond: number;
  durationMs: number;
  clock: Clock;
  /** In [0, 1). */
  random: () => number;
}

/** Lets all devices send at random moments, whether the frame before was answered or not. */
export async function offer({ devices, framesPerSecond, durationMs, clock, random }: OfferedLoad): Promise<Served> {
  const endMs = clock.nowMs() + durationMs;
  const answers: Promise<number | undefined>[] = [];

  async function send(device: Pick<LeanDevice, 'frame'>): Promise<void> {
    for (;;) {
      const gapMs = (-Math.log(1 - random()) * 1000) / framesPerSecond;
      await new Promise<void>((resolve) => clock.after(gapMs, resolve));
      if (clock.nowMs() >= endMs) return;
      answers.push(device.frame());
    }
  }

  await Promise.all(devices.map(send));
  const latencies = await Promise.all(answers);
  const answered = latencies.filter((ms) => ms !== undefined);
  return {
    frames: latencies.length,
    metShare: latencies.length === 0 ? 1 : answered.length / latencies.length,
    medianMs: percentile(answered, 0.5),
    p95Ms: percentile(answered, 0.95),
  };
}
