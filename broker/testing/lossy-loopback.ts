import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Type } from 'typebox';
import { messageOf } from '../../shared/runtime/errors.ts';
import { createParser } from '../../shared/runtime/schema.ts';

const run = promisify(execFile);
const script = fileURLToPath(new URL('./goodput-main.js', import.meta.url));
const parser = createParser(
  Type.Object({ seconds: Type.Number(), right: Type.Boolean() }),
  'process-failed',
  'goodput',
);
/** So slow that the processor is no part of it: 10 Mbit/s. */
const shape = 'ip link set lo mtu 1500 up && tc qdisc add dev lo root tbf rate 10mbit burst 8kb latency 50ms';

/**
 * Whether this process may make a network namespace with a link of its own and lose packets in it.
 * @returns undefined where it may, else what is missing
 * @throws Error under CI=true, where nothing may be skipped
 */
export async function lossNeeds(): Promise<string | undefined> {
  try {
    await run('unshare', ['--net', 'sh', '-c', `${shape} && ${lose(0.05)}`]);
    return undefined;
  } catch (error) {
    const missing = `needs root with unshare, ip, tc and iptables: ${messageOf(error)}`;
    // biome-ignore lint/style/noProcessEnv: tests have no main.ts that could pass settings in.
    if (process.env['CI'] === 'true') throw new Error(missing, { cause: error });
    return missing;
  }
}

/** Messages through a broker over a link of 10 Mbit/s that loses this share of the packets, either way. */
export async function goodputAt(options: {
  loss: number;
  messages: number;
  bytes: number;
}): Promise<{ mbps: number; right: boolean }> {
  const { loss, messages, bytes } = options;
  const commands = [shape, ...(loss > 0 ? [lose(loss)] : []), 'exec "$@"'].join(' && ');
  const words = ['--net', 'sh', '-c', commands, 'sh', process.execPath, script, String(messages), String(bytes)];
  const { stdout } = await run('unshare', words);
  const { seconds, right } = parser.parseJson(stdout);
  return { mbps: (messages * bytes * 8) / seconds / 1e6, right };
}

function lose(share: number): string {
  return `iptables -A INPUT -i lo -m statistic --mode random --probability ${share} -j DROP`;
}
