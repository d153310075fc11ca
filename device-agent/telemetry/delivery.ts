import type { MqttConnection } from '../../shared/adapters/mqtt-connection.ts';
import { maxReportBytes, telemetryAcknowledgementParser } from '../../shared/protocol/telemetry.ts';
import { deviceTopic } from '../../shared/protocol/topics.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import { messageOf } from '../../shared/runtime/errors.ts';
import type { Log } from '../../shared/runtime/log.ts';
import { createBacklog } from './backlog.ts';
import { type Batch, encodeBatch } from './batch.ts';
import { createLane, type Lane } from './lane.ts';
import { createLiveReports } from './live-reports.ts';
import { createPace, type Pace } from './pace.ts';
import type { SpooledReport } from './segment.ts';
import type { Spool } from './spool.ts';

/**
 * Brings reports to the control plane.
 * INVARIANTS: at most two messages are on their way, one of the newest reports and one of those that wait on disk, which
 * take turns, so that neither keeps the other; a report leaves the device when the control plane has stored it.
 */
export interface Delivery {
  /**
   * Called once an interval, with no reports too: what could not be sent or read is tried again.
   * @param reports in the order of their numbers, newer than all before
   */
  push(reports: readonly SpooledReport[]): void;
  /** Resolves when the control plane has all of the newest reports, which may be never. */
  liveDelivered(): Promise<void>;
  /** Sends and hears nothing from then on. */
  close(): void;
}

/** What delivery needs of a connection to the broker. */
export type DeliveryConnection = Pick<MqttConnection, 'connected' | 'subscribe' | 'publish' | 'onConnect'>;

export interface DeliveryOptions {
  device: string;
  spool: Spool;
  connection: DeliveryConnection;
  /** Most bytes a second that the link can spare now; undefined: nothing else needs it. */
  bytesPerSecond: () => number | undefined;
  clock: Clock;
  /** In [0, 1). */
  random: () => number;
  log: Log;
}

/** Of the newest reports, what is held in memory. */
const maxLiveBytes = 32 << 10;

export function createDelivery(options: DeliveryOptions): Delivery {
  const { device, spool, connection, bytesPerSecond, clock, random, log } = options;
  const pace = createPace({ clock, bytesPerSecond, maxBytes: maxReportBytes });
  const live = createLiveReports({ boot: spool.boot, maxBytes: maxLiveBytes });
  const backlog = createBacklog({ spool, liveFrom: live.from, onReady: pump, log });
  const lanes = [live, backlog].map((source) => createLane({ source, send, clock, random }));
  const takeTurns = createTurns(lanes, pace);
  const waiting: (() => void)[] = [];
  let cancelPump: (() => void) | undefined;
  let isClosed = false;

  function send(batch: Batch): number {
    const message = encodeBatch(batch);
    if (!connection.publish(deviceTopic(device, 'telemetry'), [message])) return 0;
    pace.sent(message.length);
    return message.length;
  }

  function pumpIn(delayMs: number): void {
    cancelPump ??= clock.after(delayMs, () => {
      cancelPump = undefined;
      pump();
    });
  }

  function pump(): void {
    if (isClosed || !connection.connected()) return;
    const waitMs = takeTurns();
    if (waitMs > 0) pumpIn(waitMs);
  }

  function acknowledged(payload: Buffer): void {
    // The files may be another's by now, who would miss what is removed.
    if (isClosed) return;
    try {
      for (const { boot, held } of telemetryAcknowledgementParser.parseJson(payload).boots) {
        void spool.acknowledge(boot, held);
        if (boot === spool.boot) live.release(held);
        for (const lane of lanes) lane.acknowledged(boot, held);
      }
    } catch (error) {
      log.warn({ reason: messageOf(error) }, 'telemetry acknowledgement refused');
    }
    if (live.isEmpty()) for (const resolve of waiting.splice(0)) resolve();
    pump();
  }

  connection.subscribe(deviceTopic(device, 'telemetry-acknowledgement'), (_topic, payload) => acknowledged(payload));
  connection.onConnect(() => {
    if (isClosed) return;
    for (const lane of lanes) lane.reconnected();
    pump();
  });
  pump();
  return {
    push(reports) {
      live.push(reports);
      pump();
    },
    liveDelivered() {
      if (live.isEmpty()) return Promise.resolve();
      return new Promise((resolve) => waiting.push(resolve));
    },
    close() {
      isClosed = true;
      cancelPump?.();
      for (const lane of lanes) lane.close();
    },
  };
}

/**
 * Lets lanes send in turn, as fast as the pace allows.
 * @returns sends what may be sent; milliseconds until there may be more, 0: nothing waits for time to pass
 */
function createTurns(lanes: readonly Lane[], pace: Pace): () => number {
  let inTurn = lanes;
  return () => {
    for (const lane of inTurn) {
      const waitMs = pace.waitMs();
      if (waitMs > 0) return waitMs;
      if (lane.sendNext(pace.limitBytes()) === 0) continue;
      // Who had its turn is the last to have the next one.
      inTurn = [...inTurn.filter((other) => other !== lane), lane];
    }
    return 0;
  };
}
