import { isId, requireId } from './ids.ts';

/**
 * Every topic of the platform, built and parsed here alone.
 *
 *   topic   = "edgent/v1/devices/" id "/" channel [ "/" worker ]
 *           / "edgent/v1/workers/" id "/" channel
 *   channel = one of the words below; "offload" and "reply" carry the worker's id as a further level
 */
export const topicRoot = 'edgent/v1';

export const deviceChannels = [
  'presence',
  'desired',
  'reported',
  'configuration-request',
  'telemetry',
  'telemetry-acknowledgement',
  'results',
  'offload',
  'reply',
] as const;
export type DeviceChannel = (typeof deviceChannels)[number];

export const workerChannels = ['presence', 'desired', 'reported', 'configuration-request', 'load'] as const;
export type WorkerChannel = (typeof workerChannels)[number];

export type Topic =
  | { kind: 'device'; id: string; channel: Exclude<DeviceChannel, 'offload' | 'reply'> }
  | { kind: 'device'; id: string; channel: 'offload' | 'reply'; worker: string }
  | { kind: 'worker'; id: string; channel: WorkerChannel };

/** @returns the topic of a device's channel @throws {FleetError} `id-invalid` */
export function deviceTopic(id: string, channel: Exclude<DeviceChannel, 'offload' | 'reply'>): string {
  return `${topicRoot}/devices/${requireId(id)}/${channel}`;
}

/** @returns the topic on which a device sends tensors to one worker */
export function offloadTopic(device: string, worker: string): string {
  return `${topicRoot}/devices/${requireId(device)}/offload/${requireId(worker)}`;
}

/** @returns the topic on which one worker answers a device */
export function replyTopic(device: string, worker: string): string {
  return `${topicRoot}/devices/${requireId(device)}/reply/${requireId(worker)}`;
}

/** @returns the topic of a worker's channel @throws {FleetError} `id-invalid` */
export function workerTopic(id: string, channel: WorkerChannel): string {
  return `${topicRoot}/workers/${requireId(id)}/${channel}`;
}

/** @returns the filter with which a worker hears all devices that address it */
export function offloadFilter(worker: string): string {
  return `${topicRoot}/devices/+/offload/${requireId(worker)}`;
}

/** @returns the filter over one channel of all devices, for the control plane */
export function allDevicesFilter(channel: Exclude<DeviceChannel, 'offload' | 'reply'>): string {
  return `${topicRoot}/devices/+/${channel}`;
}

/** @returns the filter over one channel of all workers, for the control plane */
export function allWorkersFilter(channel: WorkerChannel): string {
  return `${topicRoot}/workers/+/${channel}`;
}

/**
 * Parses a topic or, with `wildcards`, a filter whose id level may be "+".
 * @returns the topic's parts, or undefined where it is none of the platform's
 */
export function parseTopic(text: string, options: { wildcards?: boolean } = {}): Topic | undefined {
  if (!text.startsWith(`${topicRoot}/`)) return undefined;
  const [kind, id, channel, worker, ...rest] = text.slice(topicRoot.length + 1).split('/');
  if (id === undefined || channel === undefined || rest.length > 0) return undefined;
  if (!isId(id) && !(options.wildcards === true && id === '+')) return undefined;
  if (kind === 'workers' && worker === undefined && includes(workerChannels, channel)) {
    return { kind: 'worker', id, channel };
  }
  if (kind !== 'devices' || !includes(deviceChannels, channel)) return undefined;
  if (channel === 'offload' || channel === 'reply') {
    return worker !== undefined && isId(worker) ? { kind: 'device', id, channel, worker } : undefined;
  }
  return worker === undefined ? { kind: 'device', id, channel } : undefined;
}

function includes<T extends string>(list: readonly T[], value: string): value is T {
  return list.some((item) => item === value);
}
