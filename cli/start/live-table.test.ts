import { describe, expect, test } from 'vitest';
import type { FrameResult } from '../../shared/protocol/frame-result.ts';
import { createLiveTable } from './live-table.ts';

const title = `branchy-alexnet-32 · control plane http://127.0.0.1:45001 · broker mqtt://127.0.0.1:45002 · frames are drawn
emulated links: userspace TCP relay, constant 2, 5, 10, 20 Mbit/s, rtt 20 ms · emulated processors: each run stretched to 50, 100, 50, 100 times its own time`;

const devices = Array.from({ length: 10 }, (_, i) => `device-${i + 1}`);

function resultOf(device: string, change: Partial<FrameResult['plan']> = {}): FrameResult {
  const plan = { exit: 'exit5', partition: 16, direction: 'device-first', encoding: 'f32', ...change } as const;
  const ns = { f32: 1, f16: 1, u8: 1 };
  return {
    ...{ schema: 1, device, frame: 1, name: 'drawn', label: 'cat', truth: null, ...plan, plan, planned: 'best' },
    ...{ finishedOn: 'worker', configurationVersion: 1, deadlineMs: 1000, latencyMs: 123.4, met: true, fallback: null },
    breakdownMs: { device: 1, encode: 0, upload: 1, queue: 0, worker: 1, download: 1 },
    ...{ runtimeMs: { device: 1, worker: 1 }, uploadBytes: 4096, skipped: 0, rescue: { runs: 3, p99Ms: 20 } },
    assumed: {
      ...{ totalMs: 100, uplinkMbps: 12.34, downlinkMbps: 12.34, rttMs: 20, queueMs: 0, frameMs: 1 },
      ...{ encodeNs: ns, decodeNs: ns },
    },
    processorFactor: 100,
  };
}

/** @returns what a terminal of that width shows in the end, line by line */
function drawn(columns: number, results: readonly FrameResult[] = devices.map((id) => resultOf(id))): string[] {
  const written: string[] = [];
  const output = { isTTY: true, columns, write: (text: string) => written.push(text) } as const;
  const table = createLiveTable({ devices, title, output });
  table.start();
  for (const result of results) for (let frame = 0; frame < 1234; frame += 1) table.record(result);
  table.stop();
  const last = written.at(-1) ?? '';
  return last.slice(last.lastIndexOf('\x1b[0J') + 4).split('\n');
}

describe('the live table', () => {
  test.each([80, 120])('shows every column and the whole title in %i columns', (columns) => {
    const lines = drawn(columns);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(columns);
    const text = lines.join('\n');
    expect(text).not.toContain('…');
    for (const word of title.split(/\s+/)) expect(text).toContain(word);
    for (const id of devices) {
      const line = lines.find((candidate) => candidate.includes(`${id} `)) ?? '';
      const cells = ['÷100', '12.34', 'exit5', '16', 'f32', '123.4 / 1000', '100.0 % of 1234'];
      for (const cell of cells) expect(line).toContain(cell);
      expect(line).toMatch(/ 0 *│?$/);
    }
  });

  test('has its full heads between lines where they fit', () => {
    expect(drawn(160).some((line) => line.includes('latency / deadline ms'))).toBe(true);
    expect(drawn(80).some((line) => line.includes('latency / deadline ms'))).toBe(false);
    expect(drawn(80).some((line) => line.includes('deadline ms'))).toBe(true);
  });

  test('does without its least important columns in a narrower terminal, never without met and fallbacks', () => {
    for (const columns of [50, 60, 70]) {
      const lines = drawn(columns);
      expect(lines.some((line) => line.includes('÷100'))).toBe(false);
      expect(lines.filter((line) => /123\.4 \/ 1000 +100\.0 % of 1234 +0 *$/.test(line))).toHaveLength(devices.length);
    }
  });

  test('in 80 columns fits with plans that are edge-first, and with devices that still wait', () => {
    const lines = drawn(80, [resultOf('device-1', { direction: 'edge-first' })]);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(lines.find((line) => line.includes('device-1 '))).toMatch(/16 edge-first.*100\.0 % of 1234/);
    expect(lines.find((line) => line.includes('device-10'))).toContain('waiting');
  });

  test('counts a frame that failed as missed', () => {
    const written: string[] = [];
    const output = { isTTY: false, columns: 80, write: (text: string) => written.push(text) } as const;
    const table = createLiveTable({ devices: ['device-1'], title, output });
    table.record(resultOf('device-1'));
    table.recordFailure({ schema: 1, device: 'device-1', frame: 2, name: 'drawn', failed: 'broken', skipped: 3 });
    table.stop();
    expect(written.at(-1)).toContain('50.0 % of 2 0 3 1');
    const broken = createLiveTable({ devices: ['device-1'], title, output });
    broken.recordFailure({ schema: 1, device: 'device-1', frame: 1, name: 'drawn', failed: 'broken', skipped: 0 });
    broken.stop();
    expect(written.at(-1)).toContain('waiting 1');
  });

  test('goes back over as many lines as it has drawn, those that the title was wrapped to among them', () => {
    const written: string[] = [];
    const table = createLiveTable({
      devices,
      title,
      output: { isTTY: true, columns: 80, write: (text: string) => written.push(text) },
    });
    table.start();
    table.stop();
    const [first = '', second = ''] = written;
    expect(second.startsWith(`\x1b[${first.split('\n').length - 1}A\x1b[0J`)).toBe(true);
  });
});
