import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { countMissing, type SequenceRange, withRange } from '../../shared/protocol/sequence-ranges.ts';
import { type NewReport, parseTelemetry } from '../../shared/protocol/telemetry.ts';
import { createFakeClock } from '../../shared/runtime/clock.ts';
import { createLog } from '../../shared/runtime/log.ts';
import { seededRandom } from '../../shared/runtime/random.ts';
import { createDelivery, type DeliveryConnection } from './delivery.ts';
import { openSpool } from './spool.ts';

const log = createLog('test', 'silent');

/** What the other side does by the rules of the protocol: keeps what it has not, counts what is lost, answers. */
function createReceiver() {
  const heldByBoot = new Map<number, SequenceRange[]>();
  const stored: string[] = [];
  let lost = 0;
  return {
    stored,
    lost: () => lost,
    /** @returns its answer */
    receive(payload: Uint8Array): string {
      const { boot, covers, reports, refused } = parseTelemetry(payload);
      expect(refused).toBe(0);
      const held = heldByBoot.get(boot) ?? [];
      if (covers !== undefined) {
        const news = reports.filter(({ sequence }) => countMissing(held, { first: sequence, last: sequence }) === 1);
        lost += countMissing(held, covers) - news.length;
        stored.push(...news.map(({ sequence }) => `${boot}/${sequence}`));
        heldByBoot.set(boot, withRange(held, covers));
      }
      return JSON.stringify({ schema: 1, boots: [{ boot, held: heldByBoot.get(boot) ?? [] }] });
    },
  };
}

/** The disk of a machine that has just written much else takes seconds for what it takes milliseconds for otherwise. */
const patienceMs = 100_000;

/** A device whose messages, and the answers to them, come through or not. */
async function setUp(
  options: { comesThrough?: () => boolean; maxBytes?: number; rate?: () => number | undefined } = {},
) {
  const { comesThrough = () => true, maxBytes = 1 << 20, rate = () => undefined } = options;
  const folder = await mkdtemp(join(tmpdir(), 'edgent-delivery-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const clock = createFakeClock();
  const receiver = createReceiver();
  const published: { atMs: number; bytes: number }[] = [];
  let isConnected = true;
  let listeners: (() => void)[] = [];
  let hear = (_payload: Buffer): void => undefined;
  const connection: DeliveryConnection = {
    connected: () => isConnected,
    onConnect: (listener) => void listeners.push(listener),
    subscribe(_filter, handler) {
      hear = (payload) => handler('', payload, false);
    },
    publish(_topic, pieces) {
      if (!isConnected) return false;
      const payload = Buffer.concat(pieces);
      published.push({ atMs: clock.nowMs(), bytes: payload.length });
      if (!comesThrough()) return true;
      const answer = receiver.receive(payload);
      const toDevice = hear;
      clock.after(100, () => {
        if (comesThrough() && isConnected) toDevice(Buffer.from(answer));
      });
      return true;
    },
  };

  async function boot(number: number) {
    listeners = [];
    hear = () => undefined;
    const spool = await openSpool({ folder, boot: number, maxBytes, clock, log });
    onTestFinished(() => spool.close());
    const delivery = createDelivery({
      device: 'pi-1',
      spool,
      connection,
      bytesPerSecond: rate,
      clock,
      random: () => 0.5,
      log,
    });
    const report = async (...reports: NewReport[]): Promise<void> => delivery.push(await spool.append(reports));
    /** It ends without a word, as by SIGKILL: from then on it takes no file from who comes after it. */
    const die = async (): Promise<void> => {
      delivery.close();
      // Operations run one after the other: behind this one none is left.
      await spool.append([]);
    };
    return { spool, delivery, report, die };
  }

  /** Lets time pass until this holds. */
  async function until(what: string, holds: () => boolean): Promise<void> {
    const endMs = performance.now() + patienceMs;
    while (performance.now() < endMs) {
      if (holds()) return;
      clock.advance(100);
      // What is read from disk comes in its own time.
      for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    }
    throw new Error(`${what}: ${receiver.stored.length} stored, ${receiver.lost()} lost`);
  }

  return {
    clock,
    receiver,
    published,
    boot,
    until,
    answer: (payload: string) => hear(Buffer.from(payload)),
    disconnect: () => {
      isConnected = false;
    },
    connect() {
      isConnected = true;
      for (const listener of listeners) listener();
    },
  };
}

function report(padding = 0): NewReport {
  const at = 'x'.repeat(padding);
  return { kind: 'samples', samples: [{ at, uplinkMbps: 1, bytes: 1, source: 'passive' }] };
}

function numbers(boot: number, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${boot}/${index + 1}`);
}

test('what is reported is delivered at once, and leaves memory and disk', async () => {
  const { boot, until, receiver } = await setUp();
  const { report: say, delivery, spool } = await boot(1);
  await say(report(), report());
  expect(receiver.stored).toEqual(['1/1', '1/2']);
  let isDelivered = false;
  void delivery.liveDelivered().then(() => {
    isDelivered = true;
  });
  await until('delivered', () => isDelivered);
  await spool.close();
  expect(spool.segmentFrom(0)).toBeUndefined();
  expect(receiver.lost()).toBe(0);
});

const seeds = [1, 2, 3, 4, 5, 6];
test.each(seeds)('whatever is lost on the way, each report arrives exactly once (%i)', arrivesOnce, 2 * patienceMs);

async function arrivesOnce(seed: number): Promise<void> {
  const random = seededRandom(seed);
  const { boot, until, receiver, disconnect, connect } = await setUp({ comesThrough: () => random() > 0.3 });
  let all: string[] = [];
  for (let number = 1; number <= 4; number += 1) {
    const { report: say, die } = await boot(number);
    const count = 40 + Math.floor(160 * random());
    for (let i = 0; i < count; i += 1) {
      if (random() < 0.05) disconnect();
      if (random() < 0.1) connect();
      await say(report(Math.floor(2000 * random())));
      if (random() < 0.3) await until('a moment', () => random() < 0.5);
    }
    all = [...all, ...numbers(number, count)];
    await die();
  }
  const { delivery } = await boot(99);
  connect();
  await until('all is there', () => receiver.stored.length >= all.length);
  expect([...receiver.stored].sort()).toEqual([...all].sort());
  expect(receiver.lost()).toBe(0);
  delivery.close();
}

test('after a restart only what is missing is sent', async () => {
  const { boot, until, receiver, published } = await setUp();
  const first = await boot(1);
  await first.report(...Array.from({ length: 10 }, () => report(3000)));
  await until('delivered', () => receiver.stored.length === 10);
  await first.die();
  published.length = 0;
  const second = await boot(2);
  await until('nothing is left on disk', () => second.spool.segmentFrom(0) === undefined);
  expect(published.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThan(200);
  expect(receiver.stored).toHaveLength(10);
});

test('a long backlog and what is new take turns: neither waits for the other to end', async () => {
  const { boot, until, receiver, disconnect, connect } = await setUp({ rate: () => 4096 });
  const first = await boot(1);
  disconnect();
  for (let i = 0; i < 200; i += 1) await first.report(report(1000));
  await first.die();
  const second = await boot(2);
  connect();
  let said = 0;
  await until('all is there', () => {
    if (said < 60) {
      void second.report(report(500));
      said += 1;
    }
    return receiver.stored.length >= 260;
  });
  const places = (boot: number) =>
    receiver.stored.flatMap((name, index) => (name.startsWith(`${boot}/`) ? [index] : []));
  // While both had something, the messages alternated: the new ones were through when the backlog was far from it.
  expect(places(2).at(-1) ?? 0).toBeLessThan(200);
  expect(places(1)[0] ?? 0).toBeLessThan(20);
  expect(receiver.lost()).toBe(0);
});

test('what had no room on disk is counted, and the rest is not held up by it', async () => {
  const { boot, until, receiver, disconnect, connect } = await setUp({ maxBytes: 256 << 10 });
  disconnect();
  const first = await boot(1);
  for (let i = 0; i < 10; i += 1) await first.report(report(4000));
  await first.die();
  const second = await boot(2);
  for (let i = 0; i < 200; i += 1) await second.report(report(4000));
  connect();
  await until('all is there or lost', () => receiver.stored.length + receiver.lost() >= 210);
  await until('the device knows', () => second.spool.nextLoss() === undefined);
  expect(receiver.stored.length + receiver.lost()).toBe(210);
  expect(receiver.stored.length).toBeGreaterThan(50);
  expect(new Set(receiver.stored).size).toBe(receiver.stored.length);
  expect(receiver.stored).toContain('2/200');
});

test('while frames are offloaded telemetry takes what it may and no more', async () => {
  const { boot, until, receiver, published, disconnect, connect } = await setUp({ rate: () => 2048 });
  const first = await boot(1);
  disconnect();
  for (let i = 0; i < 40; i += 1) await first.report(report(700));
  published.length = 0;
  connect();
  await until('all is there', () => receiver.stored.length === 40);
  const spanMs = (published.at(-1)?.atMs ?? 0) - (published[0]?.atMs ?? 0);
  const bytes = published.slice(0, -1).reduce((sum, one) => sum + one.bytes, 0);
  expect(bytes / (spanMs / 1000)).toBeLessThanOrEqual(2048);
  expect(Math.max(...published.map((one) => one.bytes))).toBeLessThan(1024 + 100);
});

test('an answer that comes after the end takes nothing from the disk', async () => {
  const { boot, answer } = await setUp({ comesThrough: () => false });
  const first = await boot(1);
  await first.report(report());
  await first.die();
  const second = await boot(2);
  await second.die();
  answer('{"schema":1,"boots":[{"boot":1,"held":[{"first":1,"last":1}]}]}');
  await second.spool.append([]);
  expect(second.spool.segmentFrom(0)).toMatchObject({ boot: 1, first: 1, last: 1 });
});

test('an answer that is none is refused, and what it should have answered is asked for', async () => {
  let isHeard = false;
  const { boot, until, receiver, answer } = await setUp({ comesThrough: () => isHeard });
  const { report: say } = await boot(1);
  await say(report());
  for (const bad of ['', '{}', '{"schema":1,"boots":[{"boot":1,"held":[{"first":0,"last":9}]}]}']) answer(bad);
  isHeard = true;
  await until('delivered', () => receiver.stored.length === 1);
  expect(receiver.stored).toEqual(['1/1']);
});
