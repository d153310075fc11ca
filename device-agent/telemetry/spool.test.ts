import { appendFile, mkdtemp, readdir, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { NewReport } from '../../shared/protocol/telemetry.ts';
import { createFakeClock } from '../../shared/runtime/clock.ts';
import { createLog, type Log } from '../../shared/runtime/log.ts';
import { encodeRecord } from './segment.ts';
import { openSpool, type Spool } from './spool.ts';

const room = 256 << 10;

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'edgent-spool-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Tells its warnings and errors to a list. */
function listeningLog(): { log: Log; told: string[] } {
  const told: string[] = [];
  const log = createLog('test', 'silent');
  const note = (_about: unknown, message?: string): void => void told.push(message ?? '');
  return { log: Object.assign(log, { warn: note, error: note }), told };
}

async function open(folder: string, boot: number, log = createLog('test', 'silent')): Promise<Spool> {
  const spool = await openSpool({ folder, boot, maxBytes: room, clock: createFakeClock(), log });
  onTestFinished(() => spool.close());
  return spool;
}

function report(padding = 0): NewReport {
  const at = 'x'.repeat(padding);
  return { kind: 'samples', samples: [{ at, uplinkMbps: 1, bytes: 1, source: 'passive' }] };
}

/** @returns boot and number of all that is on disk, oldest first */
async function stored(spool: Spool): Promise<[boot: number, sequence: number][]> {
  const found: [number, number][] = [];
  for (let segment = spool.segmentFrom(0); segment !== undefined; segment = spool.segmentFrom(segment.ordinal + 1)) {
    const { boot, ordinal } = segment;
    for (let offset = 0; ; ) {
      const { reports, bytes } = await spool.read(ordinal, offset);
      if (reports.length === 0) break;
      found.push(...reports.map(({ sequence }): [number, number] => [boot, sequence]));
      offset = bytes;
    }
  }
  return found;
}

async function bytesIn(folder: string): Promise<number> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.spool'));
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(folder, name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

test('reports outlive the process under their own boot and number, in order', async () => {
  const folder = await newFolder();
  // None of these is closed: each process just ends.
  const first = await open(folder, 11);
  const numbered = await first.append([report(), report()]);
  await first.append([report()]);
  const second = await open(folder, 12);
  await second.append([report()]);
  const third = await open(folder, 13);
  expect(await stored(third)).toEqual([
    [11, 1],
    [11, 2],
    [11, 3],
    [12, 1],
  ]);
  expect(numbered.map(({ json }) => JSON.parse(json))).toEqual([
    { ...report(), sequence: 1 },
    { ...report(), sequence: 2 },
  ]);
  expect((await third.append([report()]))[0]?.sequence).toBe(1);
});

test('a record that was not written to its end is cut off and told, wherever it was cut', async () => {
  const folder = await newFolder();
  const spool = await open(folder, 11);
  await spool.append([report(), report()]);
  const [name] = await readdir(folder);
  const path = join(folder, name ?? '');
  const whole = await readFile(path);
  const next = encodeRecord({ sequence: 3, json: JSON.stringify({ ...report(), sequence: 3 }) });
  for (const length of [1, 11, 12, 13, next.length - 1]) {
    const { log, told } = listeningLog();
    await writeFile(path, Buffer.concat([whole, next.subarray(0, length)]));
    const again = await open(folder, 12, log);
    expect(await stored(again)).toEqual([
      [11, 1],
      [11, 2],
    ]);
    expect(told).toEqual(['telemetry that was not written whole is cut off']);
    expect((await stat(path)).size).toBe(whole.length);
  }
});

test('a file that holds no report is removed, whatever it holds', async () => {
  const folder = await newFolder();
  await writeFile(join(folder, '0000000001.spool'), '');
  await writeFile(join(folder, '0000000002.spool'), 'ETS1');
  await writeFile(join(folder, '0000000003.spool'), Buffer.alloc(5000));
  await writeFile(join(folder, 'notes.txt'), 'not ours');
  const spool = await open(folder, 1);
  expect(await stored(spool)).toEqual([]);
  expect(await readdir(folder)).toEqual(['notes.txt']);
});

test('what the control plane has is removed, and a segment that it has in part stays', async () => {
  const folder = await newFolder();
  const first = await open(folder, 11);
  await first.append([report(), report()]);
  await first.close();
  const second = await open(folder, 12);
  await second.append([report()]);
  expect(second.held(11)).toBeUndefined();
  await second.acknowledge(11, [{ first: 1, last: 1 }]);
  expect(await stored(second)).toHaveLength(3);
  await second.acknowledge(11, [{ first: 1, last: 2 }]);
  expect(await stored(second)).toEqual([[12, 1]]);
  await second.acknowledge(12, [{ first: 1, last: 1 }]);
  await second.close();
  expect(await readdir(folder)).toEqual([]);
});

test('the room is never exceeded: the oldest go, and how far is known until the control plane knows it', async () => {
  const folder = await newFolder();
  const { log, told } = listeningLog();
  const first = await open(folder, 11, log);
  for (let i = 0; i < 3; i += 1) await first.append([report(2000)]);
  const second = await open(folder, 12, log);
  for (let i = 0; i < 400; i += 1) {
    await second.append([report(2000)]);
    if (i % 20 === 0) expect(await bytesIn(folder)).toBeLessThanOrEqual(room);
  }
  expect(told).toContain('the oldest telemetry is dropped: its room is used up');
  const left = await stored(second);
  expect(left.at(-1)).toEqual([12, 400]);
  // At most one segment in 32 is dropped before its time.
  expect(left.length).toBeGreaterThan(110);
  expect(second.nextLoss()).toEqual({ boot: 11, through: 3 });

  const third = await open(folder, 13);
  expect(third.nextLoss()).toEqual({ boot: 11, through: 3 });
  await third.acknowledge(11, [{ first: 1, last: 2 }]);
  expect(third.nextLoss()).toEqual({ boot: 11, through: 3 });
  await third.acknowledge(11, [{ first: 1, last: 3 }]);
  expect(third.nextLoss()).toEqual({ boot: 12, through: (left[0]?.[1] ?? 0) - 1 });
});

test('a process that ends while it drops a segment has dropped it', async () => {
  const folder = await newFolder();
  const first = await open(folder, 11);
  await first.append([report()]);
  await first.close();
  await writeFile(join(folder, 'dropped.json'), JSON.stringify([{ boot: 11, through: 1 }]));
  const second = await open(folder, 12);
  expect(await stored(second)).toEqual([]);
  expect(second.nextLoss()).toEqual({ boot: 11, through: 1 });
});

test('what the control plane has is not lost by being dropped', async () => {
  const folder = await newFolder();
  const spool = await open(folder, 11);
  for (let i = 1; i <= 400; i += 1) {
    await spool.append([report(2000)]);
    await spool.acknowledge(11, [{ first: 1, last: i }]);
  }
  expect(spool.nextLoss()).toBeUndefined();
  expect(await bytesIn(folder)).toBeLessThan(room / 8);
});

test('a disk that takes nothing costs no number, is told once, and is used again when it takes something', async () => {
  const folder = await newFolder();
  const { log, told } = listeningLog();
  const spool = await open(join(folder, 'there'), 11, log);
  await rename(join(folder, 'there'), join(folder, 'away'));
  const refused = [await spool.append([report()]), await spool.append([report()])];
  expect(refused.flat().map(({ sequence }) => sequence)).toEqual([1, 2]);
  expect(told).toEqual(['the disk fails: telemetry is lost unless it is delivered soon']);
  await rename(join(folder, 'away'), join(folder, 'there'));
  await spool.append([report()]);
  expect(await stored(spool)).toEqual([[11, 3]]);
});

test('what is damaged in the middle of a segment ends it, and later segments are read', async () => {
  const folder = await newFolder();
  const first = await open(folder, 11);
  await first.append([report(), report(), report()]);
  await first.close();
  const path = join(folder, (await readdir(folder))[0] ?? '');
  const bytes = await readFile(path);
  const record = (bytes.length - 8) / 3;
  bytes.writeUInt8(bytes.readUInt8(8 + record + 20) ^ 1, 8 + record + 20);
  await writeFile(path, bytes);
  const second = await open(folder, 12);
  await second.append([report()]);
  expect(await stored(second)).toEqual([
    [11, 1],
    [12, 1],
  ]);
});

test('garbage behind the records is not taken for some', async () => {
  const folder = await newFolder();
  const first = await open(folder, 11);
  await first.append([report()]);
  const path = join(folder, (await readdir(folder))[0] ?? '');
  const size = (await stat(path)).size;
  await appendFile(path, Buffer.alloc(4096));
  expect(await stored(await open(folder, 12))).toEqual([[11, 1]]);
  expect((await stat(path)).size).toBe(size);
  await truncate(path, size - 1);
  expect(await stored(await open(folder, 13))).toEqual([]);
});
