import { join } from 'node:path';
import type { FrameResult } from '../../shared/protocol/frame-result.ts';
import type { NewReport } from '../../shared/protocol/telemetry.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import type { Log } from '../../shared/runtime/log.ts';
import { atMostEvery } from '../../shared/runtime/throttle.ts';
import type { DeviceConfig } from '../config.ts';
import type { LinkMonitor } from '../link-monitor.ts';
import { within } from '../within.ts';
import { createDelivery, type DeliveryConnection } from './delivery.ts';
import { createGathering } from './gathering.ts';
import { openSpool, type Spool } from './spool.ts';

/**
 * Reports what becomes of frames and what is seen of the link: once an interval it is written to disk, from where it is
 * delivered until the control plane has it. INVARIANT: no frame waits for it.
 */
export interface Telemetry {
  record(result: FrameResult): void;
  /** A worker's reply came too late to be used. */
  countLateReply(): void;
  /** Reports what was gathered; called once an interval. Resolves when the disk has it. */
  flush(): Promise<void>;
  /**
   * Reports all that was gathered, and delivers what can be delivered in time; what cannot waits on disk.
   * @param withinMs how long delivery is waited for
   */
  close(withinMs: number): Promise<void>;
}

export interface TelemetryOptions {
  config: Pick<DeviceConfig, 'id' | 'dataFolder' | 'telemetryMaxBytes' | 'telemetrySyncMs' | 'telemetryBytesPerSecond'>;
  boot: number;
  connection: DeliveryConnection;
  monitor: Pick<LinkMonitor, 'drain' | 'link'>;
  clock: Clock;
  /** In [0, 1); injected for tests. */
  random?: () => number;
  log: Log;
}

/** So long after a frame that was offloaded the next one is expected, ms. */
const offloadingMs = 5000;
/** A fast link spares more than the least. */
const linkShare = 0.02;
const complainMs = 60_000;

/** @throws Error of the file system where the data folder cannot be written or read */
export async function openTelemetry(options: TelemetryOptions): Promise<Telemetry> {
  const { config, boot, connection, monitor, clock, random = Math.random, log } = options;
  const folder = join(config.dataFolder, 'telemetry');
  const spool = await openSpool({ folder, boot, maxBytes: config.telemetryMaxBytes, clock, log });
  const complain = atMostEvery(complainMs, clock, () =>
    log.error({ folder }, 'the disk is too slow for telemetry: the oldest frames are not reported'),
  );
  const gathering = createGathering(clock, () => complain(undefined));
  const syncWhenDue = createSyncing(spool, config.telemetrySyncMs, clock);
  let offloadedAtMs = Number.NEGATIVE_INFINITY;
  let writing: Promise<void> | undefined;

  function bytesPerSecond(): number | undefined {
    if (clock.nowMs() - offloadedAtMs > offloadingMs) return undefined;
    const uplinkBytesPerSecond = ((monitor.link()?.uplinkMbps ?? 0) * 1e6) / 8;
    return Math.max(config.telemetryBytesPerSecond, linkShare * uplinkBytesPerSecond);
  }
  const delivery = createDelivery({ device: config.id, spool, connection, bytesPerSecond, clock, random, log });

  async function write(reports: readonly NewReport[]): Promise<void> {
    // Without news too: what could not be sent or read is tried again.
    delivery.push(reports.length === 0 ? [] : await spool.append(reports));
    await syncWhenDue();
  }

  /** Where the disk is slower than the interval, what comes meanwhile is gathered for the next time. */
  function flush(): Promise<void> {
    writing ??= write(gathering.take(monitor.drain())).finally(() => {
      writing = undefined;
    });
    return writing;
  }

  return {
    record(result) {
      if (result.uploadBytes > 0) offloadedAtMs = clock.nowMs();
      gathering.record(result);
    },
    countLateReply: gathering.countLateReply,
    flush,
    async close(withinMs) {
      await writing;
      await write(gathering.takeAll(monitor.drain()));
      await within(clock, withinMs, delivery.liveDelivered());
      delivery.close();
      await spool.close();
    },
  };
}

/** @returns brings the spool to the disk once in so long at most */
function createSyncing(spool: Spool, everyMs: number, clock: Clock): () => Promise<void> {
  let syncedAtMs = clock.nowMs();
  return async () => {
    if (clock.nowMs() - syncedAtMs < everyMs) return;
    syncedAtMs = clock.nowMs();
    await spool.sync();
  };
}
