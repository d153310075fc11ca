import { execFile, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { FleetError, messageOf } from '../../shared/runtime/errors.ts';
import { type KernelShape, kernelShape } from './kernel-shape.ts';

/**
 * A link that the kernel shapes: two network namespaces, a veth pair between them, a token bucket at either end.
 *
 * Both ends have loopback addresses: the net 127.0.0.0/8 is divided between the two namespaces, and `route_localnet`
 * lets it pass over the veth. What serves its own machine alone, as the broker does, serves here as it is, and no relay
 * adds a hop. Each direction has a bucket of its own, and acknowledgements pass through the one of their direction.
 *
 * INVARIANT: the host's own interfaces, addresses and routes stay as they are. The namespaces go with `close`, with the
 * end of the process, and on SIGINT, SIGTERM and SIGHUP; what a killed process left goes when the next link is opened.
 */
export interface KernelLink {
  readonly device: LinkEnd;
  readonly edge: LinkEnd;
  /**
   * Gives both directions another rate from now on; nothing may be on its way.
   * @param mbps of TCP payload, Mbit/s; null: as fast as the kernel is
   * @throws {FleetError} `link-unavailable`
   */
  shape(mbps: number | null): Promise<void>;
  /** Whoever runs at an end has ended before. */
  close(): Promise<void>;
}

export interface LinkEnd {
  /** Where what listens at this end is found from both. */
  readonly address: string;
  /** Put before a command, runs it at this end; its process id and its channels are those of the command. */
  readonly launcher: readonly string[];
}

const addresses = { device: '127.77.0.2', edge: '127.77.0.1' } as const;
type EndName = keyof typeof addresses;
const endNames = ['device', 'edge'] as const satisfies readonly EndName[];

/** In either namespace. */
const interfaceName = 'link0';
const namespacesFolder = '/run/netns';
const toolFolders = ['/usr/sbin', '/sbin', '/usr/bin', '/bin'];
const endingSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

const run = promisify(execFile);

/**
 * Makes a link, as fast as the kernel is until it is shaped.
 * @throws {FleetError} `link-unavailable` without root's rights, iproute2, or what the kernel needs
 */
export async function openKernelLink(): Promise<KernelLink> {
  if (process.getuid?.() !== 0) throw new FleetError('link-unavailable', 'only root makes network namespaces');
  const tools = { ip: toolAt('ip'), tc: toolAt('tc') };
  const prefix = `${namePrefix}${process.pid}-${randomBytes(3).toString('hex')}`;
  const names: Names = { device: `${prefix}-device`, edge: `${prefix}-edge` };
  const removal = removeAtEnd(tools.ip, [...Object.values(names), ...abandoned()]);
  let isShaped = false;
  try {
    await connect(tools, names);
  } catch (error) {
    removal.now();
    throw error;
  }
  return {
    device: endOf(tools, names, 'device'),
    edge: endOf(tools, names, 'edge'),
    async shape(mbps) {
      if (mbps === null && !isShaped) return;
      for (const end of endNames) await shapeEnd(tools, names[end], kernelShape(mbps));
      isShaped = mbps !== null;
    },
    async close() {
      removal.now();
    },
  };
}

interface Tools {
  ip: string;
  tc: string;
}

/** Of the namespaces. */
type Names = Readonly<Record<EndName, string>>;

function endOf({ ip }: Tools, names: Names, end: EndName): LinkEnd {
  return { address: addresses[end], launcher: [ip, 'netns', 'exec', names[end]] };
}

function toolAt(name: string): string {
  const folder = toolFolders.find((candidate) => existsSync(join(candidate, name)));
  if (folder === undefined) throw new FleetError('link-unavailable', `${name} of iproute2 is not installed`);
  return join(folder, name);
}

async function connect({ ip }: Tools, names: Names): Promise<void> {
  for (const end of endNames) await command(ip, ['netns', 'add', names[end]]);
  const pair = ['link', 'add', interfaceName, 'type', 'veth', 'peer', 'name', interfaceName, 'netns', names.edge];
  await command(ip, ['-n', names.device, ...pair]);
  for (const end of endNames) {
    const here = ['-n', names[end]];
    await command(ip, [...here, 'link', 'set', 'lo', 'up']);
    // The rest of the net is the other end's.
    await command(ip, [...here, 'address', 'delete', '127.0.0.1/8', 'dev', 'lo']);
    await command(ip, [...here, 'address', 'add', '127.0.0.1/32', 'dev', 'lo']);
    await setInside(ip, names[end], 'net/ipv4/conf/all/route_localnet');
    // What IPv6 announces by itself would take its share of a thin link.
    await setInside(ip, names[end], 'net/ipv6/conf/all/disable_ipv6');
    await command(ip, [...here, 'address', 'add', `${addresses[end]}/30`, 'dev', interfaceName]);
    // A bucket counts packets: none may be made of many.
    await command(ip, [...here, 'link', 'set', interfaceName, 'gso_max_segs', '1']);
    await command(ip, [...here, 'link', 'set', interfaceName, 'up']);
  }
}

function setInside(ip: string, namespace: string, setting: string): Promise<void> {
  return command(ip, ['netns', 'exec', namespace, '/bin/sh', '-c', `echo 1 > /proc/sys/${setting}`]);
}

async function shapeEnd({ ip, tc }: Tools, namespace: string, { mtu, bucket }: KernelShape): Promise<void> {
  await command(ip, ['-n', namespace, 'link', 'set', interfaceName, 'mtu', `${mtu}`]);
  const root = ['dev', interfaceName, 'root'];
  if (bucket === null) return command(tc, ['-n', namespace, 'qdisc', 'delete', ...root]);
  const { bitsPerSecond, burstBytes, limitBytes } = bucket;
  const shape = ['rate', `${bitsPerSecond}bit`, 'burst', `${burstBytes}`, 'limit', `${limitBytes}`];
  return command(tc, ['-n', namespace, 'qdisc', 'replace', ...root, 'tbf', ...shape]);
}

async function command(file: string, parameters: readonly string[]): Promise<void> {
  try {
    await run(file, [...parameters]);
  } catch (cause) {
    throw new FleetError('link-unavailable', messageOf(cause), { cause });
  }
}

const namePrefix = 'edgent-link-';

/** @returns the namespaces of processes that were killed */
function abandoned(): string[] {
  if (!existsSync(namespacesFolder)) return [];
  return readdirSync(namespacesFolder).filter((name) => {
    const [owner] = name.startsWith(namePrefix) ? name.slice(namePrefix.length).split('-') : [];
    return owner !== undefined && !existsSync(`/proc/${owner}`);
  });
}

/** Removes namespaces at the latest when this process ends, by a signal too. */
function removeAtEnd(ip: string, names: readonly string[]): { now(): void } {
  function now(): void {
    process.removeListener('exit', now);
    for (const signal of endingSignals) process.removeListener(signal, onSignal);
    // One that was not made yet is none to remove.
    for (const name of names) spawnSync(ip, ['netns', 'delete', name], { stdio: 'ignore' });
  }
  function onSignal(signal: NodeJS.Signals): void {
    now();
    // As it would have ended had nobody listened; whoever else listens has heard it already.
    if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
  }
  process.once('exit', now);
  for (const signal of endingSignals) process.once(signal, onSignal);
  return { now };
}
