import { connectPacket, disconnect, pingreq, subscribePacket } from './packets.ts';
import { connectRaw } from './raw-client.ts';

/**
 * A subscriber in a process of its own, for tests that stop and continue it.
 *
 *   node subscriber-main.js URL ID TOKEN FILTER
 *
 * It says "ready", counts messages until SIGTERM, and then says "taken" and how many; it ends with 3 where it was cut.
 */
async function main([url = '', id = '', token = '', filter = '']: readonly string[]): Promise<void> {
  const client = await connectRaw(url);
  client.send(connectPacket({ clientId: id, username: id, password: token, keepalive: 10 }));
  await client.next();
  client.send(subscribePacket([filter]));
  await client.next();
  process.stdout.write('ready\n');
  let taken = 0;
  process.once('SIGTERM', () => {
    process.stdout.write(`taken ${taken}\n`);
    client.send(disconnect);
    client.socket.end(() => process.exit(0));
  });
  setInterval(() => client.send(pingreq), 1000);
  for (let one = await client.next(); one !== undefined; one = await client.next()) taken += one.type === 3 ? 1 : 0;
  process.exit(3);
}

await main(process.argv.slice(2));
