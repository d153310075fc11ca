import { createHash } from 'node:crypto';
import { systemClock } from '../../shared/runtime/clock.ts';
import { toEnvironment } from '../../shared/runtime/config.ts';
import { createLog } from '../../shared/runtime/log.ts';
import { readBrokerConfig } from '../config.ts';
import { createBroker } from '../create-broker.ts';
import { connectPacket, publishPacket, subscribePacket } from './packets.ts';
import { connectRaw, readPublish } from './raw-client.ts';

/**
 * How fast messages go through the broker on whatever loopback this process has.
 *
 *   node goodput-main.js MESSAGES BYTES
 *
 * It says one JSON object: seconds, and whether every message came, in order and as it was sent.
 */
async function main([messages = '', bytes = '']: readonly string[]): Promise<void> {
  const config = readBrokerConfig(toEnvironment({ mqttPort: 0, allowAnonymous: true }));
  const broker = createBroker({ config, log: createLog('broker', 'fatal'), clock: systemClock });
  await broker.start();
  const url = broker.addresses()?.mqtt ?? '';
  const [sender, receiver] = [await connectRaw(url), await connectRaw(url)];
  for (const [client, clientId] of [
    [sender, 'sender'],
    [receiver, 'receiver'],
  ] as const) {
    client.send(connectPacket({ clientId, keepalive: 0 }));
    await client.next();
  }
  receiver.send(subscribePacket(['goodput'], 1));
  await receiver.next();
  const sent = createHash('sha256');
  const got = createHash('sha256');
  const startMs = systemClock.nowMs();
  for (let i = 0; i < Number(messages); i += 1) {
    const payload = Buffer.alloc(Number(bytes), i);
    sent.update(payload);
    sender.send(publishPacket('goodput', payload, { qos: 1, messageId: i + 1 }));
  }
  for (let i = 0; i < Number(messages); i += 1) {
    const one = await receiver.next();
    if (one === undefined) break;
    got.update(readPublish(one).payload);
  }
  const seconds = (systemClock.nowMs() - startMs) / 1000;
  process.stdout.write(`${JSON.stringify({ seconds, right: sent.digest('hex') === got.digest('hex') })}\n`);
  sender.destroy();
  receiver.destroy();
  await broker.close();
}

await main(process.argv.slice(2));
