import type { Platform } from '../../cli/platform/platform.ts';
import { createShapedLink } from '../../experiments/emulation/shaped-link.ts';
import { constantTrace } from '../../shared/planner/bandwidth-trace.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import type { Cleanup } from './cleanup.ts';

/** A shaped link to the broker, in this process, whose rate a test turns as it likes. */
export interface TestLink {
  /** What a device is to take for the broker. */
  readonly brokerUrl: string;
  /** From now on, each way. */
  turnTo(mbps: number): void;
}

export interface TestLinkOptions {
  cleanup: Cleanup;
  platform: Pick<Platform, 'brokerUrl'>;
  mbps: number;
  rttMs: number;
}

export async function startTestLink({ cleanup, platform, mbps, rttMs }: TestLinkOptions): Promise<TestLink> {
  const { hostname: host, port } = new URL(platform.brokerUrl);
  const link = createShapedLink({
    trace: constantTrace(mbps),
    traceOffsetMs: 0,
    rttMs,
    target: { host, port: Number(port) },
    clock: systemClock,
  });
  cleanup.add(link.close);
  const brokerUrl = `mqtt://127.0.0.1:${await link.listen()}`;
  return { brokerUrl, turnTo: (next) => link.follow(constantTrace(next)) };
}
