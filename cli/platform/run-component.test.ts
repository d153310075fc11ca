import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

type Runner = ChildProcessByStdio<null, Readable, null>;

/** Says that it runs, what it ends by, and ends by nothing else. */
const component = `
for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => { console.log(signal); process.exit(7); });
setInterval(() => undefined, 1e6);
console.log('running');
`;

const runner = `
const { runComponent } = await import(process.argv[2]);
process.exitCode = await runComponent(process.argv[3], { PATH: process.env.PATH });
`;

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'run-component-'));
  await writeFile(join(folder, 'component.mjs'), component);
  await writeFile(join(folder, 'runner.mjs'), runner);
});
afterAll(() => rm(folder, { recursive: true }));

async function run(): Promise<{ process: Runner; lines: string[] }> {
  const module = new URL('./run-component.js', import.meta.url).href;
  const words = [join(folder, 'runner.mjs'), module, join(folder, 'component.mjs')];
  const started = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: string[] = [];
  const reader = createInterface({ input: started.stdout }).on('line', (line) => lines.push(line));
  await once(reader, 'line');
  return { process: started, lines };
}

describe('a component in the foreground', () => {
  test('is asked to end when the process that runs it is killed', async () => {
    const { process: started, lines } = await run();
    started.kill('SIGKILL');
    // The component holds the same pipe: it closes when both have ended.
    await once(started.stdout, 'close');
    expect(lines).toEqual(['running', 'SIGTERM']);
  });

  test('is given the signals, and its exit code is told', async () => {
    const { process: started, lines } = await run();
    started.kill('SIGINT');
    const [code] = await once(started, 'close');
    expect(code).toBe(7);
    expect(lines).toEqual(['running', 'SIGINT']);
  });
});
