import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { median } from '../../shared/runtime/statistics.ts';
import { type KernelLink, openKernelLink } from './kernel-link.ts';
import { kernelLinkObstacle } from './testing/kernel-link-obstacle.ts';

const links: KernelLink[] = [];
afterEach(async () => {
  for (const link of links.splice(0)) await link.close();
});

async function open(): Promise<KernelLink> {
  const link = await openKernelLink();
  links.push(link);
  return link;
}

/** Runs a program text at an end, and gives the first line that it prints. */
async function firstLine(launcher: readonly string[], program: string): Promise<{ line: string; end: () => void }> {
  const [file = '', ...parameters] = [...launcher, process.execPath, '--eval', program];
  const child = spawn(file, parameters, { stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const line of createInterface({ input: child.stdout })) return { line, end: () => child.kill('SIGKILL') };
  throw new Error('the program ended without a word');
}

/** Answers each run of so many bytes with one byte. @returns where it listens */
async function serve({ edge }: KernelLink, bytes: number): Promise<{ port: number; end: () => void }> {
  const program = `
    let count = 0;
    const server = require('node:net').createServer({ noDelay: true }, (socket) => socket.on('data', (data) => {
      count += data.length;
      if (count < ${bytes}) return;
      count = 0;
      socket.write('.');
    }));
    server.listen(0, '${edge.address}', () => console.log(server.address().port));`;
  const { line, end } = await firstLine(edge.launcher, program);
  return { port: Number(line), end };
}

/** @returns what messages of so many bytes take from the device's end, ms */
async function timesOf({ device, edge }: KernelLink, port: number, bytes: number): Promise<number[]> {
  const program = `
    const socket = require('node:net').connect({ host: '${edge.address}', port: ${port}, noDelay: true });
    const times = [];
    let startMs;
    const next = () => {
      if (times.length === 7) return console.log(times.join());
      startMs = performance.now();
      socket.write(Buffer.alloc(${bytes}));
    };
    socket.on('connect', next);
    socket.on('data', () => {
      times.push(performance.now() - startMs);
      setTimeout(next, 20);
    });`;
  const { line, end } = await firstLine(device.launcher, program);
  end();
  // The first one opens the connection's window.
  return line.split(',').map(Number).slice(1);
}

function namespaces(): string[] {
  return existsSync('/run/netns') ? readdirSync('/run/netns').filter((name) => name.startsWith('edgent-link-')) : [];
}

const obstacle = await kernelLinkObstacle();

describe.skipIf(obstacle !== undefined)(`a link that the kernel shapes (${obstacle ?? 'there is one'})`, () => {
  test('carries a payload at its rate, whichever it was turned to', async () => {
    const link = await open();
    const { port, end } = await serve(link, 12_288);
    try {
      for (const mbps of [1, 4]) {
        await link.shape(mbps);
        const expectedMs = (12_288 * 8) / (mbps * 1000);
        const ms = median(await timesOf(link, port, 12_288));
        expect(ms).toBeGreaterThan(0.9 * expectedMs);
        expect(ms).toBeLessThan(1.5 * expectedMs + 20);
      }
      await link.shape(null);
      expect(median(await timesOf(link, port, 12_288))).toBeLessThan(20);
    } finally {
      end();
    }
  });

  test('leaves the host’s interfaces as they were, and nothing of itself', async () => {
    const before = readdirSync('/sys/class/net');
    const link = await open();
    expect(readdirSync('/sys/class/net')).toEqual(before);
    expect(namespaces().filter((name) => name.includes(`-${process.pid}-`))).toHaveLength(2);
    await link.close();
    expect(namespaces().filter((name) => name.includes(`-${process.pid}-`))).toEqual([]);
  });

  test('goes with its process, by whichever signal that ended, and after a kill with the next one', async () => {
    const main = fileURLToPath(new URL('kernel-link.js', import.meta.url));
    const program = `
      import('${main}').then(({ openKernelLink }) => openKernelLink()).then(() => console.log('open'));
      setInterval(() => undefined, 1000);`;
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGKILL'] as const) {
      const child = spawn(process.execPath, ['--eval', program], { stdio: ['ignore', 'pipe', 'inherit'] });
      const mine = () => namespaces().filter((name) => name.includes(`-${child.pid}-`));
      await once(createInterface({ input: child.stdout }), 'line');
      expect(mine()).toHaveLength(2);
      child.kill(signal);
      const [code, by] = await once(child, 'exit');
      expect([code, by]).toEqual([null, signal]);
      if (signal === 'SIGKILL') await (await open()).close();
      expect(mine()).toEqual([]);
    }
  });

  test('two of them do not know of each other', async () => {
    const [one, other] = [await open(), await open()];
    const { port, end } = await serve(one, 100);
    try {
      expect(await timesOf(one, port, 100)).toHaveLength(6);
      const dial = `require('node:net').connect({ host: '${other.edge.address}', port: ${port} })
        .on('error', ({ code }) => console.log(code)).on('connect', () => console.log('connected'))`;
      expect((await firstLine(other.device.launcher, dial)).line).toBe('ECONNREFUSED');
    } finally {
      end();
    }
  });
});

test.skipIf(process.getuid?.() !== 0)(
  'without root’s rights there is none, and the error says what is needed',
  async () => {
    const main = fileURLToPath(new URL('kernel-link.js', import.meta.url));
    const program = `
    process.setuid(65534);
    import('${main}').then(({ openKernelLink }) => openKernelLink()).catch(({ code }) => console.log(code));`;
    const printed = execFileSync(process.execPath, ['--eval', program], { encoding: 'utf8' });
    expect(printed.trim()).toBe('link-unavailable');
  },
);
