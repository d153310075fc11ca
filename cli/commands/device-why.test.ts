import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type DecisionRecord, decisionsFile } from '../../shared/protocol/decision-record.ts';
import { deviceCommand } from './device.ts';

const plan = { exit: 'exit5', partition: 4, direction: 'device-first', encoding: 'u8', totalMs: 80.25, accuracy: 0.8 };
const record = {
  at: '2020-01-01T00:00:00.000Z',
  lastAt: '2020-01-01T00:00:09.000Z',
  frames: 40,
  configurator: 'dynamic',
  kind: 'state-changed',
  planned: 'best',
  configurationVersion: 3,
  bandwidthMbps: 1.234,
  queueMs: 2,
  correction: { device: 1.07, worker: 2.5 },
  state: {
    index: 2,
    previousIndex: 1,
    mbps: 1.1,
    fromMbps: 0.9,
    runLength: 7,
    revision: `sha256:1a2b3c4d${'5e'.repeat(28)}+12`,
  },
  plan,
  slackMs: 14.75,
  runnerUp: { ...plan, exit: 'exit3', totalMs: 41 },
};
const content = {
  schema: 1,
  device: 'cam-1',
  decisions: [
    { ...record, mapPlan: { ...plan, exit: 'exit4' } },
    { ...record, kind: 'plan-changed', state: null },
    { ...record, kind: 'state-and-map-changed' },
    { ...record, slackMs: -2, runnerUp: null, needed: { deadlineMs: 62.123, uplinkMbps: 3.101 } },
    { ...record, slackMs: -2, runnerUp: null, needed: { deadlineMs: 62, uplinkMbps: null } },
  ],
};
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'edgent-why-'));
  await writeFile(join(folder, decisionsFile), JSON.stringify(content));
});
afterAll(() => rm(folder, { recursive: true }));

/** @returns the texts of one line of a table */
function cellsIn(line: string): string[] {
  return line
    .split('│')
    .slice(1, -1)
    .map((cell) => cell.trim());
}

/** @returns what the command wrote on standard output */
async function why(...words: readonly string[]): Promise<string> {
  const output = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  try {
    await deviceCommand({}).parseAsync(['why', ...words], { from: 'user' });
    return output.mock.calls.map(([text]) => String(text)).join('');
  } finally {
    output.mockRestore();
  }
}

describe('edgent device why', () => {
  test('shows each decision with bandwidth, run length, state, plan, slack and runner-up', async () => {
    const printed = await why('--data-folder', folder);
    const [, first = '', second = '', third = '', fourth = '', fifth = ''] = printed.split(/├.*┤/);
    for (const cells of [
      ['2020-01-01', 'state-changed', '40', '1.23', '2: 1.10', '2.0', 'exit5 @4 u8', '80.3', 'exit3 @4 u8'],
      ['00:00:00.0Z', 'dynamic', '', '', 'run 7', '1.07', 'instead of', '14.8', '41.0 ms'],
      ['', '1a2b3c4d+12', '', '', '', '2.50', 'exit4 @4 u8', '', ''],
    ]) {
      expect(first.split('\n').map(cellsIn)).toContainEqual(cells);
    }
    expect(second).toContain('plan-changed');
    expect(third).toMatch(/state-changed,.*\n.*map-changed/);
    expect(fourth).toMatch(/none; needs.*\n.*62\.2 ms or.*\n.*3\.11 Mbit\/s/);
    expect(fifth).toMatch(/none; needs.*\n.*62\.0 ms +│/);
  });

  test('fits 120 columns, whatever is told', async () => {
    const wide = join(folder, 'wide');
    await mkdir(wide);
    const widest = { ...plan, partition: 21, direction: 'edge-first', encoding: 'f16', totalMs: 12_345.67 };
    const decisions = ['configuration-changed', 'state-and-map-changed'].map((kind) => ({
      ...{ ...record, kind, planned: 'unplanned', frames: 123_456, bandwidthMbps: 1234.5, queueMs: 1234.5 },
      ...{ plan: widest, mapPlan: widest, runnerUp: widest, slackMs: -1234.5 },
      state: { ...record.state, index: 427, mbps: 111.1, runLength: 10_000 },
    }));
    await writeFile(join(wide, decisionsFile), JSON.stringify({ ...content, decisions }));
    const lines = (await why('--data-folder', wide)).split('\n');
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(120);
  });

  test('gives the same as JSON', async () => {
    const decisions: DecisionRecord[] = JSON.parse(await why('--data-folder', folder, '--json')).decisions;
    expect(decisions).toEqual(content.decisions);
  });

  test('says which file cannot be read, and what is missing in it', async () => {
    const damaged = join(folder, 'damaged');
    await mkdir(damaged);
    await writeFile(join(damaged, decisionsFile), JSON.stringify({ schema: 1, device: 'cam-1' }));
    await expect(why('--data-folder', damaged)).rejects.toMatchObject({
      code: 'file-invalid',
      message: expect.stringMatching(/damaged.decisions\.json: decisions: .*decisions/),
    });
  });

  test('says what to do where nothing is kept', async () => {
    await expect(why('--data-folder', join(folder, 'elsewhere'))).rejects.toMatchObject({ code: 'decisions-missing' });
    await expect(why('--id', 'nobody')).rejects.toMatchObject({ code: 'decisions-missing' });
    await expect(why()).rejects.toMatchObject({ code: 'usage' });
  });
});
