import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { toEnvironment } from '../../shared/runtime/config.ts';
import { parseReadyLine } from '../../shared/runtime/ready-line.ts';

/** A component in a process of its own, as in service. */
export interface StartedProcess {
  /** Of its ready line. */
  readonly addresses: Record<string, string>;
  /** All that it wrote so far, to standard output and standard error. */
  written(): string;
  /** Ends it without warning, as a power cut would. */
  kill(): Promise<void>;
  /** Asks it to stop. @returns its exit code */
  stop(): Promise<number | null>;
}

/** @param component whose main.js is started @throws Error where it ends before it is ready */
export async function startProcess(
  component: 'broker' | 'control-plane',
  config: Record<string, string | number>,
): Promise<StartedProcess> {
  const main = fileURLToPath(new URL(`../../${component}/main.js`, import.meta.url));
  const child = spawn(process.execPath, [main], { env: toEnvironment(config), stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = once(child, 'exit');
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  let written = '';
  child.stderr.on('data', (chunk: Buffer) => {
    written += chunk.toString();
  });
  const addresses = await new Promise<Record<string, string>>((resolve, reject) => {
    createInterface(child.stdout).on('line', (line) => {
      written += `${line}\n`;
      const ready = parseReadyLine(line);
      if (ready !== undefined) resolve(ready);
    });
    child.once('exit', (code) => reject(new Error(`${component} ended with ${code}: ${written}`)));
  });
  return {
    addresses,
    written: () => written,
    kill: async () => void (await end(child, exited, 'SIGKILL')),
    stop: () => end(child, exited, 'SIGTERM'),
  };
}

async function end(child: ChildProcess, exited: Promise<unknown>, signal: NodeJS.Signals): Promise<number | null> {
  child.kill(signal);
  await exited;
  return child.exitCode;
}
