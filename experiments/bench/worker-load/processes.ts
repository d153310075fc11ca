import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { toEnvironment } from '../../../shared/runtime/config.ts';
import { FleetError } from '../../../shared/runtime/errors.ts';
import { parseReadyLine } from '../../../shared/runtime/ready-line.ts';
import type { BareLoopRequest, DevicesMeasure, DevicesStart, Measured } from './messages.ts';
import { measuredParser } from './messages.ts';

/** A component as it runs in service. */
export interface Component {
  /** Of its ready line. */
  readonly addresses: Record<string, string>;
  stop(): Promise<void>;
}

/** A process that measures when it is asked to. */
export interface MeasuringProcess {
  /** @throws {FleetError} `process-failed` */
  measure(request: BareLoopRequest | DevicesStart | DevicesMeasure): Promise<Measured>;
  stop(): Promise<void>;
}

/** @throws {FleetError} `process-failed` where it ends before it is ready */
export async function startComponent(
  name: 'broker' | 'edge-worker',
  config: Record<string, string | number>,
): Promise<Component> {
  const script = fileURLToPath(new URL(`../../../${name}/main.js`, import.meta.url));
  const child = spawn(process.execPath, [script], { env: toEnvironment(config), stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const line of createInterface({ input: child.stdout })) {
    const addresses = parseReadyLine(line);
    if (addresses === undefined) continue;
    child.stdout.resume();
    return { addresses, stop: () => end(child) };
  }
  throw new FleetError('process-failed', `${name} ended before it was ready`);
}

/** @param script beside this file */
export function startMeasuring(script: 'bare-loop-main.js' | 'devices-main.js'): MeasuringProcess {
  const child = fork(fileURLToPath(new URL(script, import.meta.url)), {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const ended = once(child, 'exit').then(() => {
    throw new FleetError('process-failed', `${script} ended while it measured`);
  });
  // Only who asks wants to know.
  ended.catch(() => undefined);
  return {
    async measure(request) {
      const answered = once(child, 'message');
      child.send(request);
      const [answer] = await Promise.race([answered, ended]);
      return measuredParser.parse(answer);
    },
    stop: () => end(child),
  };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  await once(child, 'exit');
}
