import { deviceTopic } from '../../shared/protocol/topics.ts';
import { pingTimes, startDeviceBroker } from './crowds.ts';
import { pingreq, publishPacket, subscribePacket } from './packets.ts';
import { connectAs } from './test-broker.ts';

const strange = ['#', '+', '+/+/+/+/desired', '$SYS/#', '$share/g/edgent/v1/devices/a/desired', 'a\0b', '$SYS/x'];

/**
 * Filters that nobody may have, one by one and a hundred thousand in one packet, and messages to the broker's own topics.
 * @returns how many were granted, and the longest that another device's ping took meanwhile, ms
 */
export async function filterAttacks(rounds: number): Promise<{ granted: number; longestMs: number }> {
  const broker = await startDeviceBroker();
  const many = subscribePacket(Array.from({ length: 100_000 }, (_, i) => `edgent/v1/devices/d${i}/presence`));
  const fitting = Array.from({ length: 100 }, (_, i) => `edgent/v1/devices/d${i}/x`);
  let attacking = true;
  const pings = pingTimes(broker, () => !attacking);
  let granted = 0;
  for (let round = 0; round < rounds; round += 1) {
    for (const packet of [...strange.map((filter) => subscribePacket([filter])), subscribePacket(fitting), many]) {
      const { client } = await connectAs(broker.mqttUrl, { role: 'device', id: 'a' });
      client.send(packet);
      const codes = (await client.next())?.body.subarray(2) ?? [];
      granted += [...codes].filter((code) => code !== 0x80).length;
      client.destroy();
    }
    for (const topic of ['$SYS/x/new/clients', '$SYS/heartbeat', 'a\0b', '+', '#']) {
      const { client } = await connectAs(broker.mqttUrl, { role: 'device', id: 'a' });
      client.send(publishPacket(topic, 'pinging', { qos: 1 }));
      if ((await client.next()) !== undefined) granted += 1;
    }
  }
  attacking = false;
  return { granted, longestMs: Math.max(...(await pings)) };
}

/** A worker connects under a device's client id, again and again. @returns how often it was refused */
export async function takeovers(count: number): Promise<{ refused: number; victimServed: boolean }> {
  const broker = await startDeviceBroker();
  const victim = await connectAs(broker.mqttUrl, { role: 'device', id: 'same' });
  let refused = 0;
  for (let i = 0; i < count; i += 1) {
    const { client, code } = await connectAs(broker.mqttUrl, { role: 'worker', id: 'same' });
    refused += code === 5 ? 1 : 0;
    client.destroy();
  }
  victim.client.send(publishPacket(deviceTopic('same', 'telemetry'), 'x', { qos: 1 }), pingreq);
  return { refused, victimServed: (await victim.client.next())?.type === 4 };
}
