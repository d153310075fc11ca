import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { parseReadyLine } from '../../shared/runtime/ready-line.ts';
import { repositoryFile } from '../../shared/testing/data-folder.ts';

/** `edgent broker run` as people start it. */
export interface RunningBroker {
  readonly mqttUrl: string;
  /** Ends it as Ctrl-C does. @returns its exit code */
  stop(): Promise<number | null>;
}

export function startPlainBroker(...words: readonly string[]): Promise<RunningBroker> {
  return startBroker('--allow-anonymous', ...words);
}

export async function startBroker(...words: readonly string[]): Promise<RunningBroker> {
  const main = repositoryFile('dist', 'cli', 'main.js');
  const command = ['broker', 'run', '--listen', 'mqtt://127.0.0.1:0', '--log-level', 'fatal'];
  const child = spawn(process.execPath, [main, ...command, ...words], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit').then(([code]): number | null => (typeof code === 'number' ? code : null));
  for await (const line of createInterface({ input: child.stdout })) {
    const mqttUrl = parseReadyLine(line)?.['mqtt'];
    if (mqttUrl === undefined) continue;
    return {
      mqttUrl,
      stop() {
        child.kill('SIGINT');
        return ended;
      },
    };
  }
  throw new Error('the broker ended before it was ready');
}
