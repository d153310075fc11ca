import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readDataFile } from '../experiments/reproduce/data-file.ts';
import { cleanupAfterAll, temporaryFolder } from './testing/cleanup.ts';
import { startEdgent } from './testing/command.ts';
import { processesWith } from './testing/processes.ts';

const cleanup = cleanupAfterAll();

test('reproduce measures on a real platform, writes data and report, and a second run measures nothing again', async () => {
  const folder = await temporaryFolder(cleanup);
  const [state, out] = [join(folder, 'state'), join(folder, 'out')];
  const words = ['reproduce', '--quick', '--only', 'motivation', '--state', state, '--out', out];
  const first = await startEdgent(words, { cleanup }).ended;
  expect({ code: first.code, stdout: first.stdout.trim().split('\n') }).toEqual({
    code: 0,
    stdout: ['report.md', 'report.html', 'motivation-paper-branchy-alexnet-32.svg'].map((name) => join(out, name)),
  });
  expect(first.stderr).toContain('0.05 Mbit/s');
  const file = await readDataFile(out, 'motivation');
  expect(file).toMatchObject({ scale: 'quick', data: { cases: [{ setting: 'paper', edgeOnly: expect.any(Array) }] } });
  const report = await readFile(join(out, 'report.md'), 'utf8');
  expect(report).toContain('0.123 s → 2.317 s');

  const second = await startEdgent(words, { cleanup }).ended;
  expect({ code: second.code, stderr: second.stderr }).toEqual({ code: 0, stderr: '[1/1] motivation: done\n' });
  expect(await readFile(join(out, 'report.md'), 'utf8')).toBe(report);
  expect(processesWith(state)).toEqual([]);
});
