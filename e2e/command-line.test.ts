import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { dataFile, repositoryFile } from '../shared/testing/data-folder.ts';
import { cleanupAfterAll, temporaryFolder } from './testing/cleanup.ts';
import { type Ended, startEdgent } from './testing/command.ts';
import { processesWith } from './testing/processes.ts';

const cleanup = cleanupAfterAll();
const edgent = (...words: string[]): Promise<Ended> => startEdgent(words, { cleanup }).ended;

/** @returns the commands of a help text */
function commandsIn(help: string): string[] {
  const [, listed = ''] = /\nCommands:\n([\s\S]*?)\n\n/.exec(help) ?? [];
  const names = [...listed.matchAll(/^ {2}([a-z][a-z-]*)/gm)].map(([, name = '']) => name);
  return names.filter((name) => name !== 'help');
}

test('--help of every command shows its options with examples, and exits with 0', async () => {
  const waiting: string[][] = [[]];
  const seen: string[] = [];
  while (waiting.length > 0) {
    const commands = waiting.splice(0);
    const helps = await Promise.all(commands.map((words) => edgent(...words, '--help')));
    for (const [index, { code, stdout, stderr }] of helps.entries()) {
      const words = commands[index] ?? [];
      const name = ['edgent', ...words].join(' ');
      expect({ name, code, stderr }).toEqual({ name, code: 0, stderr: '' });
      expect(stdout).toContain(`Usage: ${name}`);
      expect(stdout, name).toMatch(/Examples:\n {2}.*edgent|Examples:\n {2}.*npm/);
      seen.push(name);
      waiting.push(...commandsIn(stdout).map((command) => [...words, command]));
    }
  }
  const expected = ['start', 'up', 'device run', 'worker run', 'model inspect', 'model split', 'model evaluate'];
  expected.push('model partition', 'profile measure', 'profile show');
  expect(seen).toEqual(expect.arrayContaining(expected.map((words) => `edgent ${words}`)));
});

test('--version prints what package.json says', async () => {
  const { version } = JSON.parse(await readFile(repositoryFile('package.json'), 'utf8'));
  expect(await edgent('--version')).toMatchObject({ code: 0, stdout: `${version}\n`, stderr: '' });
});

test.concurrent.each([
  [['strat'], 'Did you mean start?'],
  [['start', '--dveices', '3'], 'Did you mean --devices?'],
  [['device', 'rnu'], 'Did you mean run?'],
  [['model', 'evaluate', '--images', 'x', '--lables'], 'Did you mean --labels?'],
])('edgent %j suggests what was meant, and fails', async (words, suggestion) => {
  const { code, stdout, stderr } = await edgent(...words);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toContain(suggestion);
});

test.concurrent.each([
  [['start', '--devices', '0'], '--devices'],
  [['start', '--deadline', 'soon'], '--deadline'],
  [['start', '--plan', '5;4'], '--plan'],
  [['start', '--plan', '5,22'], '--plan 5,22'],
  [['start', '--plan', '6,0'], '--plan 6,0'],
  [['start', '--plan', '1,1,jpeg'], '--plan 1,1,jpeg'],
  [['start', '--encodings', 'u8,png'], '--encodings'],
  [['model', 'evaluate', '--images', 'x', '--image-encodings', 'jpeg=0'], '--image-encodings'],
  [['model', 'evaluate', '--images', 'x', '--image-encodings', 'jpeg=80,jpeg=90'], '--image-encodings'],
  [['start', '--processor-factors', '10,,x'], '--processor-factors'],
  [['start', '--model', 'nonesuch'], '--model'],
  [['up', '--http-port', '70000'], '--http-port'],
  [['up', '--web-socket-port', 'ws'], '--web-socket-port'],
  [['device', 'run', '--id', 'cam', '--fps', '-1'], '--fps'],
  [['device', 'run'], '--id'],
  [['device', 'run', '--id', 'cam', '--log-level', 'loud'], '--log-level'],
  [['up', '--log-level', 'loud'], '--log-level'],
  [['worker', 'run', '--id', 'edge', '--threads', '1.5'], '--threads'],
  [['broker', 'run', '--allow-anonymous', '--listen', 'http://127.0.0.1'], '--listen'],
  [['broker', 'run', '--allow-anonymous', '--deny-subscribe', 'a#'], '--deny-subscribe'],
  [['broker', 'run', '--allow-anonymous', '--public-key', 'key.pem'], '--public-key'],
  [['model', 'evaluate', '--images', 'x', '--encoding', 'u4'], '--encoding'],
])('edgent %j names the option whose value is wrong, and fails', async (words, option) => {
  const { code, stdout, stderr } = await edgent(...words);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toContain(option);
  expect(stderr).toMatch(/\n {2}[a-z]+(-[a-z]+)*: /);
});

describe('what is given or in the way ends a command with a stable code, and leaves no process:', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await temporaryFolder(cleanup);
  });

  async function failsWith(words: readonly string[], code: string, ...texts: readonly string[]): Promise<void> {
    const state = join(folder, 'state');
    const ended = await edgent(...words, '--state', state);
    expect(processesWith(state)).toEqual([]);
    expect(ended).toMatchObject({ code: 1, stdout: '' });
    for (const text of [`  ${code}: `, ...texts]) expect(ended.stderr).toContain(text);
    expect(existsSync(join(state, 'lock'))).toBe(false);
  }

  test('images that are missing, or none', async () => {
    const missing = join(folder, 'missing.bin');
    await failsWith(['start', '--images', missing], 'data-missing', '--images', missing);
    const text = join(folder, 'text.bin');
    await writeFile(text, 'no records');
    await failsWith(['start', '--images', text], 'image-unreadable', text);
    await failsWith(['start', '--images', folder], 'image-unreadable', folder);
  });

  test('a trace that is missing, or none', async () => {
    const missing = join(folder, 'missing.log');
    await failsWith(['start', '--trace', missing], 'data-missing', '--trace', missing);
    const text = join(folder, 'trace.log');
    await writeFile(text, 'no trace\n');
    await failsWith(['start', '--trace', text], 'trace-unreadable', 'trace.log:1');
  });

  test('a file in the place of the folder that is written to', async () => {
    const file = join(folder, 'in-the-way');
    await writeFile(file, 'mine');
    const model = ['model', 'split', 'models/branchy-alexnet-32', '--exit', 'exit1', '--out', file];
    for (const partition of ['0', '4']) {
      const { code, stderr } = await edgent(...model, '--partition', partition);
      expect(code).toBe(1);
      expect(stderr).toContain('  file-unwritable: ');
      expect(stderr).toContain(file);
    }
  });

  test('a port that is taken', async () => {
    const server: Server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    cleanup.add(() => new Promise<void>((resolve) => server.close(() => resolve())));
    const address = server.address();
    const port = String(typeof address === 'object' && address !== null ? address.port : 0);
    await failsWith(['up', '--http-port', '0', '--mqtt-port', port], 'process-failed', 'broker', port);
    await failsWith(['up', '--mqtt-port', '0', '--http-port', port], 'process-failed', 'control-plane', port);
  });

  test('a state folder that another start holds; it is free again when that has ended', async () => {
    const state = join(folder, 'held');
    const words = ['up', '--http-port', '0', '--mqtt-port', '0', '--workers', '0', '--state', state, '--json'];
    const first = startEdgent([...words, '--log-level', 'fatal'], { cleanup });
    await first.line('enrolmentTokenFile', 30_000);
    const second = await edgent(...words);
    expect(second).toMatchObject({ code: 1, stdout: '' });
    expect(second.stderr).toContain('  conflict: ');
    expect(second.stderr).toContain(`process ${first.child.pid}`);
    first.child.kill('SIGTERM');
    const { code, stdout } = await first.ended;
    expect(code).toBe(0);
    expect(Object.keys(JSON.parse(stdout))).toContain('controlPlane');
    expect(processesWith(state)).toEqual([]);
    const third = startEdgent([...words, '--log-level', 'fatal'], { cleanup });
    await third.line('enrolmentTokenFile', 30_000);
    third.child.kill('SIGINT');
    expect((await third.ended).code).toBe(0);
  });

  test.skipIf(dataFile('cifar10', 'test-1000.bin') === undefined)('a plan that the model has not', async () => {
    const images = dataFile('cifar10', 'test-1000.bin') ?? '';
    await failsWith(['start', '--images', images, '--plan', '1,13'], 'partition-out-of-range', '0 to 12');
  });
});
