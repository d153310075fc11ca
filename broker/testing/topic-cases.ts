import fc from 'fast-check';
import { type Identity, mayPublish, maySubscribe, roles } from '../../shared/protocol/topic-rules.ts';
import { deviceChannels, workerChannels } from '../../shared/protocol/topics.ts';
import { mayRetain } from '../access.ts';
import { publishPacket, subscribePacket } from './packets.ts';
import { connectAs } from './test-broker.ts';

export const verbs = ['publish', 'retain', 'subscribe', 'mixed subscribe', 'will', 'retained will', 'offline'] as const;
export type Verb = (typeof verbs)[number];

const puback = 4;
const suback = 9;
const denied = 0x80;
const ids = ['a', 'b', 'w'];

const identity: fc.Arbitrary<Identity> = fc.record({ role: fc.constantFrom(...roles), id: fc.constantFrom(...ids) });

/** Topics and filters near the platform's: right ones, right ones with one thing wrong, and wrong ones. */
const level = fc.constantFrom(...ids, '+', '#', '', 'a\0', '$SYS', 'A', '*');
const platformTopic = fc
  .tuple(
    fc.constantFrom('devices', 'devices', 'workers'),
    fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...ids) }, { weight: 1, arbitrary: level }),
    fc.constantFrom(...deviceChannels, ...workerChannels, '+', '#'),
    fc.option(level, { nil: undefined, freq: 2 }),
  )
  .map(([kind, id, channel, last]) => {
    const needsWorker = channel === 'offload' || channel === 'reply';
    const end = needsWorker ? `/${last ?? 'w'}` : last === '#' || last === '$SYS' ? `/${last}` : '';
    return `edgent/v1/${kind}/${id}/${channel}${end}`;
  });
const strangeTopic = fc.constantFrom(
  '#',
  '+',
  '+/#',
  '$SYS/new/clients',
  '$SYS/#',
  '$share/g/edgent/v1/devices/+/telemetry',
  '$share/g/edgent/v1/devices/a/desired',
  'edgent/v1/#',
  'edgent/v1/+/a/presence',
  'edgent/v1/devices/a/desired/',
  '/edgent/v1/devices/a/desired',
  'edgent/v2/devices/a/desired',
  'edgent/v1/devices/a/desired\0',
  'a+',
  'a#b',
  'edgent/v1/devices/a/b/c/d/e/f/g',
);

/** Who asks for what, on which topic or filter. */
export interface TopicCase {
  who: Identity;
  text: string;
  verb: Verb;
}

export const topicCase: fc.Arbitrary<TopicCase> = fc.record({
  who: identity,
  text: fc.oneof({ weight: 6, arbitrary: platformTopic }, { weight: 1, arbitrary: strangeTopic }),
  verb: fc.constantFrom(...verbs),
});

/** @returns whether the broker allows it; a denied PUBLISH ends its connection, so each case has its own */
export async function allowedByBroker(url: string, { who, text, verb }: TopicCase): Promise<boolean> {
  const retain = verb === 'retain' || verb === 'retained will';
  if (verb === 'offline') return (await connectAs(url, who, { clean: false })).code === 0;
  if (verb === 'will' || verb === 'retained will') {
    const { client, code } = await connectAs(url, who, { will: { topic: text, payload: '', retain } });
    client.destroy();
    return code === 0;
  }
  const { client } = await connectAs(url, who);
  // The second filter is one that nobody is granted: it must not take the first one along, nor the other way round.
  if (verb === 'subscribe') client.send(subscribePacket([text]));
  else if (verb === 'mixed subscribe') client.send(subscribePacket(['edgent/v1/devices/+/+', text]));
  else client.send(publishPacket(text, 'payload', { qos: 1, retain }));
  const answer = await client.next();
  client.destroy();
  await client.closed;
  if (verb === 'publish' || verb === 'retain') return answer?.type === puback;
  if (answer?.type !== suback) return false;
  const codes = [...answer.body.subarray(2)];
  if (verb === 'mixed subscribe' && codes[0] !== denied) return true;
  return codes.at(-1) !== denied;
}

/** @returns whether the table of topic rules allows it */
export function allowedByModel({ who, text, verb }: TopicCase): boolean {
  // A broker that keeps nothing has no session for anybody who is away.
  if (verb === 'offline') return false;
  if (verb.endsWith('subscribe')) return maySubscribe(who, text);
  return mayPublish(who, text) && (!verb.includes('retain') || mayRetain(text));
}
