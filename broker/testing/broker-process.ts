import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Static, Type } from 'typebox';
import { onTestFinished } from 'vitest';
import { toEnvironment } from '../../shared/runtime/config.ts';
import { parseReadyLine } from '../../shared/runtime/ready-line.ts';
import { createParser } from '../../shared/runtime/schema.ts';

/** A broker in a process of its own, so that its memory and its event loop are its own. */
export interface BrokerProcess {
  readonly mqttUrl: string;
  readonly pid: number;
  /** What the kernel counts as its memory now, MiB. */
  residentMiB(): number;
  /** The most that it ever was, MiB. */
  peakMiB(): number;
  /** Ends it in order. @returns what it had counted */
  stop(): Promise<FinalCounts>;
}

const countsSchema = Type.Object({
  connections: Type.Integer(),
  messagesDropped: Type.Integer(),
  sessions: Type.Integer(),
  refused: Type.Record(Type.String(), Type.Integer()),
});
export type FinalCounts = Static<typeof countsSchema>;
const countsParser = createParser(countsSchema, 'process-failed', 'closing line of the broker');

const main = fileURLToPath(new URL('../main.js', import.meta.url));

/** @param settings as `BrokerConfig` names them; on any free port unless said otherwise */
export async function startBrokerProcess(settings: Record<string, string | number | boolean>): Promise<BrokerProcess> {
  const env = toEnvironment({ mqttPort: 0, ...settings });
  const child = spawn(process.execPath, [main], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = once(child, 'close');
  let lastLine = '';
  let closingLine = '';
  createInterface({ input: child.stderr }).on('line', (line) => {
    lastLine = line;
    if (line.includes('"closing"')) closingLine = line;
  });
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const mqttUrl = await readyUrl(child);
  const pid = child.pid ?? 0;
  return {
    mqttUrl,
    pid,
    residentMiB: () => statusMiB(pid, 'VmRSS'),
    peakMiB: () => statusMiB(pid, 'VmHWM'),
    async stop() {
      child.kill('SIGTERM');
      const [code] = await ended;
      if (code !== 0) throw new Error(`the broker ended with ${String(code)}: ${lastLine}`);
      return countsParser.parseJson(closingLine);
    },
  };
}

async function readyUrl(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error('the broker has no standard output');
  for await (const line of createInterface({ input: child.stdout })) {
    const mqtt = parseReadyLine(line)?.['mqtt'];
    if (mqtt !== undefined) return mqtt;
  }
  throw new Error('the broker ended before it was ready');
}

function statusMiB(pid: number, field: string): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) / 1024;
}
