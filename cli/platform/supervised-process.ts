import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { FleetError } from '../../shared/runtime/errors.ts';
import type { Log } from '../../shared/runtime/log.ts';
import { parseReadyLine } from '../../shared/runtime/ready-line.ts';
import { fullJitterDelayMs } from '../../shared/runtime/retry.ts';

export interface ProcessSpec {
  name: string;
  /** Compiled main file. */
  script: string;
  /** Settings; the environment of this process is not passed on beyond what Node itself needs. */
  environment: Record<string, string>;
  /** Settings of every start after the first, from what the first one announced: the port it was given. */
  environmentAfter?: (addresses: Record<string, string>) => Record<string, string>;
  onLine?: (line: string) => void;
  log: Log;
}

/**
 * A child process that is started again, after a growing wait, whenever it ends without having been told to.
 */
export interface SupervisedProcess {
  readonly name: string;
  /** Starts it. @returns the addresses of its ready line @throws {FleetError} `process-failed` */
  start(timeoutMs: number): Promise<Record<string, string>>;
  /** Writes a line to its standard input. */
  tell(line: string): void;
  pid(): number | undefined;
  /** How often it was started again. */
  restarts(): number;
  /** Asks it to end, and ends it after `graceMs`. */
  stop(graceMs?: number): Promise<void>;
}

const passedOn = ['PATH', 'HOME', 'LANG', 'TZ', 'TMPDIR', 'NODE_OPTIONS', 'NODE_EXTRA_CA_CERTS'];
const maxRestartDelayMs = 5000;
/** A process that ran this long has recovered: its next failure is a first one. */
const stableMs = 30_000;

/** @param inherited the environment that this process was started with */
export function createSupervisedProcess(
  spec: ProcessSpec,
  inherited: Record<string, string | undefined>,
): SupervisedProcess {
  const base = Object.fromEntries(passedOn.flatMap((name) => (inherited[name] ? [[name, inherited[name]]] : [])));
  let child: ChildProcess | undefined;
  let addresses: Record<string, string> | undefined;
  let stopping = false;
  let failures = 0;
  let restarts = 0;
  let retry: NodeJS.Timeout | undefined;

  function launch(onReady: (ready: Record<string, string>) => void, onEnd: (code: string) => void): void {
    const later = addresses === undefined ? {} : (spec.environmentAfter?.(addresses) ?? {});
    const env = { ...base, ...spec.environment, ...later };
    const started = spawn(process.execPath, [spec.script], { env, stdio: ['pipe', 'pipe', 'inherit'] });
    const startedAtMs = performance.now();
    child = started;
    started.stdin?.on('error', () => undefined); // It may have ended already: `exit` tells.
    createInterface({ input: started.stdout }).on('line', (line) => {
      const ready = parseReadyLine(line);
      if (ready === undefined) spec.onLine?.(line);
      else onReady(ready);
    });
    started.once('exit', (code, signal) => {
      child = undefined;
      if (performance.now() - startedAtMs > stableMs) failures = 0;
      onEnd(signal ?? String(code));
    });
  }

  function restartLater(reason: string): void {
    if (stopping) return;
    failures += 1;
    const delayMs = fullJitterDelayMs(failures, maxRestartDelayMs, Math.random);
    spec.log.warn({ process: spec.name, reason, delayMs: Math.round(delayMs) }, 'process ended, starting it again');
    retry = setTimeout(() => {
      restarts += 1;
      launch((ready) => {
        addresses = ready;
      }, restartLater);
    }, delayMs);
  }

  return {
    name: spec.name,
    start: (timeoutMs) =>
      new Promise((resolve, reject) => {
        const fail = (why: string): void => reject(new FleetError('process-failed', `${spec.name}: ${why}`));
        const timer = setTimeout(() => fail(`not ready after ${timeoutMs} ms`), timeoutMs);
        launch(
          (ready) => {
            clearTimeout(timer);
            addresses = ready;
            resolve(ready);
          },
          (code) => {
            clearTimeout(timer);
            if (addresses === undefined) fail(`ended with ${code} before it was ready`);
            else restartLater(code);
          },
        );
      }),
    tell: (line) => void child?.stdin?.write(`${line}\n`),
    pid: () => child?.pid,
    restarts: () => restarts,
    async stop(graceMs = 5000) {
      stopping = true;
      clearTimeout(retry);
      const running = child;
      if (running === undefined) return;
      const ended = new Promise<void>((resolve) => running.once('exit', () => resolve()));
      running.kill('SIGTERM');
      const timer = setTimeout(() => running.kill('SIGKILL'), graceMs);
      await ended;
      clearTimeout(timer);
    },
  };
}
