import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { announceReady } from '../../../shared/runtime/ready-line.ts';
import { startThreadEcho } from './thread-echo.ts';

/**
 * One of the two processes between which a message hops as it does on the platform, without anything of the platform:
 * `relay` stands for the broker, `worker` for the worker. EDGENT_HOP says which, EDGENT_TARGET_PORT where a relay sends.
 */
const replyBytes = 168;

/** Collects a message, passes it through a thread, answers with a few bytes. */
async function serveWorker(socket: Socket): Promise<void> {
  const thread = startThreadEcho();
  let expected = 0;
  let held: Buffer[] = [];
  let bytes = 0;
  socket.on('data', (data: Buffer) => {
    if (expected === 0) expected = data.readUInt32LE(0);
    held.push(data);
    bytes += data.length;
    if (bytes < expected) return;
    const message = new Uint8Array(bytes);
    Buffer.concat(held).copy(message);
    held = [];
    bytes = 0;
    expected = 0;
    void thread.roundTrip(message.buffer).then(() => socket.write(Buffer.alloc(replyBytes)));
  });
  socket.on('close', () => void thread.close());
}

function serveRelay(socket: Socket, targetPort: number): void {
  const onward = connect({ host: '127.0.0.1', port: targetPort, noDelay: true });
  socket.on('data', (data: Buffer) => onward.write(data));
  onward.on('data', (data: Buffer) => socket.write(data));
  socket.on('close', () => onward.destroy());
}

const isRelay = process.env['EDGENT_HOP'] === 'relay';
const targetPort = Number(process.env['EDGENT_TARGET_PORT']);
const server = createServer({ noDelay: true }, (socket) => {
  socket.on('error', () => socket.destroy());
  if (isRelay) serveRelay(socket, targetPort);
  else void serveWorker(socket);
});
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  announceReady({ port: String(port) });
});
process.once('SIGTERM', () => process.exit(0));
