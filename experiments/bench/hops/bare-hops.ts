import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseReadyLine } from '../../../shared/runtime/ready-line.ts';
import { startThreadEcho } from './thread-echo.ts';

/**
 * The way of a frame without the platform: a thread here, a relay process, a worker process with its thread, and a few
 * bytes back the same way. What is left of the platform's overhead above this is the platform's own.
 */
export interface BareHops {
  /** @returns milliseconds that one message of so many bytes takes there and back */
  roundTripMs(bytes: number): Promise<number>;
  close(): Promise<void>;
}

const script = fileURLToPath(new URL('./main.js', import.meta.url));

export async function startBareHops(): Promise<BareHops> {
  const worker = await startHop({ EDGENT_HOP: 'worker' });
  const relay = await startHop({ EDGENT_HOP: 'relay', EDGENT_TARGET_PORT: worker.port });
  const socket = connect({ host: '127.0.0.1', port: Number(relay.port), noDelay: true });
  await once(socket, 'connect');
  const thread = startThreadEcho();
  return {
    async roundTripMs(bytes) {
      const startMs = performance.now();
      const passed = Buffer.from(await thread.roundTrip(new ArrayBuffer(bytes)));
      passed.writeUInt32LE(bytes, 0);
      socket.write(passed);
      await answer(socket);
      return performance.now() - startMs;
    },
    async close() {
      socket.destroy();
      await thread.close();
      for (const { child } of [relay, worker]) {
        child.kill('SIGTERM');
        await once(child, 'exit');
      }
    },
  };
}

function answer(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('data', () => resolve()));
}

async function startHop(environment: Record<string, string>): Promise<{ child: ChildProcess; port: string }> {
  const child = spawn(process.execPath, [script], { env: environment, stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const line of createInterface({ input: child.stdout })) {
    const port = parseReadyLine(line)?.['port'];
    if (port !== undefined) return { child, port };
  }
  throw new Error('a hop process ended before it was ready');
}
