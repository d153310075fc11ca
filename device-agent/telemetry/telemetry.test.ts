import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { type FrameResult, frameLineParser } from '../../shared/protocol/frame-result.ts';
import { type Telemetry as Message, parseTelemetry } from '../../shared/protocol/telemetry.ts';
import { createFakeClock } from '../../shared/runtime/clock.ts';
import { createLog } from '../../shared/runtime/log.ts';
import { result as typical } from '../../shared/testing/typical-messages.ts';
import { openTelemetry } from './telemetry.ts';

function resultOf(change: Partial<FrameResult> = {}): FrameResult {
  const line = frameLineParser.parse({ ...typical, ...change });
  if ('failed' in line) throw new Error('a failure is no result');
  return line;
}

/** A device that hears back at once what is stored of its reports, or never. */
async function setUp(options: { isAnswered: boolean; uplinkMbps?: number; isConnected?: boolean }) {
  const { isAnswered, uplinkMbps = 1 } = options;
  let { isConnected = true } = options;
  const dataFolder = await mkdtemp(join(tmpdir(), 'edgent-telemetry-'));
  onTestFinished(() => rm(dataFolder, { recursive: true, force: true }));
  const clock = createFakeClock();
  const messages: Message[] = [];
  let hear = (_payload: Buffer): void => undefined;
  const telemetry = await openTelemetry({
    config: {
      id: 'pi-1',
      dataFolder,
      telemetryMaxBytes: 1 << 20,
      telemetrySyncMs: 10_000,
      telemetryBytesPerSecond: 2048,
    },
    boot: 7,
    connection: {
      connected: () => isConnected,
      onConnect: () => undefined,
      subscribe(_filter, handler) {
        hear = (payload) => handler('', payload, false);
      },
      publish(_topic, pieces) {
        const message = parseTelemetry(Buffer.concat(pieces));
        messages.push(message);
        const held = message.covers === undefined ? [] : [{ first: 1, last: message.covers.last }];
        const answer = Buffer.from(JSON.stringify({ schema: 1, boots: [{ boot: message.boot, held }] }));
        if (isAnswered) clock.after(1, () => hear(answer));
        return true;
      },
    },
    monitor: { drain: () => [], link: () => ({ uplinkMbps, downlinkMbps: uplinkMbps, rttMs: 1 }) },
    clock,
    random: () => 0,
    log: createLog('test', 'silent'),
  });
  const filesLeft = (): Promise<string[]> => readdir(join(dataFolder, 'telemetry'));
  const connect = (): void => {
    isConnected = true;
  };
  return { clock, telemetry, messages, filesLeft, connect };
}

/** Lets time pass until it is done. */
async function passing<T>(clock: { advance(ms: number): void }, work: Promise<T>): Promise<T> {
  let isDone = false;
  const noted = work.finally(() => {
    isDone = true;
  });
  while (!isDone) {
    clock.advance(10);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return noted;
}

test('the end waits until all that was recorded is stored, and leaves nothing on disk', async () => {
  const { clock, telemetry, messages, filesLeft } = await setUp({ isAnswered: true });
  telemetry.record(resultOf({ uploadBytes: 0 }));
  await telemetry.flush();
  telemetry.record(resultOf({ uploadBytes: 0 }));
  await passing(clock, telemetry.close(60_000));
  const reports = messages.flatMap((message) => message.reports);
  expect(reports.map(({ kind, sequence }) => [kind, sequence])).toEqual([
    ['summary', 1],
    ['summary', 2],
    ['results', 3],
  ]);
  expect(await filesLeft()).toEqual([]);
});

test('the end does not wait for ever, and leaves on disk what nobody has', async () => {
  const { clock, telemetry, filesLeft } = await setUp({ isAnswered: false });
  telemetry.record(resultOf({ uploadBytes: 0 }));
  await passing(clock, telemetry.close(1000));
  expect(await filesLeft()).toEqual(['0000000001.spool']);
});

test.each([
  ['by what is stated', 1, 2500],
  ['by a fiftieth of a fast link', 8, 20_000],
])('after a frame that was offloaded telemetry is held back %s', async (_what, uplinkMbps, bytesPerSecond) => {
  const { clock, telemetry, messages } = await setUp({ isAnswered: true, uplinkMbps });
  const bytes = (): number => messages.reduce((sum, { reports }) => sum + JSON.stringify(reports).length, 0);
  for (let frame = 0; frame < 3000; frame += 1) telemetry.record(resultOf({ frame, label: `l-${frame}` }));
  await telemetry.flush();
  const seconds = 3;
  for (let step = 0; step < 10 * seconds; step += 1) {
    clock.advance(100);
    for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  }
  // Reports are up to two kilobytes: one may leave just at the end.
  expect(bytes()).toBeLessThanOrEqual(bytesPerSecond * seconds + 3000);
  expect(bytes()).toBeGreaterThan(1000);
  await passing(clock, telemetry.close(10));
});

test('what the connection did not take is sent with the next interval, also where nothing is new', async () => {
  const { telemetry, messages, connect } = await setUp({ isAnswered: true, isConnected: false });
  telemetry.record(resultOf({ uploadBytes: 0 }));
  await telemetry.flush();
  expect(messages).toEqual([]);
  connect();
  await telemetry.flush();
  expect(messages.flatMap(({ reports }) => reports)).toMatchObject([{ kind: 'summary', sequence: 1 }]);
});
