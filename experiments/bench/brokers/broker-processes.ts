import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../../shared/runtime/clock.ts';
import { toEnvironment } from '../../../shared/runtime/config.ts';
import { FleetError } from '../../../shared/runtime/errors.ts';
import { parseReadyLine } from '../../../shared/runtime/ready-line.ts';

/** A broker in a process of its own. */
export interface RunningBroker {
  readonly url: string;
  /** What the kernel counts as its memory, KiB. */
  residentKib(): number;
  /** Processor time that it has used, ms. */
  processorMs(): number;
  stop(): Promise<void>;
}

const scripts = {
  guarded: fileURLToPath(new URL('../../../broker/main.js', import.meta.url)),
  bare: fileURLToPath(new URL('../../../broker/bare-aedes/main.js', import.meta.url)),
};
const startTimeoutMs = 5000;
const clockTicksPerSecond = 100;

/** The platform's broker with all guards. Its rate limit is out of the way: it would be what is measured. */
export function startGuardedBroker(publicKeyFile: string): Promise<RunningBroker> {
  const settings = { mqttPort: 0, publicKeyFile, publishesPerSecond: 10_000_000, logLevel: 'warn' };
  return startNode(scripts.guarded, toEnvironment(settings));
}

export function startBareAedes(): Promise<RunningBroker> {
  return startNode(scripts.bare, {});
}

async function startNode(script: string, env: Record<string, string>): Promise<RunningBroker> {
  const child = spawn(process.execPath, [script], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const line of createInterface({ input: child.stdout })) {
    const url = parseReadyLine(line)?.['mqtt'];
    if (url !== undefined) return running(child, url);
  }
  throw new FleetError('process-failed', `${script} ended before it was ready`);
}

/** @returns Mosquitto, or undefined where it is not installed */
export async function startMosquitto(folder: string): Promise<RunningBroker | undefined> {
  const port = await freePort();
  const file = join(folder, 'mosquitto.conf');
  const lines = [
    `listener ${port} 127.0.0.1`,
    'allow_anonymous true',
    'set_tcp_nodelay true',
    'max_inflight_messages 0',
  ];
  await writeFile(file, `${lines.join('\n')}\n`);
  const child = spawn('mosquitto', ['-c', file], { stdio: 'ignore' });
  const failed = new Promise<boolean>((resolve) => child.once('error', () => resolve(true)));
  const giveUpMs = systemClock.nowMs() + startTimeoutMs;
  while (systemClock.nowMs() < giveUpMs) {
    if (await Promise.race([failed, answers(port)])) break;
    await new Promise<void>((resolve) => systemClock.after(20, resolve));
  }
  if (child.pid === undefined) return undefined;
  if (!(await answers(port))) throw new FleetError('process-failed', `mosquitto does not listen on port ${port}`);
  return running(child, `mqtt://127.0.0.1:${port}`);
}

function running(child: ChildProcess, url: string): RunningBroker {
  const { pid } = child;
  return {
    url,
    residentKib: () => Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]),
    processorMs() {
      // The name, in brackets, may hold anything; user and system time are the 14th and 15th field.
      const [, fields = ''] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ');
      const [user = Number.NaN, system = Number.NaN] = fields.split(' ').slice(11, 13).map(Number);
      return ((user + system) * 1000) / clockTicksPerSecond;
    },
    async stop() {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

function answers(port: number): Promise<boolean> {
  const socket = connect({ host: '127.0.0.1', port });
  return new Promise((resolve) => {
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
  }).then((open) => {
    socket.destroy();
    return open === true;
  });
}
