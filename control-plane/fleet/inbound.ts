import {
  type ConfigurationRequest,
  configurationRequestParser,
  type Load,
  loadParser,
  type Presence,
  presenceParser,
  type Reported,
  reportedParser,
} from '../../shared/protocol/messages.ts';
import { parseTelemetry, type Telemetry } from '../../shared/protocol/telemetry.ts';
import { allDevicesFilter, allWorkersFilter, parseTopic, type Topic } from '../../shared/protocol/topics.ts';
import { FleetError } from '../../shared/runtime/errors.ts';
import type { MemberRole } from '../store/member-records.ts';

/** All that the control plane listens to. */
export const inboundFilters: readonly string[] = [
  allDevicesFilter('presence'),
  allDevicesFilter('reported'),
  allDevicesFilter('configuration-request'),
  allDevicesFilter('telemetry'),
  allWorkersFilter('presence'),
  allWorkersFilter('reported'),
  allWorkersFilter('configuration-request'),
  allWorkersFilter('load'),
];

type Body =
  | { kind: 'presence'; message: Presence }
  | { kind: 'reported'; message: Reported }
  | { kind: 'configuration-request'; message: ConfigurationRequest }
  | { kind: 'telemetry'; message: Telemetry }
  | { kind: 'load'; message: Load };

/** A message of a device or worker; the topic says whose it is, for the broker lets each publish to its own alone. */
export type Inbound = Body & {
  role: MemberRole;
  id: string;
  /** The broker kept it from before this subscription: its sender need not be there any more. */
  retained: boolean;
};

const maxBytes = 256 << 10;

/** @throws {FleetError} `topic-invalid`, `message-invalid` */
export function parseInbound(topic: string, payload: Buffer, retained: boolean): Inbound {
  const parsed = parseTopic(topic);
  if (parsed === undefined) throw new FleetError('topic-invalid', `"${topic.slice(0, 200)}"`);
  if (payload.length > maxBytes) throw new FleetError('message-invalid', `${topic}: ${payload.length} bytes`);
  return { role: parsed.kind, id: parsed.id, retained, ...parseBody(parsed, payload) };
}

function parseBody({ channel }: Topic, payload: Buffer): Body {
  switch (channel) {
    case 'presence':
      return { kind: channel, message: presenceParser.parseJson(payload) };
    case 'reported':
      return { kind: channel, message: reportedParser.parseJson(payload) };
    case 'configuration-request':
      return { kind: channel, message: configurationRequestParser.parseJson(payload) };
    case 'telemetry':
      return { kind: channel, message: parseTelemetry(payload) };
    case 'load':
      return { kind: channel, message: loadParser.parseJson(payload) };
    case 'desired':
    case 'telemetry-acknowledgement':
    case 'results':
    case 'offload':
    case 'reply':
      throw new FleetError('topic-invalid', `"${channel}" is not for the control plane`);
  }
}
