import { spawn } from 'node:child_process';
import { componentArguments } from './component-arguments.ts';

/**
 * Runs a component in the foreground: its output is this process's output, signals reach it, its exit code is
 * returned. Where this process is killed, the component is asked to end.
 */
export function runComponent(script: string, environment: Record<string, string | undefined>): Promise<number> {
  const child = spawn(process.execPath, componentArguments(script), {
    env: environment,
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  });
  // On Ctrl-C the terminal signals both; the child decides when it is done.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
  return new Promise((resolve) => child.once('exit', (code) => resolve(code ?? 1)));
}
