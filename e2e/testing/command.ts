import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { repositoryFile, repositoryRoot } from '../../shared/testing/data-folder.ts';
import type { Cleanup } from './cleanup.ts';
import { environment as inherited } from './environment.ts';

/** A command line that runs as people run it: from the checkout's root, in a process group of its own. */
export interface RunningCommand {
  readonly child: ChildProcess;
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Resolves when a line of either output contains the text. */
  line(text: string, timeoutMs: number): Promise<string>;
  /** As the terminal does on Ctrl-C: the whole foreground group hears it. */
  signalGroup(signal: NodeJS.Signals): void;
  readonly ended: Promise<Ended>;
}

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface CommandOptions {
  cleanup: Cleanup;
  environment?: Record<string, string>;
}

/** Starts a program; what is left of its group when the test file ends is killed. */
export function startCommand(program: string, words: readonly string[], options: CommandOptions): RunningCommand {
  const env = { ...inherited, ...options.environment };
  const child = spawn(program, [...words], {
    cwd: repositoryRoot,
    env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  const lines: string[] = [];
  const watchers = new Set<() => void>();
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].on('data', (data: Buffer) => {
      output[name] += data.toString();
    });
    createInterface({ input: child[name] }).on('line', (line) => {
      lines.push(line);
      for (const watcher of watchers) watcher();
    });
  }
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal, ...output }));
  });
  const signalGroup = (signal: NodeJS.Signals): void => {
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, signal);
  };
  options.cleanup.add(async () => {
    if (child.exitCode === null && child.signalCode === null) signalGroup('SIGKILL');
    await ended;
  });
  return {
    child,
    stdout: () => output.stdout,
    stderr: () => output.stderr,
    line: (text, timeoutMs) => untilLine({ lines, watchers, ended, stderr: () => output.stderr }, text, timeoutMs),
    signalGroup,
    ended,
  };
}

/** Starts `edgent` with these words. */
export function startEdgent(words: readonly string[], options: CommandOptions): RunningCommand {
  return startCommand(process.execPath, [repositoryFile('dist', 'cli', 'main.js'), ...words], options);
}

interface Watched {
  lines: readonly string[];
  watchers: Set<() => void>;
  ended: Promise<Ended>;
  stderr: () => string;
}

function untilLine({ lines, watchers, ended, stderr }: Watched, text: string, timeoutMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      clearTimeout(timer);
      watchers.delete(look);
    };
    const fail = (why: string): void => {
      settle();
      reject(new Error(`no line with "${text}" ${why}: ${stderr().slice(-2000)}`));
    };
    const timer = setTimeout(() => fail(`within ${timeoutMs} ms`), timeoutMs);
    const look = (): void => {
      const found = lines.find((line) => line.includes(text));
      if (found === undefined) return;
      settle();
      resolve(found);
    };
    watchers.add(look);
    look();
    ended.then(
      () => fail('before it ended'),
      (error: unknown) => fail(String(error)),
    );
  });
}
