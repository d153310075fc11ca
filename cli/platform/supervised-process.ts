import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { FleetError } from '../../shared/runtime/errors.ts';
import type { Log } from '../../shared/runtime/log.ts';
import { parseReadyLine } from '../../shared/runtime/ready-line.ts';
import { fullJitterDelayMs } from '../../shared/runtime/retry.ts';
import { componentArguments } from './component-arguments.ts';

export interface ProcessSpec {
  name: string;
  /** Put before the command: what runs it elsewhere, by the same process id. Absent: nothing. */
  launcher?: readonly string[];
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
  /**
   * Starts it.
   * @param signal gives up waiting
   * @returns the addresses of its ready line
   * @throws {FleetError} `process-failed`
   */
  start(timeoutMs: number, signal?: AbortSignal): Promise<Record<string, string>>;
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
    const started = spawnComponent(spec, { ...base, ...spec.environment, ...later });
    const startedAtMs = performance.now();
    child = started;
    started.stdin?.on('error', () => undefined); // It may have ended already: `exit` tells.
    onLines(started.stdout, (line) => {
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
    start(timeoutMs, signal) {
      const readiness = awaitReadiness(spec.name, timeoutMs, signal);
      launch(
        (ready) => {
          addresses = ready;
          readiness.ready(ready);
        },
        (code) => {
          if (addresses === undefined) readiness.fail(`ended with ${code} before it was ready`);
          else restartLater(code);
        },
      );
      return readiness.promise;
    },
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

function spawnComponent({ launcher = [], script }: ProcessSpec, env: Record<string, string>): ChildProcess {
  const [file = process.execPath, ...parameters] = [...launcher, process.execPath, ...componentArguments(script)];
  return spawn(file, parameters, {
    env,
    stdio: ['pipe', 'pipe', 'inherit', 'ipc'],
    // Out of the terminal's group: Ctrl-C asks this process alone, which ends the others in order.
    detached: true,
  });
}

function onLines(input: Readable | null, listener: (line: string) => void): void {
  if (input !== null) createInterface({ input }).on('line', listener);
}

interface Readiness {
  promise: Promise<Record<string, string>>;
  ready(addresses: Record<string, string>): void;
  fail(why: string): void;
}

/** The first of: it is ready, it failed, the time is over, nobody waits any longer. */
function awaitReadiness(name: string, timeoutMs: number, signal: AbortSignal | undefined): Readiness {
  let resolve: (addresses: Record<string, string>) => void = () => undefined;
  let reject: (error: FleetError) => void = () => undefined;
  const promise = new Promise<Record<string, string>>((onReady, onFail) => {
    resolve = onReady;
    reject = onFail;
  });
  const fail = (why: string): void => {
    settle();
    reject(new FleetError('process-failed', `${name}: ${why}`));
  };
  const giveUp = (): void => fail('asked to stop before it was ready');
  const timer = setTimeout(() => fail(`not ready after ${timeoutMs} ms`), timeoutMs);
  const settle = (): void => {
    clearTimeout(timer);
    signal?.removeEventListener('abort', giveUp);
  };
  signal?.addEventListener('abort', giveUp);
  if (signal?.aborted === true) giveUp();
  const ready = (addresses: Record<string, string>): void => {
    settle();
    resolve(addresses);
  };
  return { promise, ready, fail };
}
