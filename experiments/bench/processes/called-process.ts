import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { FleetError } from '../../../shared/runtime/errors.ts';
import type { Parser } from '../../../shared/runtime/schema.ts';
import { answerParser } from './call-messages.ts';

/** A process that does one thing after the other as it is asked. */
export interface CalledProcess {
  /** @throws {FleetError} `experiment-failed` where the call failed there; `process-failed` where the process has ended */
  call<T>(name: string, argument: unknown, answer: Parser<T>): Promise<T>;
  /** Lets the process end, and ends it where it does not. */
  stop(): Promise<void>;
}

export interface CalledProcessOptions {
  /** Compiled main file, which serves calls. */
  script: string;
  /** Put before the command. */
  launcher: readonly string[];
}

interface Waiting {
  resolve(value: unknown): void;
  reject(error: FleetError): void;
}

/** How long a process may take to end by itself, ms. */
const graceMs = 5000;

export function startCalledProcess({ script, launcher }: CalledProcessOptions): CalledProcess {
  const [file = process.execPath, ...parameters] = [...launcher, process.execPath, script];
  // Standard output is the caller's: figures as JSON.
  const child = spawn(file, parameters, { env: {}, stdio: ['ignore', 2, 'inherit', 'ipc'] });
  const waiting = new Map<number, Waiting>();
  let calls = 0;
  let end: FleetError | undefined;

  function failAll(error: FleetError): void {
    end ??= error;
    for (const { reject } of waiting.values()) reject(end);
    waiting.clear();
  }

  child.on('message', (message) => {
    const answer = answerParser.parse(message);
    const caller = waiting.get(answer.id);
    waiting.delete(answer.id);
    if ('failed' in answer) caller?.reject(new FleetError('experiment-failed', answer.failed));
    else caller?.resolve(answer.value);
  });
  // Again and again where calls are sent to a process that was never there.
  child.on('error', (cause) => failAll(new FleetError('process-failed', `${script}: ${cause.message}`, { cause })));
  const exited = once(child, 'exit').then(([code, signal]: unknown[]) => {
    failAll(new FleetError('process-failed', `${script} ended with ${code ?? signal}`));
  });
  // Where it could not be started, nobody waits for its end.
  exited.catch(() => undefined);

  return {
    async call(name, argument, parser) {
      if (end !== undefined) throw end;
      calls += 1;
      const id = calls;
      const answered = new Promise<unknown>((resolve, reject) => waiting.set(id, { resolve, reject }));
      child.send({ id, name, argument });
      return parser.parse(await answered);
    },
    async stop() {
      if (end !== undefined) return;
      if (child.connected) child.disconnect();
      const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
      await exited;
      clearTimeout(timer);
    },
  };
}
