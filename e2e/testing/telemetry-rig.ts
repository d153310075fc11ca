import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { ensureKeys } from '../../control-plane/keys.ts';
import {
  startControlPlane,
  type TestedControlPlane,
  temporaryFolder,
} from '../../control-plane/testing/start-control-plane.ts';
import { type StartedProcess, startProcess } from '../../control-plane/testing/start-process.ts';
import { createDelivery } from '../../device-agent/telemetry/delivery.ts';
import { openSpool } from '../../device-agent/telemetry/spool.ts';
import { createMqttConnection } from '../../shared/adapters/mqtt-connection.ts';
import type { NewReport } from '../../shared/protocol/telemetry.ts';
import { deviceTopic } from '../../shared/protocol/topics.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import { createLog } from '../../shared/runtime/log.ts';

const log = createLog('test', 'silent');

/** A broker process, a control plane over its database, and the part of devices that reports: no frames are run. */
export interface TelemetryRig {
  readonly plane: TestedControlPlane;
  readonly brokerUrl: string;
  /** Ends the broker without warning and starts another one at the same address. */
  replaceBroker(): Promise<void>;
  addDevice(id: string, options?: { url?: string; keepaliveSeconds?: number }): Promise<ReportingDevice>;
  /** What the store has of a device. */
  stored(id: string): Stored;
}

export interface Stored {
  /** Reports that are there. */
  reports: number;
  /** Frames that were counted, one a report. */
  frames: number;
  lost: number;
}

export interface ReportingDevice {
  readonly id: string;
  report(count: number): Promise<void>;
  /** Reports that the control plane said it has. */
  acknowledged(): number;
  connected(): boolean;
}

const report: NewReport = {
  kind: 'summary',
  from: '2020-01-01T00:00:00.000Z',
  to: '2020-01-01T00:00:01.000Z',
  configurationVersion: 1,
  frames: 1,
  met: 1,
  missed: 0,
  fallbacks: 0,
  uploadBytes: 100,
  latencyMs: { p50: 10, p95: 20, max: 30 },
  plans: [{ exit: 'exit1', partition: 1, direction: 'device-first', encoding: 'u8', frames: 1 }],
};

/** Starts all of it on free ports; it ends with the test. */
export async function startTelemetryRig(): Promise<TelemetryRig> {
  const folder = await temporaryFolder();
  const { publicKeyFile } = ensureKeys(join(folder, 'data'));
  const startBroker = (mqttPort: number): Promise<StartedProcess> =>
    startProcess('broker', { mqttPort, publicKeyFile, logLevel: 'silent' });
  let broker = await startBroker(0);
  const brokerUrl = broker.addresses.mqtt ?? '';
  const config = { brokerUrl, telemetryRowsPerDevice: 1_000_000 };
  const plane = await startControlPlane({ folder, clock: systemClock, config });
  return {
    plane,
    brokerUrl,
    async replaceBroker() {
      await broker.kill();
      broker = await startBroker(Number(new URL(brokerUrl).port));
    },
    async addDevice(id, { url = brokerUrl, keepaliveSeconds = 10 } = {}) {
      await plane.register('device', { id, hardwareClass: 'pi4' });
      const token = plane.tokenOf('device', id);
      return startReporting({ id, url, token, keepaliveSeconds, folder: join(folder, id) });
    },
    stored(id) {
      const device = plane.store.members.device(id);
      const reports = plane.store.summaries.page(id, { before: undefined, limit: 1_000_000 }).length;
      return { reports, frames: device?.totals.frames ?? 0, lost: device?.reportsLost ?? 0 };
    },
  };
}

async function startReporting(options: {
  id: string;
  url: string;
  token: string;
  keepaliveSeconds: number;
  folder: string;
}): Promise<ReportingDevice> {
  const { id, url, token, keepaliveSeconds, folder } = options;
  const boot = randomInt(1, 2 ** 32);
  const presence = (online: boolean): string => JSON.stringify({ schema: 1, online, boot });
  const will = { topic: deviceTopic(id, 'presence'), payload: presence(false) };
  const connection = createMqttConnection({ url, id, token, will, keepaliveSeconds, maxReconnectMs: 1000, log });
  connection.onConnect(() => void connection.publishAcknowledged(will.topic, presence(true), { retain: true }));
  const spool = await openSpool({ folder, boot, maxBytes: 256 << 20, clock: systemClock, log });
  const random = Math.random;
  const bytesPerSecond = (): undefined => undefined;
  const delivery = createDelivery({ device: id, spool, connection, bytesPerSecond, clock: systemClock, random, log });
  onTestFinished(async () => {
    delivery.close();
    await spool.close();
    await connection.close();
  });
  return {
    id,
    async report(count) {
      delivery.push(await spool.append(Array.from({ length: count }, () => report)));
    },
    acknowledged: () => (spool.held(boot) ?? []).reduce((sum, { first, last }) => sum + last - first + 1, 0),
    connected: connection.connected,
  };
}

/** Reports so many a step, each step after a pause, until all are reported. */
export async function reportSteadily(
  device: ReportingDevice,
  { reports, perStep, pauseMs }: { reports: number; perStep: number; pauseMs: number },
): Promise<void> {
  for (let reported = 0; reported < reports; reported += perStep) {
    await device.report(Math.min(perStep, reports - reported));
    await new Promise<void>((resolve) => systemClock.after(pauseMs, resolve));
  }
}
