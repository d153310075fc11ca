import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { parseReadyLine } from '../../shared/runtime/ready-line.ts';
import { createSockets, received } from './testing/link-bench.ts';

const main = fileURLToPath(new URL('main.js', import.meta.url));
const sockets = createSockets();
const children: ChildProcess[] = [];
afterEach(() => {
  sockets.closeAll();
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

function start(links: unknown): {
  child: ChildProcess;
  ready: Promise<Record<string, string>>;
  complaint: () => string;
} {
  const child = spawn(process.execPath, [main], { env: { EDGENT_LINKS: JSON.stringify(links) } });
  children.push(child);
  let stderr = '';
  child.stderr.on('data', (data: Buffer) => {
    stderr += data.toString();
  });
  const ready = new Promise<Record<string, string>>((resolve) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const addresses = parseReadyLine(line);
      if (addresses !== undefined) resolve(addresses);
    });
  });
  return { child, ready, complaint: () => stderr };
}

function portOf(address: string | undefined): number {
  return Number(new URL(address ?? 'mqtt://none:0').port);
}

describe('the process of emulated links', () => {
  test('serves each link by name until it is told to end', async () => {
    const port = await sockets.serve((socket) => socket.pipe(socket));
    const { child, ready } = start([
      { name: 'pi-1', targetPort: port },
      { name: 'pi-2', targetPort: port, mbps: 1, rttMs: 40 },
    ]);
    const addresses = await ready;
    expect(Object.keys(addresses)).toEqual(['pi-1', 'pi-2']);
    const client = await sockets.dial(portOf(addresses['pi-2']));
    const startMs = performance.now();
    client.write(Buffer.alloc(1250));
    const echoMs = (await received(client, 1250)) - startMs;
    expect(echoMs).toBeGreaterThanOrEqual(2 * 10 + 40 - 1);
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
  });

  test('follows a trace from a file, scaled and from an offset', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'emulated-link-'));
    const traceFile = join(folder, 'traces.csv');
    // The second trace: a second at 100 Mbit/s, then very long at 1.
    writeFileSync(traceFile, 'trace,start_ms,end_ms,kbps\n0,0,9,1\n1,0,1000,100000\n1,1000,9000000,1000\n');
    const port = await sockets.serve((socket) => socket.pipe(socket));
    const spec = { name: 'pi-1', targetPort: port, traceFile, traceIndex: 1, traceScale: 2, traceOffsetMs: 1000 };
    const { ready } = start([spec]);
    const client = await sockets.dial(portOf((await ready)['pi-1']));
    const echoesMs: number[] = [];
    for (let i = 0; i < 5; i += 1) {
      const startMs = performance.now();
      client.write(Buffer.alloc(12_500));
      echoesMs.push((await received(client, 12_500)) - startMs);
    }
    // 100 kbit at 2 Mbit/s, there and back, the way back beginning with the first piece.
    expect(Math.min(...echoesMs)).toBeGreaterThanOrEqual(50 + (1448 * 8) / 2000 - 1);
    expect(Math.min(...echoesMs)).toBeLessThan(100);
    rmSync(folder, { recursive: true });
  });

  test('ends with what is wrong where its settings do not fit', async () => {
    for (const [links, place] of [
      [[{ name: 'pi-1', targetPort: 0 }], '/0/targetPort'],
      [[{ name: 'pi-1', targetPort: 1, mbps: 0 }], '/0/mbps'],
      [{}, 'EDGENT_LINKS'],
    ] as const) {
      const { child, complaint } = start(links);
      const [code] = await once(child, 'close');
      expect(code).not.toBe(0);
      expect(complaint()).toContain(place);
    }
  });
});
