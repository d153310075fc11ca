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
  state: { index: 2, previousIndex: 1, mbps: 1.1, fromMbps: 0.9, runLength: 7, revision: 'map-7' },
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
    const [first = '', second = '', third = '', fourth = '', fifth = ''] = (await why('--data-folder', folder))
      .split('\n')
      .filter((line) => /Z/.test(line));
    for (const text of [
      'state-changed',
      'map-7',
      '1.07, 2.50',
      '1.23',
      '7',
      '2, 1.10 Mbit/s',
      'exit5 @4 u8, not exit4 @4 u8',
      '80.3',
      '14.8',
    ]) {
      expect(first).toContain(text);
    }
    expect(first).toContain('exit3 @4 u8, 41.0 ms');
    expect(second).toContain('plan-changed');
    expect(third).toContain('state-changed, map-changed');
    expect(fourth).toContain('none; it needs 62.2 ms or 3.11 Mbit/s');
    expect(fifth).toMatch(/none; it needs 62\.0 ms +│/);
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
