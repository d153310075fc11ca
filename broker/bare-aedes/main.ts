import { createServer } from 'node:net';
import { Aedes } from 'aedes';
import { announceReady } from '../../shared/runtime/ready-line.ts';

// Aedes as it comes, with nothing of this broker around it: what the benchmark sets beside it.
const aedes = await Aedes.createBroker();
const server = createServer({ noDelay: true }, (socket) => void aedes.handle(socket));
server.listen(0, '127.0.0.1', 4096, () => {
  const address = server.address();
  if (typeof address === 'object' && address !== null) announceReady({ mqtt: `mqtt://127.0.0.1:${address.port}` });
});
process.once('SIGTERM', () => process.exit(0));
