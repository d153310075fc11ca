import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { toEnvironment } from '../../shared/runtime/config.ts';
import { parseReadyLine } from '../../shared/runtime/ready-line.ts';

/** A component that runs as it does in service. */
export interface ChildProcess {
  /** Of its ready line. */
  addresses: Record<string, string>;
  /** Sends the signal and waits. @returns the exit code */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
  /** What it wrote to standard error so far. */
  log(): string;
}

/**
 * Starts a component's main module and waits for its ready line.
 * @param component its folder
 */
export async function startComponent(
  component: string,
  config: Record<string, string | number | boolean | undefined>,
): Promise<ChildProcess> {
  const script = join(import.meta.dirname, '../..', component, 'main.js');
  const child = spawn(process.execPath, [script], { env: toEnvironment(config), stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = once(child, 'exit');
  let log = '';
  child.stderr.on('data', (text) => {
    log += String(text);
  });
  const addresses = await new Promise<Record<string, string>>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const parsed = parseReadyLine(line);
      if (parsed !== undefined) resolve(parsed);
    });
    void exited.then(([code]) => reject(new Error(`${component} ended with ${code}: ${log}`)));
  });
  return {
    addresses,
    async stop(signal = 'SIGTERM') {
      child.kill(signal);
      const [code] = await exited;
      return typeof code === 'number' ? code : null;
    },
    log: () => log,
  };
}
